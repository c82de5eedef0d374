"""The built pages, and a reader who opens them in a headless browser with the network cut off."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import notebooks
from browser_tabs import Tabs

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
# Fonts and formulas are there.
SETTLED = "async () => { await document.fonts.ready; await window.MathJax?.startup?.promise; }"
# Nothing is remembered from one page to the next, but for the theme.
FORGETFUL = """if (location.protocol !== 'about:') {
    localStorage.clear();
    sessionStorage.clear();
    for (const name of ['mode', 'theme']) localStorage.setItem(name, 'THEME');
}"""
# MathJax comes and does nothing. (A browser whose requests are intercepted keeps nothing for the next page.)
UNSET_FORMULAS = """{
    let mathjax;
    Object.defineProperty(window, 'MathJax', { get: () => mathjax, set: (given) => {
        if (!given.version) given.startup = { ...given.startup, typeset: false };
        mathjax = given;
    } });
}"""
PAGES = sorted(path.relative_to(HTML).as_posix() for path in HTML.glob("**/*.html") if "_static" not in path.parts)
NOTEBOOKS = {path.relative_to(notebooks.ROOT).with_suffix(".html").as_posix(): path for path in notebooks.stored()}
CHAPTERS = [page for page, path in NOTEBOOKS.items() if path in notebooks.chapters()]
WALK = [*NOTEBOOKS][:5]  # the opening and the four chapters that everyone reads
WITH_EXPLORERS = [page for page, path in NOTEBOOKS.items() if re.search(r"explore\w*\(", path.read_text("utf-8"))]


@dataclass
class Visit:
    """A page as a reader has it open, and what went wrong meanwhile."""

    page: object = None
    external: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        """Everything that a reader's console or network panel would show in red or yellow."""
        return [
            *(f"asks the network for {url}" for url in self.external),
            *(f"console: {text}" for text in self.console),
            *(f"cannot load {url}" for url in self.broken),
        ]


class Reader:
    """Opens built pages, by http from this machine or straight from the folder."""

    def __init__(self, browser, address: str) -> None:
        self._tabs, self._roots = Tabs(browser, timeout=10_000), {"http": address, "file": HTML.as_uri() + "/"}
        self.leave, self.close = self._tabs.leave, self._tabs.close

    def open(
        self,
        page: str,
        *,
        by: str = "http",
        theme: str = "light",
        width: int = 1280,
        scripts: bool = True,
        formulas: bool = True,
        motion: bool = True,
    ):
        """Open ``page`` and wait until it, its fonts and its formulas are there.

        Setting formulas is most of a load's time: without ``formulas`` they stay as they are written.
        """
        root, visit = self._roots[by], Visit()

        def note(request) -> None:
            if not request.url.startswith((root, "data:", "blob:")):
                visit.external.append(request.url)

        listeners = {
            "request": note,
            "console": lambda m: visit.console.append(m.text) if m.type in ("error", "warning") else None,
            "pageerror": lambda error: visit.console.append(str(error)),
            "response": lambda r: visit.broken.append(f"{r.status} {r.url}") if r.status >= 400 else None,
            "requestfailed": lambda r: visit.broken.append(r.url) if r.url.startswith(root) else None,
        }
        visit.page = self._tabs.take(
            listeners,
            size=(width, 800),
            motion=motion,
            scripts=[FORGETFUL.replace("THEME", theme), *([] if formulas else [UNSET_FORMULAS])],
            java_script_enabled=scripts,
            color_scheme=theme,
        )
        visit.page.goto(root + page, wait_until="load")
        if page == "index.html":
            visit.page.wait_for_url(f"{root}book/*.html")  # it only leads to the first page
        if scripts:
            visit.page.evaluate(SETTLED)
        return visit
