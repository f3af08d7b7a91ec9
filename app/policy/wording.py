"""Days and rates as people read them. Pure."""

from datetime import date
from functools import lru_cache


@lru_cache(maxsize=4096)
def day_text(day: date) -> str:
    """2026-09-01 → 2026年9月1日."""
    return f"{day.year}年{day.month}月{day.day}日"


@lru_cache(maxsize=256)
def percent_text(rate_bp: int) -> str:
    """Basis points as a percentage without idle zeros: 8_000 → 80%, 1_250 → 12.5%."""
    whole, rest = divmod(rate_bp, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"
