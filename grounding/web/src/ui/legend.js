/**
 * The classes with their colours and counts, as buttons that dim and isolate.
 *
 *   const rows = legend([{label, count, color}], {onChange});   color: CSS text
 *   rows.node
 *   rows.update({classes?, dim?, isolate?})     from outside (theme, back button): no onChange
 *   rows.shown                                  visibility.js's Visibility
 *
 * Click dims a class or brings it back; double-click, Shift + Enter or "only" shows it alone;
 * Escape or "Show all" brings all back. onChange(shown, {replaces}): `replaces` is set when the
 * change takes the place of the one just before (the second click of two).
 */

import { formatCount } from "../format.js";
import { EVERYTHING, isShown, isolated, toggled } from "../visibility.js";
import { element, replaceChildren } from "./element.js";

/** @typedef {import("../visibility.js").Visibility} Visibility */
/** @typedef {{label: number, count: number, color: string}} LegendClass */

/** Said, not shown: the button's name holds what can be seen of it. @param {string} text */
const unseen = (text) => element("span", { class: "visually-hidden" }, text);

/**
 * @param {readonly LegendClass[]} classes
 * @param {{onChange: (shown: Visibility, how: {replaces: boolean}) => void, initial?: Visibility,
 *   title?: string}} options
 */
export function legend(classes, { onChange, initial = EVERYTHING, title = "Classes" }) {
  let shown = initial;
  let beforeClick = initial;
  /** @type {Map<number, {row: HTMLElement, button: HTMLElement, only: HTMLElement, swatch: HTMLElement, count: HTMLElement}>} */
  const rows = new Map();
  const list = element("ul", { class: "legend-rows" });
  const all = element("button", { type: "button", class: "small", onclick: () => change(EVERYTHING) }, "Show all");
  const heading = element("div", { class: "section-head" }, element("h2", {}, title), all);
  const node = element("section", { class: "legend", "aria-label": title, onkeydown: key }, heading, list);

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
    const labels = [...rows.keys()];
    if (event.detail === 2) return change(isolated(beforeClick, label), true);
    beforeClick = shown;
    // A keyboard's click has detail 0 and tells no double click apart: Shift does.
    change(event.detail === 0 && event.shiftKey ? isolated(shown, label) : toggled(shown, label, labels));
  }

  /** @param {number} label */
  function makeRow(label) {
    const [swatch, count] = [element("span", { class: "swatch" }), element("span", { class: "number muted" })];
    const button = element(
      "button",
      { type: "button", class: "legend-class", onclick: (/** @type {MouseEvent} */ event) => click(event, label) },
      swatch,
      element("span", { class: "legend-label" }, unseen("Class "), String(label)),
      count,
      unseen(" points"),
    );
    const only = element(
      "button",
      { type: "button", class: "legend-only", "aria-label": `Only class ${label}`, onclick: () => change(isolated(shown, label)) },
      "only",
    );
    return { row: element("li", {}, button, only), button, only, swatch, count };
  }

  /** @param {readonly LegendClass[]} next */
  function setClasses(next) {
    for (const label of rows.keys()) if (!next.some((one) => one.label === label)) rows.delete(label);
    for (const { label, count, color } of next) {
      const made = rows.get(label) ?? makeRow(label);
      rows.set(label, made);
      made.swatch.style.backgroundColor = color;
      made.count.textContent = formatCount(count);
    }
    replaceChildren(list, ...next.map(({ label }) => rows.get(label)?.row));
    paint();
  }

  function paint() {
    for (const [label, { row, button, only }] of rows) {
      const isOn = isShown(shown, label);
      button.setAttribute("aria-pressed", String(isOn));
      only.setAttribute("aria-pressed", String(shown.isolate === label));
      row.classList.toggle("off", !isOn);
    }
    all.hidden = shown.isolate === null && !shown.dim.length;
  }

  setClasses(classes);
  return {
    node,
    get shown() {
      return shown;
    },
    /** @param {{classes?: readonly LegendClass[], dim?: readonly number[], isolate?: number | null}} next */
    update({ classes: next, dim = shown.dim, isolate = shown.isolate }) {
      shown = { dim, isolate };
      if (next) setClasses(next);
      else paint();
    },
  };
}
