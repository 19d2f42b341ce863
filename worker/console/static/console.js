// All that the console does beside htmx: what was refreshed is told to a screen reader only if its words changed, and what
// was unfolded stays so.
"use strict";
(() => {
  const words = () => document.querySelector("[data-announce]")?.dataset.announce;
  const announcer = document.getElementById("announcer");
  let told = words();
  let unfolded = [];
  document.addEventListener("htmx:beforeSwap", () => {
    unfolded = [...document.querySelectorAll("details[open][id]")].map((each) => each.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    unfolded.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    if (words() !== undefined && words() !== told) announcer.textContent = told = words();
  });
})();
