"""The assignments ask what the chapters ask, give nothing away, and are judged by the chapters' checkers."""

import assignments
import notebooks
import pytest

from helm_book.exercises import EXERCISES


@pytest.mark.parametrize("name", assignments.HALVES)
def test_an_assignment_is_as_the_chapters_make_it(name):
    made = notebooks.normalise(assignments.assignment(*assignments.HALVES[name]))
    stored = notebooks.read(assignments.path(name))
    assert [cell.source for cell in stored.cells] == [cell.source for cell in made.cells], "run tools/assignments.py"


@pytest.mark.parametrize("name", assignments.HALVES)
def test_an_assignment_has_every_question_and_no_answer(name):
    chapters = assignments.HALVES[name][1]
    cells = notebooks.read(assignments.path(name)).cells
    text = "\n".join(cell.source for cell in cells)
    assert "<details>" not in text and "def " not in text
    for chapter in chapters:
        assert len(assignments.questions(chapter)[1]) in (4, 5, 6)
        assert all(question in text for question in assignments.questions(chapter)[1].values())
    judged = [output.data["text/plain"] for cell in cells for output in cell.get("outputs", []) if "data" in output]
    checkable = [exercise for exercise in EXERCISES if exercise.chapter in chapters]
    assert len(judged) == len(checkable) and all("not yet: hand in" in said for said in judged)
