"""Sphinx extension of the book: what a build was made with and what came of it, for the page ``status``, and the
address under which the pages are meant to stand."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from helm_markup import typeset_numbers
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from helm_study import records
from helm_study.claims.card import CLAIMS

PACKAGES = (
    "helm_tutorial",
    "torch",
    "numpy",
    "matplotlib",
    "gymnasium",
    "minigrid",
    "ipywidgets",
    "jupyter-book",
    "sphinx",
    "nbval",
)
# Names of the benchmarks' figures in words, in the order in which the page shows them.
FIGURES = {
    "book_seconds": "all chapters, two at a time, from cold kernels",
    "book_core_seconds": "all chapters, one after another",
    "chapter_seconds_max": "the longest chapter",
    "peak_memory_gib": "memory of the largest chapter, over torch",
    "study_memory_gib": "memory of a seed of the two-by-two, over torch",
    "page_load_ms": "a page opens",
    "page_load_ms_max": "the slowest page opens",
    "live_redraw_ms_median": "an explorer redraws, live",
    "explorer_kilobytes": "an explorer's data in a page",
    "train_seconds": "training a world model, one core",
    "seeds16_over_1": "sixteen trainings side by side, over one",
    "seeds16_one_by_one_over_1": "sixteen one by one, over one",
    "seeds16_over_1_side_by_side": "sixteen side by side, over one of that kind",
    "seeds1000_gpu_seconds": "a thousand seeds side by side on a GPU",
    "update_cpu_ms_8x8": "an update, Empty-8x8",
    "update_cpu_ms_16x16": "an update, Empty-16x16",
    "update_cpu_ms_four_rooms": "an update, FourRooms",
    "update_cpu_over_gpu_8x8": "an update, CPU over GPU, Empty-8x8",
    "update_cpu_over_gpu_16x16": "an update, CPU over GPU, Empty-16x16",
    "update_cpu_over_gpu_four_rooms": "an update, CPU over GPU, FourRooms",
    "plan_speedup_vs_peer_T12": "plan speedup vs peer, T = 12",
    "plan_speedup_vs_peer_T25": "plan speedup vs peer, T = 25",
    "plan_speedup_same_path_T12": "plan speedup, same path, T = 12",
    "plan_speedup_same_path_T25": "plan speedup, same path, T = 25",
    "decisions_per_second_vs_peer_T12": "our decisions, vs peer, T = 12",
    "decisions_per_second_vs_peer_T25": "our decisions, vs peer, T = 25",
    "decisions_per_second_same_path_T12": "our decisions, same path, T = 12",
    "decisions_per_second_same_path_T25": "our decisions, same path, T = 25",
    "states_largest_room": "the largest room, 64 x 64",
    "load_largest_room": "reading it off the environment",
    "memory_largest_room": "memory that takes",
    "training_reckoned_largest_room": "training there, reckoned",
}
DEEPER = "/deeper/"  # pages below it have no number
CARD = "book/report_card"  # it loads what its claims name
# Page weights are known when every page is written, this one too: they are filled into its text at the end.
WEIGHT = "weight-of({})"
WEIGHT_FORM = re.compile(r"weight-of\(([\w/]+)\)")


class Placeholder(nodes.General, nodes.Element):
    """Where a table will stand once all chapters have been executed."""


class Status(SphinxDirective):
    """``{status}`` and the name of one of :data:`TABLES`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Leave a placeholder."""
        if self.arguments[0] not in TABLES:
            raise self.error(f"status must be one of {', '.join(TABLES)}, got {self.arguments[0]!r}")
        return [Placeholder(table=self.arguments[0])]


def versions(_app: Sphinx) -> Iterable[tuple[str, ...]]:
    """With what the book was built."""
    yield "", "version"
    yield "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    for name in PACKAGES:
        yield name, version(name)
    yield "built on", date.today().isoformat()


def notebooks(app: Sphinx) -> list[str]:
    """The pages that are notebooks, in the book's order."""
    return [name for name in app.config.external_site_map if app.env.doc2path(name).endswith(".ipynb")]


