"""Sphinx extension of the book: the first use of a glossary's word on a page leads to the glossary, and says what it
means when pointed at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

GLOSSARY = "book/glossary"
# Where words are explained, listed or cited rather than used; the reference and the pages below it.
PAGES_WITHOUT = (GLOSSARY, "book/api", "book/bibliography", "book/notation")
# Text in these is not prose, or already leads elsewhere.
NOT_PROSE = (
    nodes.title,
    nodes.rubric,
    nodes.reference,
    addnodes.pending_xref,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.target,
    nodes.table,
    addnodes.desc,
)


def meanings(env: BuildEnvironment) -> dict[str, tuple[str, str]]:
    """Each word of the glossary -> its anchor, and the first sentence of what it means."""
    if not hasattr(env, "helm_glossary"):
        found = {}
        for item in env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
            text = re.sub(r"\\(\w+)", r"\1", item[-1].astext().replace("\n", " "))  # a formula's letters by name
            sentence = re.match(r".+?\.(?=\s|$)", text)
            for term in item.findall(nodes.term):
                found[term.astext()] = (term["ids"][0], sentence.group() if sentence else text)
        env.helm_glossary = found
    return env.helm_glossary


def prose(doctree: nodes.document) -> Iterator[nodes.Text]:
    """The texts of all paragraphs, in order."""
    for text in list(doctree.findall(nodes.Text)):
        above, inside = text.parent, False
        while above is not None and not isinstance(above, NOT_PROSE):
            inside = inside or isinstance(above, nodes.paragraph)
            above = above.parent
        if above is None and inside:
            yield text


class LinkFirstUses(SphinxPostTransform):
    """Turns the first use of each word into a link, one a word and page."""

    default_priority = 5  # before references are resolved: what leads elsewhere is still seen as such

    def run(self, **_kwargs) -> None:
        """Go through the page from the top."""
        if self.app.builder.format != "html" or self.env.docname is None or self.env.docname.startswith(PAGES_WITHOUT):
            return
        waiting = meanings(self.env)
        if not waiting:
            return
        used: set[str] = set()
        spelled = {term.lower(): term for term in waiting}
        longest_first = sorted(spelled, key=len, reverse=True)
        words = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, longest_first))})(s?)(?![\w-])", re.IGNORECASE)
        for text in prose(self.document):
            self._link(text, words, spelled, used)

    def _link(self, text: nodes.Text, words: re.Pattern, spelled: dict[str, str], used: set[str]) -> None:
        parts, end = [], 0
        for match in words.finditer(text):
            term = spelled[match.group(1).lower()]
            if term in used:
                continue
            used.add(term)
            anchor, meaning = meanings(self.env)[term]
            address = self.app.builder.get_relative_uri(self.env.docname, GLOSSARY)
            link = nodes.reference("", match.group(), refuri=f"{address}#{anchor}", internal=True)
            link["classes"].append("helm-term")
            link["reftitle"] = meaning
            parts += [nodes.Text(text[end : match.start()]), link]
            end = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_post_transform(LinkFirstUses)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
