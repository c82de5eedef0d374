"""Print the built book into one PDF: ``make pdf`` writes ``_build/the_two_pillars.pdf``.

Sliders become the figure that they begin with, questions have their answers, what is folded is open. A link to another
page of the book leads to that page in the PDF; every chapter has its bookmark.
"""

from __future__ import annotations

import io
import mimetypes
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import notebooks
from chromium import find_chromium, launched
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NullObject, NumberObject

ROOT = notebooks.ROOT
HTML = ROOT / "_build" / "html"
TARGET = ROOT / "_build" / "the_two_pillars.pdf"
TITLE = "The Two Pillars of Gradient Planning"
# A name that leads nowhere, so that a link that was missed cannot show where the book was printed.
ORIGIN = "https://book.invalid/"
OPEN = "() => document.querySelectorAll('details').forEach(d => { d.open = true; })"
SETTLED = """async () => {
    await document.fonts.ready;
    await window.MathJax?.startup?.promise;
    for (const image of document.images) { image.loading = 'eager'; await image.decode().catch(() => {}); }
}"""
FOOTER = (
    '<div style="font: 8px sans-serif; width: 100%; text-align: center; color: #555">'
    '{} · <span class="pageNumber"></span></div>'
)


def pages() -> list[str]:
    """The book's pages in the order of its table of contents, without ``.html``."""
    return [path.relative_to(ROOT).with_suffix("").as_posix() for path in notebooks.pages()]


def serve(route) -> None:
    """Answer a request from the built pages; nothing else is asked for."""
    path = HTML / urlsplit(route.request.url).path.lstrip("/")
    if not route.request.url.startswith(ORIGIN) or not path.is_file():
        route.abort()
        return
    route.fulfill(body=path.read_bytes(), content_type=mimetypes.guess_type(path)[0] or "application/octet-stream")


def print_page(browser, name: str) -> tuple[str, bytes]:
    """Title and PDF of one page."""
    context = browser.new_context(viewport={"width": 1000, "height": 1400}, color_scheme="light")
    context.add_init_script("localStorage.setItem('mode', 'light'); localStorage.setItem('theme', 'light');")
    context.route("**/*", serve)
    page = context.new_page()
    page.goto(f"{ORIGIN}{name}.html", wait_until="load")
    page.evaluate(OPEN)
    page.evaluate(SETTLED)
    title = page.locator("h1").first.evaluate("h => h.firstChild.textContent.trim()")
    margins = {"top": "16mm", "bottom": "18mm", "left": "14mm", "right": "14mm"}
    printed = page.pdf(
        format="A4",
        margin=margins,
        scale=0.8,
        print_background=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER.format(title),
    )
    context.close()
    return title, printed


def lead_inside(writer: PdfWriter, first: dict[str, int]) -> None:
    """Turn links to other pages of the book into links within the PDF; others lose their address."""
    for sheet in writer.pages:
        for reference in sheet.get("/Annots", ()):
            link = reference.get_object()
            address = link.get("/A", {}).get("/URI", "")
            if not address.startswith(ORIGIN):
                continue
            name = urlsplit(address).path.strip("/").removesuffix(".html")
            del link["/A"]
            if name in first:
                target = writer.pages[first[name]].indirect_reference
                where = [target, NameObject("/XYZ"), NullObject(), NullObject(), NumberObject(0)]
                link[NameObject("/Dest")] = ArrayObject(where)
            else:
                link[NameObject("/Border")] = ArrayObject([NumberObject(0)] * 3)
                link[NameObject("/A")] = DictionaryObject()


def bind(printed: Sequence[tuple[str, str, bytes]]) -> PdfWriter:
    """One PDF of all pages ``(name, title, PDF)``, with a bookmark each."""
    writer, first = PdfWriter(), {}
    for name, title, content in printed:
        first[name] = len(writer.pages)
        writer.append(PdfReader(io.BytesIO(content)), outline_item=title, import_outline=False)
    lead_inside(writer, first)
    writer.add_metadata({"/Title": TITLE, "/Author": "The helm_tutorial authors"})
    return writer


def main(names: Sequence[str]) -> None:
    """Print these pages, all without names."""
    executable = find_chromium()
    if executable is None:
        sys.exit("pdf: no Chromium found; install one, or name it in CHROMIUM")
    printed = []
    with launched(executable) as browser:
        for name in names or pages():
            title, content = print_page(browser, name)
            printed.append((name, title, content))
            print(f"printed: {title}")
    writer = bind(printed)
    writer.write(TARGET)
    print(f"{TARGET.relative_to(ROOT)}: {len(writer.pages)} pages, {TARGET.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
