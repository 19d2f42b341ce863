"""What is wrong with a page for who uses no mouse, sees little or listens: asked in the browser itself."""

from __future__ import annotations

from playwright.sync_api import Page

_FAULTS = """() => {
  const faults = [], all = (query) => [...document.querySelectorAll(query)];
  const wrong = (fault, each) => faults.push(`${fault}: ${each.outerHTML.slice(0, 160)}`);
  const named = (each) => (each.getAttribute("aria-label") || each.textContent || each.title || "").trim();
  if (document.documentElement.lang !== "en") faults.push("no language");
  if (!/.+ · Forwarder$/.test(document.title)) faults.push(`title: ${document.title}`);
  for (const [query, count] of [["h1", 1], ["main", 1], ["body > header", 1], ["body > footer", 1]])
    if (all(query).length !== count) faults.push(`${all(query).length} times ${query}`);
  for (const each of all("nav, section, [role=search]:nth-of-type(n + 2)"))
    if (!each.getAttribute("aria-label") && !each.getAttribute("aria-labelledby")) wrong("a part without a name", each);
  for (const each of all("input:not([type=hidden]), select, textarea, progress"))
    if (![...each.labels, each].some(named))
      wrong("a field without a label", each);
  for (const each of all("a, button, summary")) if (!named(each)) wrong("nothing to read", each);
  for (const each of all("table")) if (!each.caption?.textContent.trim()) wrong("a table without a caption", each);
  for (const each of all("th")) if (!["col", "row"].includes(each.scope)) wrong("a header without a scope", each);
  for (const each of all("thead th")) if (!each.textContent.trim()) wrong("a header without words", each);
  for (const name of ["aria-labelledby", "aria-describedby"])
    for (const each of all(`[${name}]`))
      for (const id of each.getAttribute(name).split(/ +/))
        if (!document.getElementById(id)) wrong(`names ${id}, which is not there`, each);
  const ids = all("[id]").map((each) => each.id);
  ids.filter((id, place) => ids.indexOf(id) !== place).forEach((id) => faults.push(`twice the id ${id}`));
  let level = 0;
  for (const each of all("h1, h2, h3, h4")) {
    if (+each.tagName[1] > level + 1) wrong("a heading that skips a level", each);
    level = +each.tagName[1];
  }
  return faults;
}"""

# By WCAG 2: relative luminance of a text and of what is painted below it.
_PALE = """(least) => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const part = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const below = (each) => {
    for (; each; each = each.parentElement) {
      const colour = numbers(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
      if (colour[3] > 0) throw new Error(`a ground that shines through: ${each.outerHTML.slice(0, 160)}`);
    }
    throw new Error("nothing below");
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const found = [];
  let looked = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const look = (each, style) => {
    looked += 1;
    const colour = each.closest("svg") ? style.fill : style.color;
    const contrast = ratio(light(numbers(colour)), light(below(each)));
    if (contrast < least) found.push(`${contrast.toFixed(2)} ${each.outerHTML.slice(0, 120)}`);
  };
  while (texts.nextNode()) {
    const each = texts.currentNode.parentElement;
    if (texts.currentNode.data.trim() && each.checkVisibility()) look(each, getComputedStyle(each));
  }
  for (const each of document.querySelectorAll("[placeholder]")) look(each, getComputedStyle(each, "::placeholder"));
  if (!looked) found.push("no text at all");
  return [...new Set(found)];
}"""

# What has the focus by the keyboard is outlined, also if a script moves the focus on from there.
_FOCUS = """() => {
  const query = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']", unseen = [];
  const tell = (each) => unseen.push(each.outerHTML.slice(0, 160));
  for (const each of [...document.querySelectorAll(query)].filter((each) => each.checkVisibility())) {
    each.focus();
    const style = getComputedStyle(each), box = each.getBoundingClientRect();
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    if (document.activeElement !== each || !outlined || box.width <= 1 || box.left < 0) tell(each);
  }
  [...document.querySelectorAll("[tabindex]")].filter((each) => each.tabIndex > 0).forEach(tell);
  return unseen;
}"""


def faults(page: Page) -> list[str]:
    found: list[str] = page.evaluate(_FAULTS)
    return found


def pale_texts(page: Page, least: float = 4.5) -> list[str]:
    """In both schemes: those whose contrast to their ground is less."""
    found: list[str] = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {each}" for each in page.evaluate(_PALE, least)]
    return found


def unseen_focus(page: Page) -> list[str]:
    """What the keyboard comes to without anything that shows it."""
    page.keyboard.press("Tab")
    found: list[str] = page.evaluate(_FOCUS)
    return found
