"""Fixtures of the browser tests of explorers; a test module asks for them by ``pytest_plugins``."""

from __future__ import annotations

import pytest
from explorer_pages import CHROMIUM, FLAGS, sync_api


@pytest.fixture(scope="module")
def chromium():
    """A browser for the tests of a module."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Opens an address; anything said on a console, or asked of the network, fails the test."""
    contexts, said = [], []

    def open_page(address: str, *, width: int = 900, scripts: bool = True, **options):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, offline=True, java_script_enabled=scripts, **options
        )
        context.set_default_timeout(5000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
        page.goto(address)
        if scripts:
            page.wait_for_function("!document.querySelector('.helm-explorer:not([data-helm-ready=true])')")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
