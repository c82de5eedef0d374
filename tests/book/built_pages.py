"""The built pages, and a reader who opens them in a headless browser with the network cut off."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
# Fonts and formulas are there.
SETTLED = "async () => { await document.fonts.ready; await window.MathJax?.startup?.promise; }"
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
    """Opens built pages, by http from this machine or straight from the folder."""

    def __init__(self, browser, address: str) -> None:
        self._browser, self._roots = browser, {"http": address, "file": HTML.as_uri() + "/"}
        self._contexts: list = []

    def open(
        self,
        page: str,
        *,
        by: str = "http",
        theme: str = "light",
        width: int = 1280,
        scripts: bool = True,
        formulas: bool = True,
    ):
        """Open ``page`` and wait until it, its fonts and its formulas are there.

        Setting formulas is most of a load's time: without ``formulas`` they stay as they are written.
        """
        context = self._browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=theme, java_script_enabled=scripts
        )
        context.set_default_timeout(10_000)
        self._contexts.append(context)
        context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}');")
        visit = Visit(context.new_page())
        root = self._roots[by]

        def note(request) -> None:
            if not request.url.startswith((root, "data:", "blob:")):
                visit.external.append(request.url)

        if not formulas:
            context.route(f"{root}_static/mathjax/**", lambda r: r.fulfill(body="", content_type="text/javascript"))
        visit.page.on("request", note)
        visit.page.on("console", lambda m: visit.console.append(m.text) if m.type in ("error", "warning") else None)
        visit.page.on("pageerror", lambda error: visit.console.append(str(error)))
        visit.page.on("response", lambda r: visit.broken.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        visit.page.on("requestfailed", lambda r: visit.broken.append(r.url) if r.url.startswith(root) else None)
        visit.page.goto(root + page, wait_until="load")
        if page == "index.html":
            visit.page.wait_for_url(f"{root}book/*.html")  # it only leads to the first page
        if scripts:
            visit.page.evaluate(SETTLED)
        return visit

    def close(self) -> None:
        """Close what was opened."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()
