"""Sphinx extension of the book: the reference is written from the package, so that nothing is missing in it."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import helm_tutorial

ROOT = Path(helm_tutorial.__file__).resolve().parents[1]
EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1\S.*)*(?:\n\n\1>>> .*(?:\n\1\S.*)*)*", re.MULTILINE)


def modules(package: str) -> list[str]:
    """The public modules of ``package`` itself, without those of the packages in it.

    A package that says in ``__all__`` what it offers is its own only public module.
    """
    folder = ROOT / package.replace(".", "/")
    own = (folder / "__init__.py").read_text(encoding="utf-8")
    found = [f"{package}.{m.name}" for m in pkgutil.iter_modules([str(folder)]) if not m.ispkg and m.name[0] != "_"]
    if package == helm_tutorial.__name__:  # the face shows it
        return found
    if "__all__" in own:
        return [package]
    return [package, *found] if re.search(r"^(def|class) ", own, re.MULTILINE) else found


def example(thing: object) -> str:
    """The first examples in the docstring of ``thing``."""
    found = EXAMPLE.search(inspect.getdoc(thing) or "")
    return inspect.cleandoc(found.group()) if found else ""


class Written(SphinxDirective):
    """A directive that stands for the text of :meth:`text`, read as the page is."""

    def text(self) -> Iterator[str]:
        """Its lines."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Read the lines."""
        place = nodes.Element()
        self.state.nested_parse(StringList(list(self.text()), source="reference"), 0, place, match_titles=True)
        return place.children


class Modules(Written):
    """``{modules} PACKAGE``: each of its modules in full, under a heading; with ``:brief:``, a line for each."""

    required_arguments = 1
    option_spec = {"brief": directives.flag}  # noqa: RUF012 (docutils reads it from the class)

    def text(self) -> Iterator[str]:
        """MyST, around what only reStructuredText can say."""
        house = self.arguments[0].partition(".")[0]
        short = {name: name.removeprefix(f"{house}.") for name in modules(self.arguments[0])}
        if "brief" in self.options:
            yield from ("```{eval-rst}", f".. currentmodule:: {house}", "", ".. autosummary::", "")
            yield from (f"   {words}" for words in short.values())
            yield "```"
            return
        for name, words in short.items():
            yield from (f"## `{words}`", "", "```{eval-rst}", f".. automodule:: {name}", "   :members:", "```", "")


class Face(Written):
    """``{face}``: each name that ``import helm_tutorial`` offers, in a sentence and an example."""

    def text(self) -> Iterator[str]:
        """A definition list."""
        yield "```{eval-rst}"
        for name in helm_tutorial.__all__:
            thing = getattr(helm_tutorial, name)
            yield f":py:obj:`{name} <{thing.__module__}.{name}>`"
            yield from (f"   {line}" for line in (inspect.getdoc(thing) or "").partition("\n\n")[0].splitlines())
            yield ""
            yield from (f"   {line}".rstrip() for line in example(thing).splitlines())
            yield ""
        yield "```"


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_directive("modules", Modules)
    app.add_directive("face", Face)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
