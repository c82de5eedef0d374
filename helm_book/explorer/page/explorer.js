// Brings the explorers of a page to life: reads their controls, plays their steps, keeps their link, and asks a
// stage for the picture. A stage is how a picture is shown: frame by frame (here) or from numbers (numbers.js).
// Each <figure class="helm-explorer"> holds its own data; nothing is shared between figures, nothing is loaded,
// and data are read only when the figure comes near the window or is first moved.
(() => {
  "use strict";

  const helm = (window.helmExplorer ??= {});
  const narrow = matchMedia("(max-width: 36rem)");
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // ---- the stage of frames: one picture for each setting ----

  const frameStage = (figure) => {
    const picture = figure.querySelector(".helm-still");
    const source = figure.querySelector("source");
    const starts = [picture.src, source?.srcset];
    let data = null;
    let wanted = null;
    return {
      load: async () => (data ??= JSON.parse(figure.querySelector(".helm-data").textContent)),
      caption: (at) => data.captions[helm.position(at, data.sizes)],
      captions: () => data.captions,
      // The picture is swapped once decoded, so that it never blinks; only the latest one asked for counts.
      show: async (at) => {
        const size = source && narrow.matches ? 1 : 0;
        const { shown, frames } = data.sizesDrawn[size];
        const frame = frames[shown[helm.position(at, data.sizes)]]; // null: the frame the page came with
        const address = (wanted = frame ? `data:image/webp;base64,${frame}` : starts[size]);
        const next = new Image();
        next.src = address;
        await next.decode();
        if (wanted !== address) return;
        if (size) source.srcset = address;
        else picture.src = address;
      },
    };
  };

  helm.stages = { frames: frameStage, ...helm.stages };
  // Row by row, the last control moving fastest.
  helm.position = (at, sizes) => at.reduce((index, i, k) => index * sizes[k] + i, 0);
  // A number and its per cent sign stay on one line.
  helm.together = (text) => text.replace(/(\d) %/g, "$1\u00a0%");
  helm.narrow = narrow;
  helm.still = still;

  // ---- one explorer ----

  const enliven = (figure) => {
    const form = figure.querySelector(".helm-controls");
    const picture = figure.querySelector(".helm-still");
    const caption = figure.querySelector(".helm-caption");
    const buttons = figure.querySelectorAll(".helm-link, .helm-reset");
    const controls = [...form.querySelectorAll("[data-control]")];
    const stage = helm.stages[figure.dataset.kind](figure);
    let data = null;
    let guess = null;

    const read = () => controls.map((control) => Number(control.querySelector("input[type=range], input:checked").value));

    const write = (k, index) => {
      const slider = controls[k].querySelector("input[type=range]");
      if (slider) slider.value = index;
      else controls[k].querySelectorAll("input")[index].checked = true;
    };

    const showPosition = (control, text) => {
      const slider = control.querySelector("input[type=range]");
      if (!slider) return; // a checked radio button shows itself
      slider.setAttribute("aria-valuetext", text);
      slider.style.setProperty("--helm-filled", slider.value / slider.max);
      control.querySelector("output").textContent = text;
    };

    // Room for the longest caption, so that the page below stays where it is while the caption changes.
    let room = null; // the width that the room was measured at
    const makeRoom = () => {
      if (!data || guess?.waiting() || figure.clientWidth === room) return;
      room = figure.clientWidth;
      const longest = stage.captions().reduce((found, text) => (text.length > found.length ? text : found));
      const copy = Object.assign(caption.cloneNode(), { textContent: helm.together(longest), ariaLive: "off" });
      caption.style.minHeight = copy.style.minHeight = "0"; // both: in one row, the higher one would stretch the other
      caption.after(copy);
      caption.style.minHeight = `${copy.offsetHeight}px`;
      copy.remove();
    };

    const update = async (moved = true) => {
      try {
        data = await stage.load();
      } catch {
        caption.textContent = "This browser is too old to move this picture.";
        return;
      }
      const at = read();
      controls.forEach((control, k) => showPosition(control, data.texts[k][at[k]]));
      picture.alt = guess?.waiting() ?? stage.caption(at);
      caption.textContent = helm.together(picture.alt);
      makeRoom();
      guess?.moved(at);
      await stage.show(at, moved);
    };

    // ---- steps that play ----

    const players = [...form.querySelectorAll(".helm-play")].map((button) => {
      const slider = button.parentElement.querySelector("input[type=range]");
      const name = button.getAttribute("aria-label").replace("Play", "");
      let timer = null;
      const say = (word) => {
        button.textContent = word;
        button.setAttribute("aria-label", word + name);
      };
      const rest = () => say(still.matches ? "Next" : "Play");
      const stop = () => {
        clearInterval(timer);
        timer = null;
        caption.ariaLive = "polite";
        rest();
      };
      const k = controls.findIndex((control) => control.contains(slider));
      // At the end, or where nothing changes any more up to the end.
      const done = () => slider.value === slider.max || (data && stage.settled?.(read(), k));
      const step = () => {
        slider.value = Number(slider.value) + 1;
        update();
        if (done()) stop();
      };
      button.addEventListener("click", () => {
        if (timer) return stop();
        if (done()) {
          slider.value = 0;
          update();
        } else if (still.matches) step(); // a reader who wants no motion turns the pages
        if (still.matches) return;
        say("Pause");
        caption.ariaLive = "off"; // several captions a second are too many to be read out
        timer = setInterval(step, Number(button.dataset.interval));
      });
      still.addEventListener("change", stop);
      rest();
      return stop;
    });
    const pause = () => players.forEach((stop) => stop());

    // ---- a link to this setting ----

    const fragment = () => {
      const at = read();
      const words = data.names.map((name, k) => `${name}=${encodeURIComponent(data.keys[k][at[k]])}`);
      return `#${figure.id}?${words.join("&")}`;
    };

    const follow = async () => {
      const [id, words] = location.hash.slice(1).split("?");
      if (id !== figure.id || words === undefined) return;
      pause();
      data = await stage.load();
      for (const [name, value] of new URLSearchParams(words)) {
        const k = data.names.indexOf(name);
        const index = data.keys[k]?.indexOf(value) ?? -1;
        if (index >= 0) write(k, index);
      }
      guess?.skip();
      await update(false);
      figure.scrollIntoView({ block: "center" });
    };

    const copyLink = async (event) => {
      const button = event.currentTarget; // gone after the first wait
      data = await stage.load();
      history.replaceState(null, "", fragment());
      let said = "Link in the address bar";
      try {
        await navigator.clipboard.writeText(location.href);
        said = "Link copied";
      } catch {
        // No clipboard here: the address bar has it.
      }
      button.textContent = said;
      clearTimeout(saying);
      saying = setTimeout(() => (button.textContent = "Link"), 2500);
    };
    let saying = 0;

    // ---- together ----

    const open = () => {
      form.querySelector("fieldset").disabled = false;
      buttons.forEach((button) => (button.disabled = false));
      stage.open?.((pairs) => {
        pause();
        pairs.forEach(([k, index]) => write(k, index));
        update();
      }, read);
      figure.dataset.helmOpen = "true";
    };

    form.reset(); // some browsers refill forms on reload, but the page shows the start
    form.addEventListener("input", () => {
      pause();
      update();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    figure.querySelector(".helm-reset").addEventListener("click", () => {
      pause();
      form.reset();
      update(false);
    });
    figure.querySelector(".helm-link").addEventListener("click", copyLink);
    addEventListener("hashchange", follow);
    narrow.addEventListener("change", () => data && update(false));
    new ResizeObserver(makeRoom).observe(figure);
    // Paper cannot be asked: where a guess still waits, the style sheet prints the whole picture, to which this belongs.
    const whole = caption.textContent;
    addEventListener("beforeprint", () => guess?.waiting() && (caption.textContent = whole));
    addEventListener("afterprint", () => guess?.waiting() && (caption.textContent = guess.waiting()));

    guess = helm.guess?.(figure, stage, open) ?? null;
    if (!guess) open();
    else if (guess.waiting()) picture.alt = caption.textContent = guess.waiting(); // who reads on ahead is not told
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      if (stage.drawsAtOnce) update(false);
    }, { rootMargin: "300px" }).observe(figure);
    follow();
    figure.dataset.helmReady = "true";
  };

  const enlivenAll = () => document.querySelectorAll(".helm-explorer:not([data-helm-ready])").forEach(enliven);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", enlivenAll);
  else enlivenAll();
})();
