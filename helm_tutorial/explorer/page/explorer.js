// Brings the static explorers of a page to life: moves between the frames that the build drew.
// Each <figure class="helm-explorer"> holds its controls and, as JSON, its frames; nothing is shared
// between figures, nothing is loaded, and data are parsed and pictures decoded only when first wanted.
(() => {
  "use strict";

  const enliven = (figure) => {
    const form = figure.querySelector(".helm-controls");
    const still = figure.querySelector(".helm-still");
    const caption = figure.querySelector(".helm-caption");
    const reset = figure.querySelector(".helm-reset");
    const controls = [...form.querySelectorAll("[data-control]")];
    const startSource = still.src;

    let data = null;
    const load = () => (data ??= JSON.parse(figure.querySelector(".helm-data").textContent));

    const position = (control) =>
      Number(control.querySelector("input[type=range], input:checked").value);

    const showPosition = (control, text) => {
      const slider = control.querySelector("input[type=range]");
      if (!slider) return; // a checked radio button shows itself
      slider.setAttribute("aria-valuetext", text);
      slider.style.setProperty("--helm-filled", slider.value / slider.max);
      control.querySelector("output").textContent = text;
    };

    // The picture is swapped once decoded, so that it never blinks; only the latest one asked for counts.
    let wanted = startSource;
    const showPicture = async (source) => {
      wanted = source;
      const next = new Image();
      next.src = source;
      await next.decode();
      if (wanted === source) still.src = source;
    };

    const update = () => {
      const { sizes, texts, shown, captions, frames } = load();
      const at = controls.map(position);
      const combination = at.reduce((index, i, k) => index * sizes[k] + i, 0);
      controls.forEach((control, k) => showPosition(control, texts[k][at[k]]));
      caption.textContent = still.alt = captions[combination];
      const frame = frames[shown[combination]]; // null: the frame the page came with
      return showPicture(frame ? `data:image/webp;base64,${frame}` : startSource);
    };

    form.reset(); // some browsers refill forms on reload, but the page shows the start frame
    form.addEventListener("input", update);
    form.addEventListener("submit", (event) => event.preventDefault());
    reset.addEventListener("click", () => {
      form.reset();
      update();
    });

    for (const part of [form.querySelector("fieldset"), reset]) part.disabled = false;
    figure.dataset.helmReady = "true";
  };

  const enlivenAll = () => document.querySelectorAll(".helm-explorer:not([data-helm-ready])").forEach(enliven);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", enlivenAll);
  else enlivenAll();
})();
