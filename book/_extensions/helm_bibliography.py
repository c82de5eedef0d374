"""Sphinx extension of the book: the bibliography reads as the chapters cite, "Hoffman, Roberts and Yaida (2019)", and a
citation leads to its entry. One that names no entry, or none alone, is a warning."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from docutils import nodes
from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting.author_year_title import SortingStyle as AuthorYearTitle
from sphinx.application import Sphinx
from sphinx.util import logging

PAGE = "bibliography.html"
NAMED = 3  # authors that a citation names at most; of more it names the first
logger = logging.getLogger(__name__)


def cited_as(entry: Entry) -> str:
    """How the text cites an entry."""
    names = [_plain(" ".join(person.prelast_names + person.last_names)) for person in entry.persons["author"]]
    if len(names) > NAMED:
        names = [f"{names[0]} et al."]
    together = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{together} ({entry.fields['year']})"


def _plain(name: str) -> str:
    """A name as it is read: without BibTeX's braces, accents in place."""
    return str(Text.from_latex(name))


class AsCited(BaseLabelStyle):
    """Labels an entry as the text cites it."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """A label for each."""
        return map(cited_as, sorted_entries)


class ByName(AuthorYearTitle):
    """Sorts by names as they are read, not by the braces around them."""

    def person_key(self, person) -> str:
        """What a name is sorted by."""
        return _plain(super().person_key(person))


class BookStyle(PlainStyle):
    """Entries labelled and sorted so."""

    default_label_style = AsCited
    default_sorting_style = ByName


def _words(citation: str) -> tuple[str, ...]:
    """What two spellings of a citation share: "Dayan (1993)" and "Dayan, 1993" are the same."""
    return tuple(re.findall(r"[\w-]+", citation.lower()))


def lead_to_entries(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Give every link to the bibliography whose text is a citation the entry's anchor."""
    citations = app.env.get_domain("cite").citations
    labels = [_words(cited_as(citation.entry)) for citation in citations]
    anchors, alike = dict(zip(labels, (c.citation_id for c in citations), strict=True)), Counter(labels)
    for link in doctree.findall(nodes.reference):
        if not link.get("refuri", "").endswith(PAGE) or not re.search(r"\d{4}", link.astext()):
            continue
        words = _words(link.astext())
        if alike[words] == 1:
            link["refuri"] += f"#{anchors[words]}"
        else:
            logger.warning(
                "%r is cited, and the bibliography has %d such entries", link.astext(), alike[words], location=link
            )


def setup(app: Sphinx) -> dict:
    """Register with Sphinx and, under the name ``book``, with pybtex."""
    register_plugin("pybtex.style.formatting", "book", BookStyle)
    app.connect("doctree-resolved", lead_to_entries, priority=400)  # before links are made to lead to pages beside
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
