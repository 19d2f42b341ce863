// All that the console does beside htmx: what was refreshed is told to a screen reader only if its words changed.
"use strict";
(() => {
  const announcer = document.getElementById("announcer");
  let told = document.querySelector("[data-announce]")?.dataset.announce;
  document.addEventListener("htmx:afterSwap", () => {
    const words = document.querySelector("[data-announce]")?.dataset.announce;
    if (words !== undefined && words !== told) announcer.textContent = told = words;
  });
})();
