"""The built pages, and a reader who opens them in a headless browser with the network cut off."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
# Fonts and formulas are there.
SETTLED = "async () => { await document.fonts.ready; await window.MathJax?.startup?.promise; }"
# MathJax comes and does nothing. (A browser whose requests are intercepted keeps nothing for the next page.)
UNSET_FORMULAS = """{
    let mathjax;
    Object.defineProperty(window, 'MathJax', { get: () => mathjax, set: (given) => {
        if (!given.version) given.startup = { ...given.startup, typeset: false };
        mathjax = given;
    } });
}"""
PAGES = sorted(path.relative_to(HTML).as_posix() for path in HTML.glob("**/*.html") if "_static" not in path.parts)
CHAPTERS = sorted(f"book/{path.stem}.html" for path in (HTML.parents[1] / "book").glob("*.ipynb"))


@dataclass
class Visit:
    """A page as a reader has it open, and what went wrong meanwhile."""

    page: object
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
    """Opens built pages, by http from this machine or straight from the folder.

    Tabs are kept, and opened again on other pages: a new one would cost as much as reading the page.
    """

    def __init__(self, browser, address: str) -> None:
        self._browser, self._roots = browser, {"http": address, "file": HTML.as_uri() + "/"}
        self._free: dict[tuple, list] = defaultdict(list)
        self._used: list[tuple[tuple, object, dict]] = []

    def _new_tab(self, theme: str, scripts: bool, formulas: bool):
        context = self._browser.new_context(java_script_enabled=scripts, color_scheme=theme)
        context.set_default_timeout(10_000)
        # Nothing is remembered from one page to the next, but for the theme.
        context.add_init_script(
            "if (location.protocol !== 'about:') { localStorage.clear(); sessionStorage.clear(); "
            f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}'); }}"
        )
        if not formulas:
            context.add_init_script(UNSET_FORMULAS)
        return context.new_page()

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

        Setting formulas is most of a load's time: without ``formulas`` they stay as they are written. A reader who
        asks for no ``motion`` is shown where things end.
        """
        root, key = self._roots[by], (by, theme, scripts, formulas)
        tab = self._free[key].pop() if self._free[key] else self._new_tab(theme, scripts, formulas)
        visit = Visit(tab)

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
        self._used.append((key, tab, listeners))
        for event, listener in listeners.items():
            tab.on(event, listener)
        tab.set_viewport_size({"width": width, "height": 800})
        tab.emulate_media(reduced_motion="no-preference" if motion else "reduce")
        tab.goto(root + page, wait_until="load")
        if page == "index.html":
            tab.wait_for_url(f"{root}book/*.html")  # it only leads to the first page
        if scripts:
            tab.evaluate(SETTLED)
        return visit

    def leave(self) -> None:
        """Leave the pages that were opened, for the next to be opened in their tabs."""
        while self._used:
            key, tab, listeners = self._used.pop()
            for event, listener in listeners.items():
                tab.remove_listener(event, listener)
            tab.goto("about:blank")
            self._free[key].append(tab)

    def close(self) -> None:
        """Close all tabs."""
        for tab in [tab for tabs in self._free.values() for tab in tabs]:
            tab.context.close()
