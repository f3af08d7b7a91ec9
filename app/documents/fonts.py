"""The one font of every printed form: Noto Sans CJK SC, from an installed package, so that no machine needs set-up."""

from importlib.resources import files
from pathlib import Path

PACKAGE, FAMILY = "noto_cjk_sans_otc", "Noto Sans CJK SC"


class FontMissing(RuntimeError):
    """The package with the font is not installed, or has no font in it."""


def font_file(package: str = PACKAGE) -> Path:
    """The file of the font. Raises FontMissing."""
    try:
        found = sorted(Path(str(files(package))).glob("*.ttc"))
    except ModuleNotFoundError:
        found = []
    if not found:
        raise FontMissing(f"没有找到打印用的中文字体，请重新运行 make 安装依赖 (package {package} has no font)")
    return found[0]
