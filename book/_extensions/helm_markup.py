"""Sphinx extension of the book: markup that a screen reader understands, where docutils and Sphinx write other; and
text as a reader should see it: numbers typeset, a full stop beside its formula, what only the tests read left out."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

from helm_book.explorer.controls import SUPERSCRIPTS

# Where no line ends: 95 %, T = 12, (+3 to +7), (23 to 48 %), seed 0, 2026-11-23.
WHOLE = re.compile(
    r"\d %|\b\w [=≥≤<>] [−\d]|\([+−\d.]+ to [+−\d.]+(?: %)?\)|\bseed \d|Student's t\b|\b\d{4}-\d\d-\d\d\b"
)
MINUS = re.compile(r"(?<![\w-])-(?=\d)")
POWER = re.compile(r"\b(\d(?:\.\d+)?)e([+-]\d+)\b")
UNBROKEN = str.maketrans(" -", "\N{NO-BREAK SPACE}\N{NON-BREAKING HYPHEN}")
VERBATIM = (nodes.literal, nodes.literal_block, nodes.doctest_block, nodes.math, nodes.math_block, nodes.raw)
BEFORE = re.compile(r"[(\[“‘]+$")
AFTER = re.compile(r"^[.,;:!?)\]’”%…-]+")
NOT_FOR_READERS = re.compile(r"\A(# @title .*\n)?(# NBVAL_CHECK_OUTPUT\n)?")  # a title for Colab, a mark for the tests

# A signature over several lines is written as terms and descriptions without a term; it is a list.
PARAMETER_LIST = {
    "<dl>\n": '<ul class="sig-parameters">\n',
    "<dd>": "<li>",
    "</dd>\n": "</li>\n",
    "</dl>\n\n": "</ul>\n\n",
}


class BookTranslator(HTML5Translator):
    """Writes lists as lists, and calls a header only what says something."""

    def visit_desc_parameterlist(self, node: nodes.Element) -> None:
        """Remember where the parameters begin."""
        self._parameters_begin = len(self.body)
        super().visit_desc_parameterlist(node)

    def depart_desc_parameterlist(self, node: nodes.Element) -> None:
        """Turn the parameters into a list if they stand one a line."""
        super().depart_desc_parameterlist(node)
        if node.get("multi_line_parameter_list"):
            begin = self._parameters_begin
            self.body[begin:] = [PARAMETER_LIST.get(part, part) for part in self.body[begin:]]

    def visit_citation(self, node: nodes.Element) -> None:
        """An entry of the bibliography is an item of the list around it; the role that docutils gives is deprecated."""
        super().visit_citation(node)
        self.body[-1] = self.body[-1].replace('role="doc-biblioentry"', 'role="listitem"')

    def visit_entry(self, node: nodes.Element) -> None:
        """The empty corner of a table heads nothing: a plain cell."""
        super().visit_entry(node)
        if self.context[-1] == "</th>\n" and not node.astext().strip() and not any(node.findall(nodes.image)):
            self.body[-1] = self.body[-1].replace("<th", "<td", 1)
            self.context[-1] = "</td>\n"


def typeset_numbers(text: str) -> str:
    """Prose with true minus signs and powers of ten, and without a line's end in what :data:`WHOLE` names."""
    text = POWER.sub(_power_of_ten, MINUS.sub("−", text))
    return WHOLE.sub(lambda found: found[0].translate(UNBROKEN), text)


def _power_of_ten(found: re.Match) -> str:
    power = "10" + str(int(found[2])).translate(SUPERSCRIPTS)
    return power if found[1] == "1" else f"{found[1]}·{power}"


class ReadableText(SphinxPostTransform):
    """Numbers are typeset, and no line ends between a formula and the punctuation that touches it; code is shown
    without the comment that nbval looks for."""

    default_priority = 700

    def run(self, **_kwargs) -> None:
        """Change the page."""
        for text in list(self.document.findall(nodes.Text)):
            if not isinstance(text.parent, VERBATIM) and (typeset := typeset_numbers(text)) != text:
                text.parent.replace(text, nodes.Text(typeset))
        for formula in list(self.document.findall(nodes.math)):
            self._keep_together(formula)
        for code in self.document.findall(nodes.literal_block):
            if NOT_FOR_READERS.match(code.astext())[0]:
                # A highlighted block is one whose raw source is its text.
                code.rawsource = NOT_FOR_READERS.sub("", code.astext())
                code.children = []
                code += nodes.Text(code.rawsource)

    @staticmethod
    def _keep_together(formula: nodes.math) -> None:
        """Put a formula and the brackets and stops that touch it into one piece of text, which does not break."""
        parent, at = formula.parent, formula.parent.index(formula)
        before, after = (parent[k] if 0 <= k < len(parent) else None for k in (at - 1, at + 1))
        opened = BEFORE.search(before) if isinstance(before, nodes.Text) else None
        closed = AFTER.match(after) if isinstance(after, nodes.Text) else None
        if not (opened or closed):
            return
        if opened:
            parent.replace(before, nodes.Text(before[: opened.start()]))
        if closed:
            parent.replace(after, nodes.Text(after[closed.end() :]))
        whole = nodes.inline(classes=["helm-together"])
        parent.replace(formula, whole)
        whole += [nodes.Text(opened.group())] if opened else []
        whole += formula
        whole += [nodes.Text(closed.group())] if closed else []


def setup(app: Sphinx) -> dict:
    """Register with Sphinx; the theme adds its own changes on top."""
    app.add_post_transform(ReadableText)
    app.set_translator("html", BookTranslator)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
