"""What the browser tests of explorers share: a page to put them on, a reader's view of one, and what the page drew."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from chromium import find_chromium

import helm_book

sync_api = pytest.importorskip("playwright.sync_api", reason="the page tests need playwright")

CHROMIUM = find_chromium()
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: install one, or name it in CHROMIUM")
ASSETS = Path(helm_book.__file__).parent / "explorer" / "page"
SCRIPTS = ("numbers.js", "guess.js", "explorer.js")  # in the order in which a page loads them

# Everything that the overlay shows, as numbers and words; images are decoded through a canvas.
READ_OVERLAY = """async (figure) => {
    const overlay = () => figure.querySelector(".helm-overlay");
    for (let k = 0; k < 400 && !overlay(); k++) await new Promise((soon) => setTimeout(soon, 10));
    const svg = overlay();
    const attributes = (element) => Object.fromEntries([...element.attributes].map(({ name, value }) => [name, value]));
    const decode = async (href) => {
        const image = new Image();
        image.src = href;
        await image.decode();
        const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
        canvas.getContext("2d").drawImage(image, 0, 0);
        const { width, height } = canvas;
        const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
        return { size: [height, width], rgba: btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join("")) };
    };
    const found = {};
    for (const group of svg.querySelectorAll("[data-artist]")) {
        const paths = [...group.querySelectorAll("path")].map(attributes);
        found[group.dataset.artist] = {
            visible: getComputedStyle(group).display !== "none",
            clip: group.getAttribute("clip-path"),
            opacity: group.getAttribute("opacity"),
            lines: paths.filter((path) => !path.transform),
            marks: paths.filter((path) => path.transform),
            bars: [...group.querySelectorAll("rect")].map(attributes),
            texts: [...group.querySelectorAll("text")].map((t) => ({ ...attributes(t), words: t.textContent })),
            images: await Promise.all([...group.querySelectorAll("image")].map(
                async (image) => ({ ...attributes(image), ...await decode(image.getAttribute("href")) }))),
        };
    }
    return JSON.stringify(found); // in one piece: passed on number by number it takes seconds
}"""
SET_ALL = """(figure, at) => {
    const form = figure.querySelector(".helm-controls");
    [...form.querySelectorAll("[data-control]")].forEach((control, k) => {
        const slider = control.querySelector("input[type=range]");
        if (slider) slider.value = at[k];
        else control.querySelectorAll("input")[at[k]].checked = true;
    });
    form.dispatchEvent(new Event("input"));
    return new Promise((drawn) => requestAnimationFrame(() => drawn()));
}"""


def as_static(explore: Callable, *arguments, **options):
    """The explorer in its static life."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELM_EXPLORER", "static")
        return explore(*arguments, **options)


def write_page(path: Path, *explorers, gap: int = 0, style: str = "") -> str:
    """A page that holds the explorers, ``gap`` CSS pixels apart, and nothing from elsewhere; returns its address."""
    scripts = "".join(f"<script>{(ASSETS / name).read_text(encoding='utf-8')}</script>" for name in SCRIPTS)
    between = f'<div style="height: {gap}px"></div>'
    path.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorers</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{(ASSETS / 'explorer.css').read_text(encoding='utf-8')}{style}</style>{scripts}</head>"
        f"<body>{between.join(explorer.html for explorer in explorers)}</body></html>",
        encoding="utf-8",
    )
    return path.as_uri()


class Reader:
    """What a reader meets in one figure."""

    def __init__(self, page, index: int = 0):
        self.page = page
        self.figure = page.locator("figure.helm-explorer").nth(index)
        self.caption = self.figure.locator("figcaption")
        self.picture = self.figure.locator(".helm-still")
        self.stage = self.figure.locator(".helm-stage")
        self.reset = self.figure.locator(".helm-reset")
        self.link = self.figure.locator(".helm-link")
        self.play = self.figure.locator(".helm-play")
        self.controls = self.figure.locator(".helm-controls fieldset")
        self.drag = self.figure.locator(".helm-drag")
        self.reply = self.figure.locator(".helm-reply")
        self.commit = self.figure.get_by_role("button", name="That is my guess")
        self.skip = self.figure.get_by_role("button", name="Show me")

    def slider(self, name: str):
        return self.figure.locator(f"[data-control={name}] input[type=range]")

    def shows(self, caption) -> None:
        sync_api.expect(self.caption).to_have_text(caption)
        sync_api.expect(self.picture).to_have_attribute("alt", caption)

    def waits(self, yes: bool) -> None:
        """Whether the controls wait for a guess."""
        sync_api.expect(self.controls).to_have_js_property("disabled", yes)

    def drawn(self) -> None:
        """Wait until the overlay is there."""
        self.figure.locator(".helm-overlay").wait_for(state="attached")

    def set(self, at: Sequence[int]) -> None:
        """Put the controls to these positions, and wait until the page has drawn them."""
        self.figure.evaluate(SET_ALL, list(at))

    def overlay(self) -> dict:
        """Everything that the overlay shows, once it is there."""
        found = json.loads(self.figure.evaluate(READ_OVERLAY))
        for image in (image for artist in found.values() for image in artist["images"]):
            image["rgba"] = np.frombuffer(base64.b64decode(image["rgba"]), np.uint8).reshape(-1, 4)
        return found


def payload(script: str) -> dict:
    """The data of an explorer of numbers, from the text of its script element."""
    return json.loads(gzip.decompress(base64.b64decode(script)))


