"""Invented hospital bills, drawn as pictures, and as somebody photographs them: for the demo, the tests and the bench.

Bills of one hospital come from one form: only the number, the name, the days and the sums differ.
"""

import io
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

HOSPITALS: Final = ("汕头市中心医院", "汕头大学医学院第一附属医院", "潮阳区大峰医院", "澄海区人民医院")
_FEES: Final = ("床位费", "诊查费", "检查费", "化验费", "治疗费", "手术费", "护理费", "西药费", "中成药费", "材料费")
_SURNAMES: Final = "陈林黄郑吴蔡李张王刘杨许谢周庄"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉建国文"


@dataclass(frozen=True, slots=True)
class Bill:
    """What stands on a bill; sums in fen."""

    hospital: str
    number: str
    name: str
    admitted_on: date
    discharged_on: date
    fees: tuple[int, ...]
    pool_fen: int

    @property
    def total_fen(self) -> int:
        return sum(self.fees)

    def sheet(self) -> dict[str, Any]:
        """The settlement sheet that belongs to it, as a form has it."""
        own, deductible = self.fees[-1], 100_000
        scope = self.total_fen - own
        pool = min(self.pool_fen, scope - deductible)
        return {
            "number": self.number,
            "settled_at": f"{self.discharged_on}T10:00:00+08:00",
            "medfee_sumamt_fen": self.total_fen,
            "fulamt_ownpay_amt_fen": own,
            "overlmt_selfpay_fen": 0,
            "preselfpay_amt_fen": 0,
            "inscp_scp_amt_fen": scope,
            "act_pay_dedc_fen": deductible,
            "hifp_pay_fen": pool,
            "hifob_pay_fen": 0,
            "cvlserv_pay_fen": 0,
            "maf_pay_fen": 0,
            "acct_pay_fen": 0,
            "psn_cash_pay_fen": self.total_fen - pool,
        }

    def stay(self) -> dict[str, Any]:
        return {
            "hospital_code": f"H4405{HOSPITALS.index(self.hospital):07d}",
            "hospital_name": self.hospital,
            "cause": "illness",
            "admitted_on": str(self.admitted_on),
            "discharged_on": str(self.discharged_on),
            "diagnosis": "肺炎",
        }


def bill(random: Random, before: date, hospital: str | None = None) -> Bill:
    """A bill of a stay that ended within the month before a day."""
    discharged_on = before - timedelta(days=random.randrange(1, 30))
    fees = tuple(random.randrange(2_000, 900_000) for _ in _FEES)
    return Bill(
        hospital or random.choice(HOSPITALS),
        "".join(random.choice("0123456789") for _ in range(18)),
        random.choice(_SURNAMES) + "".join(random.sample(_GIVEN, 2)),
        discharged_on - timedelta(days=random.randrange(1, 12)),
        discharged_on,
        fees,
        sum(fees) * random.randrange(40, 80) // 100,
    )


def one_digit_changed(number: str, random: Random) -> str:
    at = random.randrange(len(number))
    return number[:at] + random.choice([d for d in "0123456789" if d != number[at]]) + number[at + 1 :]


def retyped(seen: Bill, random: Random) -> Bill:
    """What somebody says of the same paper whose number they change by one digit."""
    return replace(seen, number=one_digit_changed(seen.number, random))


@cache
def _font(size: int) -> Any:
    import noto_cjk_sans_otc
    from PIL import ImageFont

    (path,) = Path(noto_cjk_sans_otc.__file__).parent.glob("*.ttc")
    return ImageFont.truetype(str(path), size)


def drawn(seen: Bill) -> Any:
    """The bill on paper, as a picture of Pillow's."""
    from PIL import Image, ImageDraw

    paper = Image.new("RGB", (1000, 1400), "white")
    pen = ImageDraw.Draw(paper)

    def write(x: int, y: int, text: str, size: int = 28, fill: str = "black", anchor: str = "la") -> None:
        pen.text((x, y), text, font=_font(size), fill=fill, anchor=anchor)

    write(500, 60, seen.hospital, 40, anchor="mm")
    write(500, 120, "医疗住院收费票据（演示）", 40, "#960000", "mm")
    write(80, 180, f"票据号码：{seen.number}")
    write(80, 225, f"姓名：{seen.name}    医保类型：职工医保")
    write(80, 270, f"入院：{seen.admitted_on}    出院：{seen.discharged_on}")
    y = 330
    for name, fen in zip(_FEES, seen.fees, strict=True):
        pen.rectangle((80, y, 920, y + 60), outline="black", width=2)
        pen.line((500, y, 500, y + 60), fill="black", width=2)
        write(100, y + 12, name)
        write(900, y + 12, f"{fen / 100:,.2f}", anchor="ra")
        y += 60
    sheet = seen.sheet()
    write(80, y + 30, f"合计：{seen.total_fen / 100:,.2f}")
    write(
        80, y + 80, f"统筹支付：{sheet['hifp_pay_fen'] / 100:,.2f}    个人支付：{sheet['psn_cash_pay_fen'] / 100:,.2f}"
    )
    pen.ellipse((650, y + 40, 880, y + 270), outline="#c80000", width=6)
    write(765, y + 155, "收费专用章", fill="#c80000", anchor="mm")
    write(80, 1340, "此票据为演示用，仅作报销凭证的样子", 22)
    return paper


def scanned(paper: Any, random: Random) -> bytes:
    """Laid on a scanner: nearly straight, whole, well lit."""
    return photographed(paper, random, turns=0, slant=2.0, cut=0.01, light=(0.95, 1.05), quality=(75, 92))


def photographed(
    paper: Any,
    random: Random,
    *,
    turns: int | None = None,
    slant: float = 6.0,
    cut: float = 0.06,
    light: tuple[float, float] = (0.6, 1.15),
    quality: tuple[int, int] = (35, 85),
) -> bytes:
    """Held up to a camera: turned by quarters and by some degrees, cut at the edges, dim or bright, packed as JPEG."""
    from PIL import Image, ImageEnhance

    shade = (random.randrange(225, 256),) * 3
    seen = paper.rotate(random.uniform(-slant, slant), expand=True, fillcolor=shade, resample=Image.Resampling.BICUBIC)
    left, top, right, bottom = (random.uniform(0, cut) for _ in range(4))
    width, height = seen.size
    seen = seen.crop((int(left * width), int(top * height), int(width * (1 - right)), int(height * (1 - bottom))))
    seen = seen.rotate(90 * (random.randrange(4) if turns is None else turns), expand=True)
    scale = random.uniform(0.6, 1.2)
    seen = seen.resize((int(seen.width * scale), int(seen.height * scale)))
    seen = ImageEnhance.Brightness(seen).enhance(random.uniform(*light))
    seen = ImageEnhance.Contrast(seen).enhance(random.uniform(0.75, 1.15))
    written = io.BytesIO()
    seen.save(written, "JPEG", quality=random.randrange(*quality))
    return written.getvalue()