def chapters(app: Sphinx) -> Iterable[tuple[str, ...]]:
    """How long each chapter ran in this build, how many explorers it has and what its page weighs."""
    results = json.loads((Path(app.srcdir) / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    yield "chapter", "ran for", "memory", "explorers", "page"
    total = 0.0
    for name in notebooks(app):
        executed = app.env.nb_metadata.get(name, {}).get("exec_data")
        seconds = executed["runtime"] if executed else None
        total += seconds or 0.0
        source = json.loads(Path(app.env.doc2path(name)).read_text(encoding="utf-8"))
        code = ["".join(cell["source"]) for cell in source["cells"] if cell["cell_type"] == "code"]
        explorers = sum(len(re.findall(r"^(?:\w+\.)*explore\w*\(", text, re.MULTILINE)) for text in code)
        title = app.env.titles[name].astext()
        memory = results.get("chapters", {}).get(Path(name).name)
        yield (
            title,
            "not run" if seconds is None else f"{seconds:.0f} s",
            f"{memory['memory']:.2f} GiB" if memory else "",
            str(explorers),
            WEIGHT.format(name),
        )
    yield "all", f"{total:.0f} s", "", "", ""


def recorded(app: Sphinx) -> Iterable[tuple[str, ...]]:
    """The long studies that pages show as recorded, and where: the opening, a chapter's number, or Going deeper."""
    pages = notebooks(app)
    chapters = [name for name in pages if Path(name).parent == Path(CARD).parent and name != app.config.root_doc]
    places = {name: str(number) for number, name in enumerate(chapters, start=1)} | {app.config.root_doc: "opening"}
    sources = {name: Path(app.env.doc2path(name)).read_text(encoding="utf-8").splitlines() for name in pages}
    judged = {claim.record for claim in CLAIMS} | {"ablation"}  # which a claim loads beside its own
    yield "record", "shown in", "seeds", "made on", "torch", "ran for"
    for name in records.available():
        record = records.load(name)
        loading = [
            page
            for page, lines in sources.items()
            if any("records.load" in line and f'\\"{name}\\"' in line for line in lines)
            or (page == CARD and name in judged)
        ]
        used = dict.fromkeys(places.get(page, "deeper") for page in loading)
        torch = record["versions"]["torch"].split("+")[0]
        yield (
            name,
            ", ".join(used),
            str(len(record["seeds"])),
            record["date"],
            torch,
            f"{record['seconds'] / 60:.0f} min",
        )


def measured(app: Sphinx) -> Iterable[tuple[str, ...]]:
    """What the benchmarks last found, in the order and the words of :data:`FIGURES`.

    Fitted exponents stand beside their curves, and what needs a machine that was not at hand is left out.
    """
    results = json.loads((Path(app.srcdir) / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    figures = {name: found for name, found in results["figures"].items() if found and found["unit"] != "exponent"}
    yield "figure", "median", "quartiles", "runs"
    for name in (*FIGURES, *sorted(figures.keys() - FIGURES.keys())):
        if name in figures:
            found = figures[name]
            spread = f"{digits(found['low'])} to {digits(found['high'])}" if found["runs"] > 1 else ""
            words = FIGURES.get(name, name.replace("_", " "))
            yield words, f"{digits(found['value'])} {found['unit']}", spread, str(found["runs"])
    machine = results["machine"]
    yield f"the latest on {results['date']}", f"{machine['cores']} cores, {machine['processor']}", "", ""


def digits(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"


TABLES = {"versions": versions, "chapters": chapters, "records": recorded, "benchmarks": measured}


def table(rows: Iterable[tuple[str, ...]]) -> nodes.table:
    """Rows of text, the first of them headings; commands and names of packages as code."""
    head, *body = rows
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in head), cols=len(head))
    for part, lines in ((nodes.thead, [head]), (nodes.tbody, body)):
        group += part(
            "",
            *(
                nodes.row("", *(nodes.entry("", nodes.paragraph("", typeset_numbers(cell))) for cell in row))
                for row in lines
            ),
        )
    return nodes.table("", group, classes=["table", "helm-status"])


def fill(app: Sphinx, doctree: nodes.document, _name: str) -> None:
    """Put the tables where their placeholders are."""
    for place in list(doctree.findall(Placeholder)):
        place.replace_self(table(TABLES[place["table"]](app)))


def weigh(app: Sphinx, failure: Exception | None) -> None:
    """Write the pages' weights into the page that shows them."""
    page = Path(app.outdir) / "book" / "status.html"
    if failure is not None or app.builder.name != "html" or not page.is_file():
        return
    text = page.read_text(encoding="utf-8")

    def weight(match: re.Match) -> str:
        return f"{(Path(app.outdir) / f'{match[1]}.html').stat().st_size / 1e6:.1f} MB"

    page.write_text(WEIGHT_FORM.sub(weight, text), encoding="utf-8")


def place(app: Sphinx, config) -> None:
    """Where the book stands when GitHub serves it, from the repository's address: nothing else says it."""
    owner, _, name = config.html_theme_options["repository_url"].removeprefix("https://github.com/").partition("/")
    config.html_baseurl = config.ogp_site_url = f"https://{owner}.github.io/{name}/"


def stay_inside(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Lead links to the book's own address, in HTML too, to the page beside this one: it is read from a folder too.

    Notebooks use the address, since on Colab there is no page beside them.
    """
    home = app.config.html_baseurl
    for link in doctree.findall(nodes.reference):
        address = link.get("refuri", "")
        page, _, anchor = address.removeprefix(home).partition("#")
        if address.startswith(home) and page.removesuffix(".html") in app.env.found_docs:
            target = app.builder.get_relative_uri(name, page.removesuffix(".html"))
            link["refuri"] = f"{target}#{anchor}" if anchor else target
            link["internal"] = True
            link["classes"] = [kind for kind in link["classes"] if kind != "external"]

    def beside(found: re.Match) -> str:
        there = found[1] in app.env.found_docs
        return f'href="{app.builder.get_relative_uri(name, found[1])}' if there else found[0]

    written = re.compile(rf'href="{re.escape(home)}([\w/]+)\.html')
    for raw in doctree.findall(nodes.raw):
        if raw.get("format") == "html" and home in raw.astext():
            raw.children = [nodes.Text(written.sub(beside, raw.astext()))]


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_node(Placeholder)
    app.add_directive("status", Status)
    app.connect("config-inited", place)
    app.connect("doctree-resolved", fill)
    app.connect("doctree-resolved", stay_inside)
    app.connect("build-finished", weigh)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
