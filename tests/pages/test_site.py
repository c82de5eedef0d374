"""The built site as files: what it weighs, what it links to, what must not have leaked into it. Needs no browser."""

from __future__ import annotations

import base64
import functools
import gzip
import html
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import yaml
from built_pages import CHAPTERS, HTML, NOTEBOOKS, PAGES, WITH_EXPLORERS

pytestmark = pytest.mark.skipif(not PAGES, reason="the book is not built: make book")

PAGE_LIMIT = 4_000_000  # bytes of a page with its pictures
EXPLORER_LIMIT = 1_000_000  # bytes of one explorer
LEAKS = ("application/vnd.jupyter", "cdn.jsdelivr", "unpkg.com", "cdnjs.", "require.min.js", "fonts.googleapis")


class Explorers(HTMLParser):
    """Start and end, name and kind of each explorer in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._lines = [0]
        for line in text.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self.spans, self.looks, self._open, self._text = [], [], [], text
        self.feed(text)

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag, attributes):
        if tag == "figure":
            look = dict(attributes)
            explorer = "helm-explorer" in (look.get("class") or "")
            self._open.append(self._offset() if explorer else None)
            if explorer:
                self.looks.append(look)

    def handle_endtag(self, tag):
        if tag == "figure" and (start := self._open.pop()) is not None:
            self.spans.append((start, self._offset()))

    @property
    def weights(self) -> list[int]:
        """Bytes of each explorer."""
        return [len(self._text[start:end].encode()) for start, end in self.spans]

    @property
    def data(self) -> dict[str, dict]:
        """What each explorer, by its name in links, says of its controls: ``names`` and, of each, ``keys``."""
        found = {}
        for look, (start, end) in zip(self.looks, self.spans, strict=True):
            script = re.search(r'class="helm-data">(.*?)</script>', self._text[start:end], re.DOTALL)[1]
            found[look["id"]] = json.loads(
                gzip.decompress(base64.b64decode(script)) if look["data-kind"] == "numbers" else script
            )
        return found


def read(page: str) -> str:
    return (HTML / page).read_text(encoding="utf-8")


@functools.cache
def anchors(path: Path) -> frozenset[str]:
    """The names that a link may lead to in the page."""
    return frozenset(re.findall(r'\b(?:id|name)="([^"]+)"', path.read_text(encoding="utf-8")))


@functools.cache
def explorers(path: Path) -> dict[str, dict]:
    """The explorers of a page, as their links see them."""
    return Explorers(path.read_text(encoding="utf-8")).data


def names_a_setting(path: Path, fragment: str) -> bool:
    """Whether ``id?control=value&...`` names an explorer of the page, and controls and values that it has."""
    name, _, words = fragment.partition("?")
    explorer = explorers(path).get(name)
    pairs = parse_qsl(words, keep_blank_values=True)
    return bool(explorer and pairs) and all(
        control in explorer["names"] and value in explorer["keys"][explorer["names"].index(control)]
        for control, value in pairs
    )


def test_pages_and_explorers_are_light_enough():
    print(f"\n{'page':<28}{'html':>9}{'pictures':>10}{'explorers':>11}   heaviest")
    heavy = []
    for page in PAGES:
        text = read(page)
        names = set(re.findall(r"_images/[\w.-]+", text))
        pictures = sum((HTML / name).stat().st_size for name in names if (HTML / name).exists())
        weights = Explorers(text).weights
        size, heaviest = len(text.encode()), max(weights, default=0)
        print(f"{page:<28}{size / 1e6:>7.2f} M{pictures / 1e6:>8.2f} M{len(weights):>11}   {heaviest / 1e6:.2f} M")
        if size + pictures > PAGE_LIMIT:
            heavy.append(f"{page} weighs {size + pictures} bytes")
        heavy += [f"an explorer of {page} weighs {weight} bytes" for weight in weights if weight > EXPLORER_LIMIT]
    total = sum(path.stat().st_size for path in HTML.rglob("*") if path.is_file())
    print(f"the whole site: {total / 1e6:.1f} MB")
    assert heavy == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_of_a_kernel_or_of_other_servers_leaks_into_a_page(page):
    text = read(page)
    assert [leak for leak in LEAKS if leak in text] == []
    loaded = re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=\"(https?:[^\"]+)\"", text)
    loaded += [tag for tag in re.findall(r"<link[^>]*>", text) if "stylesheet" in tag and 'href="http' in tag]
    assert loaded == []


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_the_colab_button_opens_the_chapter_itself(page):
    config = yaml.safe_load((HTML.parents[1] / "_config.yml").read_text(encoding="utf-8"))["repository"]
    owner_and_name = config["url"].removeprefix("https://github.com/")
    chapter = page.replace(".html", ".ipynb")
    wanted = f"https://colab.research.google.com/github/{owner_and_name}/blob/{config['branch']}/{chapter}"
    assert wanted in set(re.findall(r'href="(https://colab[^"]+)"', read(page)))
    assert (HTML.parents[1] / chapter).is_file()


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_the_book_leads_somewhere(page):
    text = read(page)
    missing = []
    for link in re.findall(r'<a\b[^>]*\shref="([^"]+)"', text):
        target, _, anchor = html.unescape(link).partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        path = ((HTML / page).parent / target).resolve() if target else HTML / page
        if not path.is_file():
            missing.append(link)
        elif anchor and path.suffix == ".html":
            # "?" sets an explorer; elsewhere an anchor is a place in the page.
            there = names_a_setting(path, anchor) if "?" in anchor else anchor in anchors(path)
            missing += [] if there else [link]
    assert missing == []


def test_the_boxes_of_the_map_lead_to_the_chapters_beside_the_page():
    boxes = re.search(r'<svg class="helm-map".*?</svg>', read("book/intro.html"), re.DOTALL)[0]
    assert sorted(re.findall(r'<a href="([^"]+)"', boxes)) == sorted(Path(page).name for page in CHAPTERS)


@pytest.mark.parametrize("page", WITH_EXPLORERS)
def test_an_explorer_has_a_name_of_its_own(page):
    """Links lead to it by its name, and the picture's own parts are found by names made from it."""
    ids = Counter(re.findall(r'<[a-z][^>]*?\sid="([^"]+)"', read(page)))
    names = tuple(explorers(HTML / page))
    assert names
    assert len(names) == read(page).count('<figure class="helm-explorer')
    assert [name for name, count in ids.items() if count > 1 and name.startswith(names)] == []


