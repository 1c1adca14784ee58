/**
 * What the colours mean: the class, or a number of each point with its scale.
 *
 *   const coloring = colorChoice(points, classes, {initial, onChange});
 *   coloring.node                  null when the file holds no numbers to colour by
 *   coloring.key                   "" for classes, or the number's key
 *   coloring.set(key)              from outside: no onChange
 *   coloring.colors(theme)         -> Uint8Array (N, 3); also draws the scale
 */

import { colorsByNumber, rampColor, RAMP_WORDS } from "../colors.js";
import { formatNumber } from "../format.js";
import { element } from "../ui/element.js";
import { wordsOf } from "./describe.js";

/** @typedef {import("../colors.js").Theme} Theme */

const STEPS = 128;

/**
 * @param {import("../assets.js").LatentPoints} points @param {import("../classes.js").Classes} classes
 * @param {{initial: string, onChange: (key: string) => void}} options
 */
export function colorChoice({ hasLabels, numbers }, classes, { initial, onChange }) {
  /** @param {string} wanted */
  const known = (wanted) => (numbers.has(wanted) ? wanted : "");
  let key = known(initial);
  const select = element(
    "select",
    { onchange: () => onChange((key = select.value)) },
    element("option", { value: "" }, hasLabels ? "Class" : "Nothing"),
    ...[...numbers.keys()].map((name) => element("option", { value: name }, wordsOf(name))),
  );
  const [low, high, words] = [element("span"), element("span"), element("p", { class: "note muted" })];
  const ramp = element("canvas", { class: "color-ramp", width: STEPS, height: 1, "aria-hidden": "true" });
  const scale = element("div", { class: "scale" }, ramp, element("div", { class: "scale-ends number" }, low, high), words);
  select.value = key;
  const node = numbers.size
    ? element("section", { "aria-label": "Colour" }, element("label", { class: "choice" }, element("strong", {}, "Colour by"), select), scale)
    : null;

  /** @param {Theme} theme */
  function paintRamp(theme) {
    const pen = ramp.getContext("2d");
    for (let i = 0; i < STEPS && pen; i++) {
      pen.fillStyle = `rgb(${rampColor(i / (STEPS - 1), theme).join(" ")})`;
      pen.fillRect(i, 0, 1, 1);
    }
  }

  return {
    node,
    get key() {
      return key;
    },
    /** @param {string} next */
    set(next) {
      key = known(next);
      select.value = key;
    },
    /** @param {Theme} theme */
    colors(theme) {
      const values = numbers.get(key);
      scale.hidden = !values;
      if (!values) return classes.colors(theme);
      const found = colorsByNumber(values, theme);
      paintRamp(theme);
      low.textContent = formatNumber(found.low);
      high.textContent = formatNumber(found.high);
      words.textContent = RAMP_WORDS[theme];
      return found.colors;
    },
  };
}
