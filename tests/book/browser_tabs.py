"""Browser tabs for tests, which open pages in them one after another: a used tab opens the next in half the time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence


class Tabs:
    """Tabs of ``browser``, kept by the options and scripts that they were opened with."""

    def __init__(self, browser, *, timeout: int) -> None:
        self._browser, self._timeout = browser, timeout
        self._free: dict[tuple, list] = defaultdict(list)
        self._used: list[tuple[tuple, object, Mapping[str, Callable]]] = []

    def take(
        self,
        listeners: Mapping[str, Callable],
        *,
        size: tuple[int, int],
        motion: bool = True,
        scripts: Sequence[str] = (),
        **options,
    ):
        """An empty tab of so many pixels, in a context of these ``options``.

        ``scripts`` run before those of a page. A reader who asks for no ``motion`` is shown where things end.
        """
        key = (*sorted(options.items()), *scripts)
        if self._free[key]:
            tab = self._free[key].pop()
        else:
            context = self._browser.new_context(**options)
            context.set_default_timeout(self._timeout)
            for script in scripts:
                context.add_init_script(script)
            tab = context.new_page()
        self._used.append((key, tab, listeners))
        for event, listener in listeners.items():
            tab.on(event, listener)
        tab.set_viewport_size({"width": size[0], "height": size[1]})
        tab.emulate_media(media="null", reduced_motion="no-preference" if motion else "reduce")
        return tab

    def leave(self) -> None:
        """Leave the pages that are open, for the next to be opened in their tabs."""
        while self._used:
            key, tab, listeners = self._used.pop()
            for event, listener in listeners.items():
                tab.remove_listener(event, listener)
            tab.goto("about:blank")
            self._free[key].append(tab)

    def close(self) -> None:
        """Close all tabs."""
        for tab in [tab for tabs in self._free.values() for tab in tabs]:
            tab.context.close()
