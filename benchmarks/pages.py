"""How long a built page takes to load in a headless browser, from a folder, and how many bytes it has.

From the start of the navigation to the end of its load event, a fresh page each time. Without a built book or a browser
the figures are null.
"""

from __future__ import annotations

import statistics
import sys

from measuring import ROOT, figure, record

sys.path.insert(0, str(ROOT / "tools"))

from chromium import find_chromium, launched

HTML = ROOT / "_build" / "html" / "book"
RUNS = 5
TOOK = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def main() -> None:
    """Load every page of the book and record."""
    pages, browser_path = sorted(HTML.rglob("*.html")), find_chromium()
    if not pages or browser_path is None:
        record({"page_load_ms": None, "page_load_ms_max": None})
        return
    medians = {}
    with launched(browser_path) as browser:
        for path in pages:
            taken = []
            for _ in range(RUNS):
                page = browser.new_page()
                page.goto(path.as_uri(), wait_until="load")
                page.wait_for_function(f"{TOOK} > 0")
                taken.append(page.evaluate(TOOK))
                page.close()
            medians[path.stem] = statistics.median(taken)
            print(f"  {path.stem:<20}{medians[path.stem]:>7.0f} ms{path.stat().st_size / 1e6:>8.2f} MB", flush=True)
    found = list(medians.values())
    record({"page_load_ms": figure(found, "ms"), "page_load_ms_max": figure([max(found)], "ms")})


if __name__ == "__main__":
    main()
