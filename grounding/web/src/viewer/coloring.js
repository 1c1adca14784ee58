/**
 * What the colours mean: the class, or a number of each point with its scale.
 *
 *   const coloring = colorChoice(points, classes, {initial, onChange});
 *   coloring.node                  null when the file holds no numbers to colour by
 *   coloring.key                   "" for classes, or the number's key
 *   coloring.set(key)              from outside: no onChange
 *   coloring.colors(theme)         -> Uint8Array (N, 3); also draws the scale
 */

import { colorsByNumber } from "../colors.js";
import { element } from "../ui/element.js";
import { colorScale } from "../ui/scale.js";
import { wordsOf } from "./describe.js";

/** @typedef {import("../colors.js").Theme} Theme */

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
  const scale = colorScale();
  select.value = key;
  const node = numbers.size
    ? element("section", { "aria-label": "Colour" }, element("label", { class: "choice" }, element("strong", {}, "Colour by"), select), scale.node)
    : null;

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
      if (!values) {
        scale.hide();
        return classes.colors(theme);
      }
      const found = colorsByNumber(values, theme);
      scale.show(found, theme);
      return found.colors;
    },
  };
}
