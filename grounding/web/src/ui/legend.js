/**
 * The classes with their colours and counts, as buttons that dim and isolate.
 *
 *   const rows = legend(classes, {onChange});   classes: classes.js's
 *   rows.node                                   null without classes
 *   rows.update({theme?, dim?, isolate?})       from outside (theme, palette, back button): no onChange
 *   rows.shown                                  visibility.js's Visibility
 *
 * Click dims a class or brings it back; double-click, Shift + Enter or "only" shows it alone;
 * Escape or "Show all" brings all back. onChange(shown, {replaces}): `replaces` is set when the
 * change takes the place of the one just before (the second click of two). Many classes can be
 * searched, and are told when they have to share colours.
 */

import { cssColor } from "../colors.js";
import { formatCount } from "../format.js";
import { EVERYTHING, isShown, isolated, toggled } from "../visibility.js";
import { element, replaceChildren } from "./element.js";

/** @typedef {import("../visibility.js").Visibility} Visibility */
/** @typedef {import("../classes.js").OneClass} OneClass */

/** More than these can be searched. */
const FEW = 12;
const MOST_ROWS = 300;

/** Said, not shown: the button's name holds what can be seen of it. @param {string} text */
const unseen = (text) => element("span", { class: "visually-hidden" }, text);

/**
 * @param {import("../classes.js").Classes} classes
 * @param {{onChange: (shown: Visibility, how: {replaces: boolean}) => void, initial?: Visibility,
 *   theme?: import("../colors.js").Theme}} options
 */
export function legend(classes, { onChange, initial = EVERYTHING, theme = "light" }) {
  const every = classes.list;
  const labels = every.map(({ label }) => label);
  const isMany = every.length > FEW;
  let shown = initial;
  let beforeClick = initial;
  /** @type {Map<number, {row: HTMLElement, button: HTMLElement, only: HTMLElement, swatch: HTMLElement}>} */
  const rows = new Map();
  const list = element("ul", { class: "legend-rows", "aria-label": "Classes" });
  const all = element("button", { type: "button", class: "small", onclick: () => change(EVERYTHING) }, "Show all");
  const heading = element("div", { class: "section-head" }, element("h2", {}, isMany ? `${formatCount(every.length)} classes` : "Classes"), all);
  const search = element("input", { type: "search", placeholder: "Find a class", "aria-label": "Find a class", oninput: showRows, hidden: !isMany });
  const colors = element("p", { class: "note muted" });
  const more = element("p", { class: "note muted", role: "status" });
  const node = element("section", { class: "legend", "aria-label": "Classes", onkeydown: key }, heading, search, list, more, colors);

  /** @param {Visibility} next @param {boolean} [replaces] */
  function change(next, replaces = false) {
    shown = next;
    paint();
    onChange(shown, { replaces });
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (event.key !== "Escape" || (shown.isolate === null && !shown.dim.length)) return;
    event.stopPropagation();
    change(EVERYTHING);
  }

  /** @param {MouseEvent} event @param {number} label */
  function click(event, label) {
    if (event.detail === 2) return change(isolated(beforeClick, label), true);
    beforeClick = shown;
    // A keyboard's click has detail 0 and tells no double click apart: Shift does.
    change(event.detail === 0 && event.shiftKey ? isolated(shown, label) : toggled(shown, label, labels));
  }

  /** @param {OneClass} one */
  function makeRow({ label, name, count }) {
    const swatch = element("span", { class: "swatch" });
    const button = element(
      "button",
      { type: "button", class: "legend-class", title: name, onclick: (/** @type {MouseEvent} */ event) => click(event, label) },
      swatch,
      element("span", { class: "legend-label" }, unseen("Class "), name),
      element("span", { class: "number muted" }, formatCount(count)),
      unseen(" points"),
    );
    const only = element(
      "button",
      { type: "button", class: "legend-only", "aria-label": `Only class ${name}`, onclick: () => change(isolated(shown, label)) },
      "only",
    );
    return { row: element("li", {}, button, only), button, only, swatch };
  }

  /** Those that the search finds. */
  function showRows() {
    const wanted = search.value.trim().toLowerCase();
    const found = wanted ? every.filter(({ label, name }) => name.toLowerCase().includes(wanted) || String(label) === wanted) : every;
    const some = found.slice(0, MOST_ROWS);
    for (const one of some) if (!rows.has(one.label)) rows.set(one.label, makeRow(one));
    replaceChildren(list, ...some.map(({ label }) => rows.get(label)?.row));
    const left = found.length - some.length;
    more.textContent = !found.length ? "No class is called that." : left ? `${formatCount(left)} more: search for them.` : "";
    paint();
  }

  function paint() {
    for (const [label, { row, button, only, swatch }] of rows) {
      const isOn = isShown(shown, label);
      swatch.style.backgroundColor = cssColor(classes.color(label, theme));
      button.setAttribute("aria-pressed", String(isOn));
      only.setAttribute("aria-pressed", String(shown.isolate === label));
      row.classList.toggle("off", !isOn);
    }
    const { distinct } = classes;
    const isShared = every.length > distinct;
    colors.textContent = isShared ? `${formatCount(every.length)} classes share ${distinct} colours: a colour alone does not tell a class.` : "";
    all.hidden = shown.isolate === null && !shown.dim.length;
  }

  node.classList.toggle("many", isMany);
  showRows();
  return {
    node: every.length ? node : null,
    get shown() {
      return shown;
    },
    /** @param {{theme?: import("../colors.js").Theme, dim?: readonly number[], isolate?: number | null}} next */
    update({ theme: next = theme, dim = shown.dim, isolate = shown.isolate }) {
      theme = next;
      shown = { dim, isolate };
      paint();
    },
  };
}
