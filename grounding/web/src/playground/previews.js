/**
 * Pictures side by side, large and crisp, each with a line below.
 *
 *   const row = previews([C, H, W], ["Input x", …]);
 *   row.node; row.paint(0, values); row.note(0, "digit sample 3"); row.formula(2, "D(z)")
 */

import { element } from "../ui/element.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { write } from "../ui/write.js";

/** @param {readonly number[]} shape @param {readonly {title: string, formula: string}[]} pictures */
export function previews(shape, pictures) {
  const parts = pictures.map(({ title, formula }) => {
    const canvas = imageCanvas(shape, title);
    const note = element("span", { class: "preview-note" });
    const sign = element("i", {}, formula);
    const caption = element("figcaption", {}, element("b", {}, title), " ", sign, note);
    return { canvas, note, sign, node: element("figure", { class: "preview" }, canvas, caption) };
  });
  return {
    node: element("div", { class: "previews" }, ...parts.map(({ node }) => node)),
    /** @param {number} i @param {Float32Array} values */
    paint: (i, values) => paintImage(parts[i].canvas, values, shape),
    /** @param {number} i @param {string} text */
    note: (i, text) => write(parts[i].note, text),
    /** @param {number} i @param {string} text */
    formula: (i, text) => write(parts[i].sign, text),
  };
}
