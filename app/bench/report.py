"""What a run says: a table for people, one line of JSON for everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.table import Table

from app.bench import bulk
from app.bench.load import Measured

TARGETS = {"get": 0.20, "list": 0.15, "case": 0.05, "submit": 0.10, "approve": 0.10, "approve_last": 0.10}
"""The least share of the yardstick's requests per second."""
PAGES = ("page", "notices")
"""What anybody may ask for without signing in: a page that is kept, and one that is made each time."""
EVALUATION_US, BULK_SECONDS = 30.0, 20.0
"""One decision that is given, median; a hundred thousand of them made again, or rehearsed."""
LIST_P99_GROWTH, MEMORY_MIB, MEMORY_GROWTH = 1.3, 200.0, 1.2
BUSY_GENERATOR, SLOW_GENERATOR_RPS = 0.8, 20_000


@dataclass
class Figures:
    """One case over the rounds: requests per second, latencies (ms), processor time per request (µs)."""

    rps: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    service_us: list[float] = field(default_factory=list)
    database_us: list[float] = field(default_factory=list)
    busy: float = 0.0
    refused: dict[str, int] = field(default_factory=dict)

    def add(self, measured: Measured, service_seconds: float, database_seconds: float) -> None:
        """A round: what the generator saw, and what the service and the database used meanwhile."""
        answers = max(measured.answers, 1)
        self.rps.append(measured.rps)
        self.p50.append(measured.p50 * 1e3)
        self.p99.append(measured.p99 * 1e3)
        self.service_us.append(service_seconds / answers * 1e6)
        self.database_us.append(database_seconds / answers * 1e6)
        self.busy = max(self.busy, measured.busy)
        self.refused |= measured.refused

    def told(self, yardstick: "Figures") -> dict[str, float]:
        """Medians over the rounds, beside the yardstick's."""
        rps, cpu = median(self.rps), median(self.service_us)
        return {
            "rps": round(rps, 1),
            "ratio": round(rps / median(yardstick.rps), 3),
            "p50_ms": round(median(self.p50), 2),
            "p99_ms": round(median(self.p99), 2),
            "cpu_us": round(cpu, 1),
            "cpu_ratio": round(median(yardstick.service_us) / cpu, 3) if cpu else 0.0,
            "database_us": round(median(self.database_us), 1),
        }


def told(figures: Mapping[str, Figures], rest_mib: float, after_mib: float) -> dict[str, Any]:
    """The line of JSON, as an object."""
    yardstick = figures["yardstick"]
    cases = {name: figures[name].told(yardstick) for name in (*TARGETS, *PAGES)}
    return {
        "yardstick_rps": round(median(yardstick.rps), 1),
        "yardstick_cpu_us": round(median(yardstick.service_us), 1),
        **cases,
        "list_10k_p99_ms": round(median(figures["list_10k"].p99), 2),
        "rss_rest_mib": round(rest_mib, 1),
        "rss_after_mib": round(after_mib, 1),
        "generator_rps": round(median(figures["socket"].rps), 1),
    }


def table(figures: Mapping[str, Figures], clients: int, together: Mapping[str, float]) -> Table:
    """A row for each case, and one for many at once."""
    shown = Table(title=f"{clients} 个连接；每次请求的处理器时间单位为微秒")
    for heading in ("", "次/秒", "比例", "目标", "p50 ms", "p99 ms", "服务 µs", "按 µs 比例", "数据库 µs", "压测占用"):
        shown.add_column(heading, justify="right")
    for name, figure in figures.items():
        row = figure.told(figures["yardstick"])
        target = TARGETS.get(name)
        shown.add_row(
            name,
            f"{row['rps']:,.0f}",
            _judged(f"{row['ratio']:.3f}", target is None or row["ratio"] >= target),
            f"≥ {target:.2f}" if target else "",
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['cpu_us']:.0f}",
            f"{row['cpu_ratio']:.3f}",
            f"{row['database_us']:.0f}",
            f"{figure.busy:.0%}",
        )
    per_second = together["items"] / together["seconds"]
    shown.add_row(
        f"bulk × {together['items']:,.0f}",
        f"{per_second:,.0f} 份",
        _judged(f"{together['seconds']:.2f} 秒", together["worst_s"] <= bulk.SECONDS),
        f"≤ {bulk.SECONDS:.0f} 秒",
        f"{together['seconds'] * 1e3:.0f}",
        f"{together['worst_s'] * 1e3:.0f}",
    )
    return shown


def remarks(figures: Mapping[str, Figures], rest_mib: float, after_mib: float, *, huge: bool) -> list[str]:
    """What the table does not show: memory, growth with size, and whether the figures may be trusted.

    `huge`: whether the database server had huge pages.
    """
    small, large = median(figures["list_10k"].p99), median(figures["list"].p99)
    growth = large / small if small else 0.0
    said = [
        f"待办列表 p99：{large:.2f} ms，一万行时 {small:.2f} ms，"
        + _judged(f"{growth:.2f} 倍", growth <= LIST_P99_GROWTH)
        + f"（目标 ≤ {LIST_P99_GROWTH}）",
        f"服务进程内存：启动后 {_judged(f'{rest_mib:.0f} MiB', rest_mib <= MEMORY_MIB)}（目标 ≤ {MEMORY_MIB:.0f}），"
        f"压测后 {_judged(f'{after_mib:.0f} MiB', after_mib <= rest_mib * MEMORY_GROWTH)}（目标 ≤ +20%）",
    ]
    if not huge:
        said.append("[yellow]数据库没有用上大页（不是 root，或机器不允许）：写入会慢一些，见 docs/operations.md[/]")
    if median(figures["socket"].rps) < SLOW_GENERATOR_RPS:
        said.append(f"[yellow]压测程序自身最多只能每秒请求 {median(figures['socket'].rps):,.0f} 次[/]")
    busy = [name for name, figure in figures.items() if figure.busy > BUSY_GENERATOR and name != "socket"]
    if busy:
        said.append(f"[yellow]压测程序占满了处理器，这些结果可能偏低：{'、'.join(busy)}[/]")
    for name, figure in figures.items():
        said += [f"[red]{name}：{count} 次 {answer}[/]" for answer, count in figure.refused.items()]
    return said


def of_rules(rules: Mapping[str, Any]) -> list[str]:
    """What the rules took: one decision, all of them again, a rehearsal."""
    evaluated = "，".join(
        f"{name} {_judged(f'{value:.1f} µs', name.endswith('_refused') or value <= EVALUATION_US)}"
        for name, value in rules["evaluate_us"].items()
    )
    bulk = [_in_bulk(rules, name, what) for name, what in (("replay", "重新计算决定"), ("rehearse", "预演家庭"))]
    return [f"单次测算（目标 ≤ {EVALUATION_US:.0f} µs）：{evaluated}", *bulk]


def _in_bulk(rules: Mapping[str, Any], name: str, what: str) -> str:
    count, seconds, grew = (rules[f"{name}_{part}"] for part in ("count", "seconds", "grew_mib"))
    took = _judged(f"{seconds:.1f} 秒", seconds <= BULK_SECONDS)
    return f"{what} {count:,}：{took}（目标 ≤ {BULK_SECONDS:.0f}），内存增长 {grew:.0f} MiB"


def _judged(text: str, good: bool) -> str:
    return f"[green]{text}[/]" if good else f"[red]{text}[/]"
