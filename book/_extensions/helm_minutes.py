"""Sphinx extension of the book: under each heading of a chapter, how long its section takes to read."""

from __future__ import annotations

from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

# What a graduate student takes who reads it for the first time, with pen and paper; exercises come on top.
WORDS_A_MINUTE = 120
PROOF = 3  # a proof is read three times
MINUTES_A_FIGURE = 1
MINUTES_AN_EXPLORER = 2
MINUTES_A_FORMULA = 1
NOT_READ = (nodes.literal_block, nodes.raw, nodes.table, nodes.image)
UNTIMED = ("Exercises", "Further reading", "The card")  # to be done, or to be looked up


def in_order(section: nodes.Element) -> Iterator[tuple[nodes.Node, bool]]:
    """Every node below ``section`` in reading order, and whether it stands inside a folded proof."""
    folded = False
    for node in section.findall():
        if isinstance(node, nodes.raw):
            text = node.astext()
            if "<summary>Proof" in text:
                folded = True
            if "</details>" in text:
                folded = False
        yield node, folded


def minutes(section: nodes.Element) -> tuple[float, float]:
    """Minutes that a section takes to read, without its folded proofs and for these alone."""
    counted = {False: 0.0, True: 0.0}
    for node, folded in in_order(section):
        if isinstance(node, nodes.math_block):
            counted[folded] += MINUTES_A_FORMULA
        elif isinstance(node, nodes.image):
            counted[folded] += MINUTES_A_FIGURE
        elif isinstance(node, nodes.raw):
            counted[folded] += MINUTES_AN_EXPLORER * node.astext().count('<figure class="helm-explorer')
        elif isinstance(node, nodes.Text) and not inside(node, (*NOT_READ, nodes.math_block)):
            counted[folded] += len(node.astext().split()) / WORDS_A_MINUTE
    return counted[False], PROOF * counted[True]


def inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    """Whether one of the node's ancestors is of these kinds."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def in_words(reading: float, proofs: float) -> str:
    """The line under the heading."""
    line = f"{max(1, round(reading))} min"
    return f"{line}, {round(proofs)} more with the proofs" if round(proofs) else line


class SectionMinutes(SphinxPostTransform):
    """Put the line under each second-level heading of a chapter, once its outputs are chosen."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Only chapters are timed, a notebook each; the opening is for playing."""
        opening = self.env.docname == self.config.root_doc
        if opening or not self.env.doc2path(self.env.docname).endswith(".ipynb"):
            return
        for chapter in [child for child in self.document.children if isinstance(child, nodes.section)]:
            for section in [child for child in chapter.children if isinstance(child, nodes.section)]:
                title = section.next_node(nodes.title)
                if title.astext() in UNTIMED:
                    continue
                line = f'<p class="helm-minutes">{in_words(*minutes(section))}</p>'
                section.insert(section.index(title) + 1, nodes.raw("", line, format="html"))


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_post_transform(SectionMinutes)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
