"""Sphinx extension of the book: markup that a screen reader understands, where docutils and Sphinx write other."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

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


def setup(app: Sphinx) -> dict:
    """Register with Sphinx; the theme adds its own changes on top."""
    app.set_translator("html", BookTranslator)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
