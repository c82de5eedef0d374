"""Fixtures of the tests of the built pages: a browser, the book served on this machine, a reader."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from built_pages import HTML, Reader
from chromium import find_chromium, launched


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_arguments) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """One Chromium for all tests; without one they are skipped, and say so."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium found: the built pages were not looked at (install one, or name it in CHROMIUM)")
    with launched(executable) as opened:
        yield opened


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The book, served on this machine alone."""
    handler = functools.partial(QuietHandler, directory=str(HTML))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def returning_reader(browser, address) -> Iterator[Reader]:
    """A reader for all tests."""
    opened = Reader(browser, address)
    yield opened
    opened.close()


@pytest.fixture
def reader(returning_reader) -> Iterator[Reader]:
    """Opens pages; all are left after the test."""
    yield returning_reader
    returning_reader.leave()
