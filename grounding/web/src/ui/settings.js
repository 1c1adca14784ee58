/**
 * The settings of the view that both pages share.
 *
 *   const settings = viewSettings(state, {onChange, onFlat, onFit, onReset, onSave});
 *   settings.node                     a section for the side bar
 *   settings.offer(file, classes)     what can stand in place of dots, and how many there are
 *   settings.setFlat(isFlat)          the cloud is flat now, or not
 *   settings.update(state)            after back, forward or reset
 *
 * state: those of state.js's CommonState below. onChange({size}) and the like name what was changed;
 * onSave() saves the picture.
 */

import { MANY } from "../cloud.js";
import { element } from "./element.js";
import { slider } from "./slider.js";

/** @typedef {Pick<import("../state.js").CommonState, "size" | "glyphs" | "names" | "pictures" | "density" | "theme">} ViewState */

/** @type {[import("../state.js").CommonState["theme"], string][]} */
const THEMES = [
  ["auto", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
];

/**
 * @param {ViewState} state
 * @param {{onChange: (changes: Partial<ViewState>) => void, onFlat: (isFlat: boolean) => void, onFit: () => void,
 *   onReset: () => void, onSave: () => void, onTake: () => void}} listeners
 */
export function viewSettings(state, { onChange, onFlat, onFit, onReset, onSave, onTake }) {
  const size = slider({
    label: "Point size",
    min: 1,
    max: 12,
    step: 0.5,
    initial: 4,
    value: state.size,
    format: (value) => `${value} px`,
    onInput: (value) => onChange({ size: value }),
  });
  let isMany = false;
  /** @param {(on: boolean) => Partial<ViewState>} change @param {string} [text] */
  const check = (change, text = "") => {
    const input = element("input", { type: "checkbox", onchange: () => onChange(change(input.checked)) });
    const words = element("span", {}, text);
    return { input, words, label: element("label", { class: "check" }, input, words) };
  };
  const glyphs = check((on) => ({ glyphs: on }));
  const names = check((on) => ({ names: on }), "Names of the classes");
  const pictures = check((on) => ({ pictures: on }));
  const density = check((on) => ({ density: on === isMany ? "auto" : on ? "on" : "off" }), "Density: let points through");
  const theme = element(
    "select",
    { onchange: () => onChange({ theme: /** @type {ViewState["theme"]} */ (theme.value) }) },
    ...THEMES.map(([value, text]) => element("option", { value }, text)),
  );
  const [flat, solid] = /** @type {[string, string, boolean][]} */ ([
    ["Flat", "Seen along the axis in which points differ least; a drag moves it", true],
    ["3-D", "In three dimensions; a drag turns it", false],
  ]).map(([text, title, isFlat]) => element("button", { type: "button", title, "aria-pressed": String(!isFlat), onclick: () => onFlat(isFlat) }, text));
  /** @param {string} text @param {() => void} onclick @param {string} title */
  const button = (text, onclick, title) => element("button", { type: "button", title, onclick }, text);
  const node = element(
    "section",
    { class: "settings", "aria-label": "View" },
    element("div", { class: "section-head" }, element("h2", {}, "View"), element("div", { class: "segments", role: "group", "aria-label": "Dimensions" }, solid, flat)),
    size.node,
    names.label,
    pictures.label,
    glyphs.label,
    density.label,
    element("label", { class: "choice" }, "Theme", theme),
    element(
      "div",
      { class: "buttons" },
      button("Fit", onFit, "Show the selection, the class shown alone, or all points from the present direction"),
      button("Reset", onReset, "Back to the view that the page starts with"),
      button("Save PNG", onSave, "Save the picture on the stage"),
      button("Take away …", onTake, "Pictures with a legend, a film, a link, a frame, a citation"),
    ),
  );
  /** @param {ViewState} next */
  function update(next) {
    size.set(next.size);
    glyphs.input.checked = next.glyphs;
    names.input.checked = next.names;
    pictures.input.checked = next.pictures;
    density.input.checked = next.density === "auto" ? isMany : next.density === "on";
    theme.value = next.theme;
  }
  update(state);
  return {
    node,
    update,
    /** @param {boolean} isFlat */
    setFlat(isFlat) {
      flat.setAttribute("aria-pressed", String(isFlat));
      solid.setAttribute("aria-pressed", String(!isFlat));
    },
    /**
     * @param {{isDigits: boolean, count: number, thumbnails: unknown}} file
     * @param {import("../classes.js").Classes} classes @param {ViewState} now
     */
    offer({ isDigits, count, thumbnails }, { list }, now) {
      isMany = count >= MANY;
      names.label.hidden = glyphs.label.hidden = !list.length;
      pictures.label.hidden = !thumbnails;
      glyphs.words.textContent = `${isDigits ? "Digits" : "Labels"} instead of dots`;
      pictures.words.textContent = "Pictures where there is room";
      update(now);
    },
  };
}
