"""What the tests of the book's house share: a room, axes, the two lives of explorers, and explorers in a browser."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from browser_tabs import Tabs
from chromium import find_chromium, launched
from explorer_scenes import POINT, build_point, move_point, paint_bars

from helm_book.explorer import Steps, explore, explore_numbers
from helm_tutorial.worlds.gridworld import load_gridworld


@pytest.fixture(scope="session")
def world():
    return load_gridworld("MiniGrid-Empty-5x5-v0")


@pytest.fixture
def axes():
    figure, axes = plt.subplots(layout="constrained")
    yield axes
    figure.canvas.draw()  # what cannot be drawn fails here
    plt.close(figure)


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "static")


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv("HELM_EXPLORER", raising=False)


@pytest.fixture(params=["live", "static"])
def either_life(request, monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", request.param)


@pytest.fixture(scope="session")
def tabs():
    """The tabs of one browser, for all tests."""
    with launched(find_chromium()) as browser:
        opened = Tabs(browser, timeout=5000)
        yield opened
        opened.close()


@pytest.fixture
def visit(tabs):
    """Opens an address; anything said on a console, or asked of the network, fails the test."""
    said = []
    listeners = {
        "console": lambda message: said.append(message.text),
        "pageerror": lambda error: said.append(str(error)),
        "request": lambda request: said.append(request.url) if request.url.startswith("http") else None,
    }

    def open_page(address: str, *, width: int = 900, scripts: bool = True, motion: bool = True):
        page = tabs.take(listeners, size=(width, 900), motion=motion, offline=True, java_script_enabled=scripts)
        page.goto(address)
        if scripts:
            page.wait_for_function("!document.querySelector('.helm-explorer:not([data-helm-ready=true])')")
        return page

    yield open_page
    tabs.leave()
    assert said == []


@pytest.fixture(scope="session")
def pointed():
    """An explorer of numbers with everything that moves it."""
    from explorer_pages import as_static

    steps = POINT | {"horizon": Steps(POINT["horizon"], 0.15)}
    return as_static(
        explore_numbers, build_point, move_point, steps, start={"growth": 2.0, "horizon": 8}, title="Point & norm",
        rolling=["curve"], drag={"dot": ("horizon", None), "curve": ("horizon", "growth")}, narrow=(3.2, 3.2),
    )  # fmt: skip


@pytest.fixture(scope="session")
def address(tmp_path_factory, pointed):
    """A page with three explorers: frames at two sizes, frames at one size, numbers."""
    from explorer_pages import as_static, write_page

    controls = {"height": range(1, 10), "colour": ["black", "gold"]}
    sizes = {"figsize": (4.8, 3.0), "narrow": (3.0, 3.0)}
    blocks = as_static(explore, paint_bars, controls, start={"height": 2}, title="Blocks", **sizes)
    teal = as_static(explore, lambda figure, k: paint_bars(figure, k, "teal"), {"k": range(1, 10)}, figsize=(3.2, 2.0))
    return write_page(tmp_path_factory.mktemp("page") / "page.html", blocks, teal, pointed)


@pytest.fixture
def page(visit, address):
    """That page for a reader who asks for no motion: rolling lines have tests of their own."""
    return visit(address, motion=False)
