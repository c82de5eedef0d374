/* The theme lets the keyboard reach what scrolls, but looks only when the page is loaded or resized: a folded cell
   that is opened later would scroll for the mouse alone. */
document.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")), true);
