"""Sphinx extension of the book: markup that a screen reader understands, where docutils and Sphinx write other; and
text as a reader should see it: a per cent sign stays with its number, and what only the tests read is left out."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

PER_CENT = re.compile(r"(?<=\d) %")
VERBATIM = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)
FOR_THE_TESTS = "# NBVAL_CHECK_OUTPUT\n"

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


class ReadableText(SphinxPostTransform):
    """No line ends between a number and its per cent sign; code is shown without the comment that nbval looks for."""

    default_priority = 700

    def run(self, **_kwargs) -> None:
        """Change the page."""
        for text in list(self.document.findall(nodes.Text)):
            if PER_CENT.search(text) and not isinstance(text.parent, VERBATIM):
                text.parent.replace(text, nodes.Text(PER_CENT.sub("\N{NO-BREAK SPACE}%", text)))
        for code in self.document.findall(nodes.literal_block):
            if code.astext().startswith(FOR_THE_TESTS):
                # A highlighted block is one whose raw source is its text.
                code.rawsource = code.astext().removeprefix(FOR_THE_TESTS)
                code.children = []
                code += nodes.Text(code.rawsource)


def setup(app: Sphinx) -> dict:
    """Register with Sphinx; the theme adds its own changes on top."""
    app.add_post_transform(ReadableText)
    app.set_translator("html", BookTranslator)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