def test_static_hosts_serve_the_folders_that_begin_with_an_underscore():
    assert (HTML / ".nojekyll").is_file()


@pytest.mark.parametrize("page", CHAPTERS)
def test_first_uses_of_the_trades_words_lead_to_the_glossary_once_each(page):
    links = re.findall(r'<a class="helm-term[^"]*" href="glossary.html#(term-[^"]+)" title="([^"]+)"', read(page))
    assert len(links) >= 5
    assert all(meaning.strip() for _, meaning in links)
    assert len({term for term, _ in links}) == len(links)


def test_the_status_page_knows_every_notebooks_time_and_weight():
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", read("book/status.html"), re.DOTALL)
    cells = [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)] for row in rows
    ]
    rows = [row for row in cells if len(row) == 5 and row[4].endswith(" MB")]
    for page, (title, seconds, memory, explorers, weight) in zip(NOTEBOOKS, rows, strict=True):
        chapter = page in CHAPTERS
        assert re.fullmatch(r"\d\.\d\d GiB", memory) or not chapter, f"{title} was not measured"
        assert re.fullmatch(r"\d+ s", seconds), f"{title} was not run"
        assert int(explorers) >= chapter and re.fullmatch(r"\d+\.\d MB", weight)
    records = {path.stem for path in (HTML.parents[1] / "book" / "records").glob("*.json")}
    recorded = {row[0]: row[1] for row in cells if len(row) == 6}
    assert records == set(recorded)
    place = r"(opening|\d|deeper)"
    assert all(re.fullmatch(rf"{place}(, {place})*", places) for places in recorded.values()), recorded


def test_pages_say_elsewhere_what_they_are():
    addresses = set(re.findall(r"<loc>([^<]+)</loc>", (HTML / "sitemap.xml").read_text(encoding="utf-8")))
    for page in PAGES:
        if not page.startswith("book/"):
            continue
        meta = dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', read(page)))
        assert 50 <= len(html.unescape(meta["description"])) <= 320, page
        assert meta["og:url"] in addresses and meta["og:url"].endswith(page)
        assert (HTML / meta["og:image"].removeprefix(meta["og:url"].removesuffix(page))).is_file()


@pytest.mark.parametrize("page", CHAPTERS)
def test_the_minutes_under_the_headings_add_up_to_the_reading_time_at_the_top(page):
    text = (HTML / page).read_text(encoding="utf-8")
    lines = re.findall(r'<p class="helm-minutes">(\d+) min(?:, (\d+) more with the proofs)?</p>', text)
    assert len(lines) >= 4
    reading, proofs = (sum(int(number or 0) for number in column) for column in zip(*lines, strict=True))
    said = re.search(r"Reading time (.*?)(?:, (.*) without the proofs)?\. Run time", text)
    spoken = {f"{number} minutes": number for number in range(10, 61, 5)}
    spoken |= {"an hour": 60, "an hour and a quarter": 75, "an hour and a half": 90}
    whole, short = spoken[said[1]], spoken[said[2] or said[1]]
    assert 0.5 * short <= reading <= 1.1 * short
    assert reading + proofs <= 1.1 * whole
    assert (said[2] is None) or proofs >= 10
