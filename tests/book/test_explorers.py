"""Every explorer of every built page, moved the way a reader moves it: no kernel, no network."""

from __future__ import annotations

import pytest
from conftest import CHAPTERS, PAGES

pytestmark = pytest.mark.skipif(not PAGES, reason="the book is not built: make book")


def ready_explorers(visit):
    """The page's explorers, once each has come to life."""
    figures = visit.page.locator("figure.helm-explorer")
    for i in range(figures.count()):
        figures.nth(i).and_(visit.page.locator("[data-helm-ready=true]")).wait_for(timeout=5000)
    return [figures.nth(i) for i in range(figures.count())]


def state(figure) -> tuple[str, str, str]:
    """Picture, caption and alternative text; the picture is awaited, it changes once it is decoded."""
    picture = figure.locator("img")
    settled = picture.get_attribute("src")
    for _ in range(20):
        figure.page.wait_for_timeout(25)
        before, settled = settled, picture.get_attribute("src")
        if settled == before:
            break
    return settled, figure.locator("figcaption").inner_text(), picture.get_attribute("alt")


def press(slider, key: str) -> int:
    """The slider's position after ``key``."""
    slider.press(key)
    return int(slider.input_value())


@pytest.mark.parametrize("by", ["http", "file"])
@pytest.mark.parametrize("page", CHAPTERS)
def test_every_slider_of_a_chapter_moves_its_picture_and_caption(reader, page, by):
    visit = reader.open(page, by=by)
    explorers = ready_explorers(visit)
    assert explorers, f"{page} has no explorer"
    sliders = visit.page.locator("input[type=range]")
    assert sliders.count() == sum(figure.locator("input[type=range]").count() for figure in explorers)
    for figure in explorers:
        ranges = figure.locator("input[type=range]")
        for i in range(ranges.count()):
            slider = ranges.nth(i)
            last = int(slider.get_attribute("max"))
            assert press(slider, "Home") == 0
            low, low_text = state(figure), slider.get_attribute("aria-valuetext")
            assert press(slider, "End") == last
            high, high_text = state(figure), slider.get_attribute("aria-valuetext")
            assert low[0] != high[0], "the picture does not follow the slider"
            assert low[1] != high[1], "the caption does not follow the slider"
            assert low_text and high_text and low_text != high_text, "aria-valuetext does not follow the slider"
            assert high[1].split() == high[2].split(), "the alternative text is not the caption"
            assert press(slider, "ArrowLeft") == last - 1
            assert press(slider, "ArrowRight") == last
            assert press(slider, "ArrowDown") == last - 1
            assert press(slider, "ArrowUp") == last
            assert state(figure) == high, "the same position shows something else the second time"
    assert visit.complaints == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_choices_neighbours_and_reset(reader, page):
    visit = reader.open(page)
    explorers = ready_explorers(visit)
    starts = [state(figure) for figure in explorers]
    for i, figure in enumerate(explorers):
        groups = figure.locator("[role=radiogroup]:has(input[type=radio])")
        grouped = sum(groups.nth(j).locator("input[type=radio]").count() for j in range(groups.count()))
        assert grouped == figure.locator("input[type=radio]").count(), "a choice is not grouped for a screen reader"
        for j in range(groups.count()):
            choices = groups.nth(j).locator("input[type=radio]")
            captions = set()
            for k in range(choices.count()):
                choices.nth(k).check(force=True)
                captions.add(state(figure)[1])
            assert len(captions) == choices.count(), "two choices have the same caption"
        for slider in figure.locator("input[type=range]").all():
            press(slider, "Home" if int(slider.input_value()) else "End")
        assert state(figure) != starts[i]
        others = [state(other) for j, other in enumerate(explorers) if j != i]
        assert others == starts[:i] + starts[i + 1 :], "one explorer moves another"
        figure.locator(".helm-reset").click()
        assert state(figure) == starts[i], "the reset button does not restore the start"
    assert visit.complaints == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_without_scripts_the_start_is_still_there(reader, page):
    visit = reader.open(page, scripts=False)
    figures = visit.page.locator("figure.helm-explorer")
    for i in range(figures.count()):
        figure = figures.nth(i)
        assert figure.locator("img").get_attribute("src").startswith("data:image/")
        box = figure.locator("img").bounding_box()
        assert box["width"] > 100 and box["height"] > 50
        assert figure.locator("figcaption").inner_text().strip()


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_finger_can_use_the_sliders_of_a_phone(reader, page):
    visit = reader.open(page, width=360)
    for figure in ready_explorers(visit):
        ranges = figure.locator("input[type=range]")
        for i in range(ranges.count()):
            box = ranges.nth(i).bounding_box()
            assert box["width"] >= 160 and box["height"] >= 24, box
            assert box["x"] >= 0 and box["x"] + box["width"] <= 360, box
