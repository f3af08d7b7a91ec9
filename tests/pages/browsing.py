"""A real Chromium with a telephone's screen, and what it shows of the pages."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import axe_playwright_python
import noto_cjk_sans_otc
from playwright.async_api import Browser, Page, Request, async_playwright

CHROMIUM: Final = Path(__file__).parents[2] / ".aid/chromium"
"""Made by tools/setup_browser.sh."""
REQUIRED: Final = os.environ.get("AID_BROWSER") == "required"
AXE: Final = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
PHONE: Final[Any] = {"width": 390, "height": 844}
NARROW: Final[Any] = {"width": 320, "height": 640}
LEAST_TARGET: Final = 44
_FONTS: Final = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>{fonts}</dir><dir>/usr/share/fonts</dir><cachedir>{cache}</cachedir>
<alias><family>sans-serif</family><prefer><family>Noto Sans CJK SC</family></prefer></alias>
<alias><family>system-ui</family><prefer><family>Noto Sans CJK SC</family></prefer></alias></fontconfig>"""
SMALL: Final = """least => [...document.querySelectorAll('a, button, input, select, textarea, summary')]
  .filter(each => each.checkVisibility() && !each.matches('.skip') && each.type !== 'hidden')
  .map(each => [each.matches('.choice input') ? each.closest('label') : each, each])
  .filter(([shown]) => shown.getBoundingClientRect().height < least - 0.5)
  .map(([, each]) => each.outerHTML.slice(0, 120))"""
FOCUSED: Final = """() => { const at = document.activeElement; return at.id || at.getAttribute('href') || at.name
  || at.textContent.trim() }"""


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Browser]:
    """A browser with a font that has every character, whatever the machine has."""
    fonts = folder / "fonts.conf"
    fonts.write_text(_FONTS.format(fonts=Path(noto_cjk_sans_otc.__file__).parent, cache=folder / "cache"))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
            env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
        )
        yield browser
        await browser.close()


@dataclass
class Visit:
    """One tab, and what it should not have done."""

    page: Page
    home: str
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda said: self._said(said.type, said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)

    def _said(self, kind: str, text: str) -> None:
        # Chromium itself says so of a page that is refused, which is what some tests ask for.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource: the server responded with"):
            self.complaints.append(text)

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.home).netloc:
            self.complaints.append(f"asked {request.url}")

    async def go(self, path: str) -> None:
        await self.page.goto(self.home + path)

    async def findings(self) -> list[str]:
        """What axe finds, of whatever weight."""
        await self.page.evaluate(AXE)
        found = await self.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['impact']} {each['id']}: {node['html'][:160]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    async def overflow(self) -> int:
        """How many pixels one would have to scroll sideways."""
        return int(
            await self.page.evaluate(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    async def small_targets(self) -> list[str]:
        return list(await self.page.evaluate(SMALL, LEAST_TARGET))

    async def looked_at(self) -> list[str]:
        """Everything that is wrong with what is shown now: on a telephone, on a narrow one, with twice the text."""
        wrong = [*await self.findings(), *(f"too small: {each}" for each in await self.small_targets())]
        for size, times in ((NARROW, 1), (NARROW, 2), (PHONE, 2)):
            await self.page.set_viewport_size(size)
            await self.page.evaluate(f"() => {{ document.documentElement.style.fontSize = '{112.5 * times}%' }}")
            if (over := await self.overflow()) > 0:
                wrong.append(f"{over} pixels too wide at {size['width']} and {times} times the text")
        await self.page.set_viewport_size(PHONE)
        await self.page.evaluate("() => { document.documentElement.style.fontSize = '' }")
        wrong += self.complaints
        return wrong