def payload_of(html: str) -> dict:
    return payload(re.search(r'class="helm-data">(.*?)</script>', html, re.DOTALL)[1])


def looked_up(track: Mapping, at: Sequence[int], sizes: Sequence[int]) -> object:
    """What a track holds for one position of each control."""
    position = 0
    for k in track["depends"]:
        position = position * sizes[k] + at[k]
    return track["table"][track["index"][position]]


# ---------------------------------------------------------------- from what the page drew back to numbers


def corners(d: str) -> list[np.ndarray]:
    """The points of each stroke of a path of straight lines, ``(N, 2)`` CSS pixels of the figure."""
    strokes = [np.array(re.findall(r"-?[\d.]+(?:e-?\d+)?", part), float) for part in d.replace("Z", "").split("M")[1:]]
    return [stroke.reshape(-1, 2) for stroke in strokes]


def middles(marks: Sequence[Mapping]) -> np.ndarray:
    """Where markers stand, ``(N, 2)``."""
    return np.array([re.findall(r"-?[\d.]+", mark["transform"]) for mark in marks], float).reshape(-1, 2)


def rgb(color: str) -> tuple[int, ...]:
    """The bytes of ``#rrggbb``."""
    return tuple(bytes.fromhex(color.removeprefix("#")))


def require_payload_is_drawn(data: Mapping, at: Sequence[int], size: int, drawn: Mapping) -> None:
    """Compare an overlay with the explorer's own numbers, unpacked here."""
    stage = data["stages"][size]
    for artist in data["artists"]:
        value = looked_up(artist["track"], at, data["sizes"])
        box = np.array(stage["boxes"][artist["axes"]])
        _require_artist(f"{artist['name']} at {at}", artist["style"], value, box, drawn[artist["name"]])


def _require_artist(what: str, style: Mapping, value, box: np.ndarray, seen: Mapping) -> None:
    def places(flat):
        uv = np.array([np.nan if v is None else v / 10_000 for v in flat]).reshape(-1, 2)
        uv[np.isnan(uv).any(axis=1)] = np.nan
        return np.column_stack([box[0] + uv[:, 0] * box[2], box[1] + (1 - uv[:, 1]) * box[3]])

    def within(points):
        inside = np.all((points > box[:2] - 0.5) & (points < box[:2] + box[2:] + 0.5), axis=1)
        return np.flatnonzero(inside | ((not style["clip"]) & ~np.isnan(points[:, 0])))

    def same(found, wanted):
        np.testing.assert_allclose(found, wanted, atol=0.011, err_msg=what)

    def palette(levels):
        colors = [style["colors"][6 * i : 6 * i + 6] for i in range(254)]
        return ["none" if i >= 254 else f"#{colors[i]}" for i in base64.b64decode(levels)]

    def same_box(found, flat):
        wanted = places(flat)
        same([float(found[k]) for k in ("x", "y", "width", "height")], [*wanted.min(0), *np.ptp(wanted, axis=0)])

    if style["kind"] == "line":
        points = places(value)
        there = ~np.isnan(points[:, 0])
        for line in seen["lines"]:
            strokes = corners(line["d"])
            same(np.concatenate([np.empty((0, 2)), *strokes]), points[there])
            begins = there & ~np.concatenate([[False], there[:-1]])
            assert len(strokes) == begins.sum(), f"{what} has {len(strokes)} strokes"
        looks = [style["halo"], style] if "halo" in style else [style] * ("stroke" in style)
        for line, look in zip(seen["lines"], looks, strict=True):
            assert line["stroke"] == look["stroke"], what
            same([float(d) for d in line.get("stroke-dasharray", "").split()], look.get("dash") or [])
        if "marker" in style:
            kept = points[-1:] if style["last"] else points
            same(middles(seen["marks"]), kept[within(kept)])
    elif style["kind"] == "polygon":
        (line,) = seen["lines"]
        assert line["fill"] == style["fill"] and line["d"].endswith("Z"), what
        same(corners(line["d"])[0], places(value))
    elif style["kind"] == "dots":
        points = places(value["at"])
        kept = within(points)
        same(middles(seen["marks"]), points[kept])
        if "levels" in value:
            colors = palette(value["levels"])
            assert [mark["fill"] for mark in seen["marks"]] == [colors[i] for i in kept], what
    elif style["kind"] == "polygons":
        assert [line["fill"] for line in seen["lines"]] == palette(value), what
        for line, shape in zip(seen["lines"], style["shapes"], strict=True):
            same(corners(line["d"])[0], places(shape))
    elif style["kind"] == "image":
        (image,) = seen["images"]
        same_box(image, style["box"])
        if "levels" in value:
            assert image["size"] == value["size"][::-1], what
            wanted = [(0, 0, 0, 0) if color == "none" else (*rgb(color), 255) for color in palette(value["levels"])]
            assert np.array_equal(image["rgba"], wanted), what
        else:
            assert image["href"] == f"data:image/webp;base64,{value['picture']}", what
    elif style["kind"] == "bars":
        for bar, place, up in zip(seen["bars"], style["places"], value, strict=True):
            same_box(bar, [*place[:3], place[1] if up is None else up])
    else:
        (text,) = seen["texts"]
        (point,) = places(value.get("at") or style["at"])
        assert text["words"] == ("" if np.isnan(point[0]) else value["text"]), what
        if not np.isnan(point[0]):
            same([float(text["x"]), float(text["y"])], point + style.get("offset", (0, 0)))
