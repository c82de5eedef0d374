/* The theme lets the keyboard reach what scrolls, but looks only when the page is loaded or resized: a folded cell
   that is opened later would scroll for the mouse alone. */
document.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")), true);

/* What is wider than a phone scrolls in its own box, by the keyboard too: figures, and formulas within a line. */
function scrollWhatIsWide() {
  const page = document.querySelector(".bd-article")?.clientWidth;
  for (const formula of document.querySelectorAll(".bd-article mjx-container:not([display='true'])")) {
    formula.classList.toggle("helm-wide", false);
    formula.classList.toggle("helm-wide", formula.getBoundingClientRect().width > page);
  }
  for (const box of document.querySelectorAll(".bd-article :is(.cell_output, figure.align-default):has(> img), .bd-article mjx-container.helm-wide")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(scrollWhatIsWide));
addEventListener("resize", scrollWhatIsWide);
