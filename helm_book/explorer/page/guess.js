// Guess first: until the reader commits to a guess, or asks to be shown, an explorer's controls wait.
(() => {
  "use strict";

  const helm = (window.helmExplorer ??= {});
  const HEIGHTS = 51;

  // A curve sketched point by point over an axes: every point is a slider of its own for the keyboard.
  const sketching = (stage, { axes, at, places, heights }, values, drawn) => {
    const { svg, frame, boxes, width, height } = stage.overlay();
    const [x, y, w, h] = boxes[axes];
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("class", "helm-sketched");
    svg.append(line);
    const pad = document.createElement("div");
    pad.className = "helm-sketch";
    Object.assign(pad.style, {
      left: `${(100 * x) / width}%`, top: `${(100 * y) / height}%`,
      width: `${(100 * w) / width}%`, height: `${(100 * h) / height}%`,
    });
    const handles = at.map((place, i) => {
      const handle = document.createElement("div");
      Object.assign(handle, { className: "helm-handle", tabIndex: 0 });
      for (const [name, value] of Object.entries({
        role: "slider", "aria-orientation": "vertical", "aria-valuemin": 0, "aria-valuemax": HEIGHTS - 1,
        "aria-label": `your guess at ${places[i]}`,
      }))
        handle.setAttribute(name, value);
      handle.style.left = `${100 * place}%`;
      handle.addEventListener("keydown", (event) => {
        const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5 }[event.key];
        const value = { Home: 0, End: HEIGHTS - 1 }[event.key] ?? (by === undefined ? null : values[i] + by);
        if (value === null) return;
        event.preventDefault();
        drawn();
        put(i, value);
      });
      pad.append(handle);
      return handle;
    });
    const put = (i, value) => {
      values[i] = Math.min(HEIGHTS - 1, Math.max(0, Math.round(value)));
      handles[i].style.bottom = `${(100 * values[i]) / (HEIGHTS - 1)}%`;
      handles[i].setAttribute("aria-valuenow", values[i]);
      handles[i].setAttribute("aria-valuetext", heights[values[i]]);
      const corners = at.map((u, k) => `${x + u * w},${y + (1 - values[k] / (HEIGHTS - 1)) * h}`);
      line.setAttribute("points", corners.join(" "));
    };
    at.forEach((_, i) => put(i, values[i]));
    // A point that the stroke crosses takes the height at which it was crossed, however fast the pointer went. The
    // nearest point follows a pointer that comes nearer or moves up and down, not one that is on its way to the next.
    let last = null;
    const aim = (event) => {
      drawn();
      const box = pad.getBoundingClientRect();
      const [u, v] = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
      const away = (i, from = u) => Math.abs(at[i] - from);
      const near = at.reduce((best, _, i) => (away(i) < away(best) ? i : best), 0);
      const steep = !last || Math.abs(v - last.v) * box.height > Math.abs(u - last.u) * box.width;
      if (steep || away(near) < away(near, last.u)) put(near, v * (HEIGHTS - 1));
      at.forEach((place, i) => {
        if (!last || (place - last.u) * (place - u) >= 0) return;
        put(i, (last.v + ((place - last.u) / (u - last.u)) * (v - last.v)) * (HEIGHTS - 1));
      });
      last = { u, v };
    };
    pad.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      pad.setPointerCapture(event.pointerId);
      last = null;
      aim(event);
    });
    pad.addEventListener("pointermove", (event) => pad.hasPointerCapture(event.pointerId) && aim(event));
    frame.append(pad);
    return { end: () => pad.remove(), erase: () => line.remove(), show: (yes) => (line.style.display = yes ? "" : "none") };
  };

  // Returns null where nothing is asked, else { skip } to lift the question, and what the caption says until then.
  helm.guess = (figure, stage, open) => {
    const form = figure.querySelector(".helm-guess");
    if (!form) return null;
    const { hides, waiting, texts, replies, reply, artist, ...sketch } = JSON.parse(form.querySelector(".helm-guess-data").textContent);
    const { kind } = form.dataset;
    const fields = form.querySelector("fieldset");
    const told = form.querySelector(".helm-reply");
    const slider = form.querySelector("input[type=range]");
    let drawing = null;
    let done = false;
    let asked = null; // the setting that was asked about
    let fitting = true; // whether the curve shown is the one that was asked for
    let touched = false; // where a slider or a sketch stands at first is nobody's guess

    form.reset();
    stage.hide?.(hides);
    if (slider)
      slider.addEventListener("input", () => {
        touched = true;
        slider.setAttribute("aria-valuetext", texts[slider.value]);
        slider.style.setProperty("--helm-filled", slider.value / slider.max);
        form.querySelector("output").textContent = texts[slider.value];
      });

    const end = async (said) => {
      if (done) return;
      done = true;
      const here = document.activeElement;
      told.textContent = helm.together(said);
      // Who answered by keyboard goes on from the reply: what had the focus is about to go.
      if (form.contains(here) || here?.matches(".helm-handle")) told.focus({ preventScroll: true });
      fields.hidden = true;
      drawing?.end();
      if (said === reply) {
        drawing?.erase();
        drawing = null;
      }
      stage.hide?.([]);
      open();
      form.dataset.answered = "true";
      figure.querySelector(".helm-controls").dispatchEvent(new Event("input"));
    };

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if ((slider || kind === "curve") && !touched) {
        told.textContent = kind === "curve" ? "Draw first, or ask to be shown." : "Move the slider first, or ask to be shown.";
        return;
      }
      if (kind === "curve") return end(`Dashed: your sketch. ${reply}`);
      const chosen = slider ? slider.value : form.querySelector("input:checked")?.value;
      if (chosen === undefined) told.textContent = "Choose one first, or ask to be shown.";
      else end(replies[chosen]);
    });
    form.querySelector(".helm-skip").addEventListener("click", () => end(reply));

    if (kind === "curve") {
      // Drawn anew, for a phone that was turned say, the sketch is drawn anew too.
      const values = sketch.at.map(() => (HEIGHTS - 1) / 2);
      figure.addEventListener("helm-drawn", () => {
        if (done && !drawing) return;
        drawing?.end();
        drawing = sketching(stage, sketch, values, () => (touched = true));
        drawing.show(fitting);
        if (done) drawing.end();
        else fields.disabled = false;
      });
    } else fields.disabled = false;
    return {
      skip: () => end(reply),
      waiting: () => (done || !hides.length ? null : waiting),
      // A sketch says something about the curve that was asked for, and about no other.
      moved: (at) => {
        if (!done || !drawing) return;
        asked ??= at;
        fitting = stage.dependsOn(artist).every((k) => at[k] === asked[k]);
        drawing.show(fitting);
      },
    };
  };
})();
