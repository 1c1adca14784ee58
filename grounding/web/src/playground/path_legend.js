/**
 * What the lines of the path mean, and which colour is how much drift.
 *
 *   const legend = pathLegend();   legend.node
 *   legend.show(drift, theme, scale)      drift: numbers along the path; scale: words.js's
 */

import { RAMP_WORDS, cssColor, rampColor } from "../colors.js";
import { element } from "../ui/element.js";
import { write } from "../ui/write.js";
import { distanceWords } from "./words.js";

const SHADES = 32;

export function pathLegend() {
  const ramp = element("canvas", { class: "ramp", width: SHADES, height: 1, role: "img" });
  const [low, high] = [element("span", { class: "number" }), element("span", { class: "number" })];
  const row = (/** @type {string} */ line, /** @type {string} */ text) =>
    element("div", {}, element("i", { class: `line-sample ${line}` }), text);
  const node = element(
    "div",
    { class: "path-legend" },
    row("dashed", "Straight z"),
    row("solid", "Regrounded E(D(z))"),
    element("div", { class: "ramp-row" }, "Drift", low, ramp, high),
  );
  return {
    node,
    /** @param {ArrayLike<number>} drift @param {import("../colors.js").Theme} theme @param {import("./words.js").Scale} scale */
    show(drift, theme, scale) {
      const values = Array.from(drift);
      write(low, distanceWords(Math.min(...values), scale));
      write(high, distanceWords(Math.max(...values), scale));
      ramp.setAttribute("aria-label", RAMP_WORDS[theme]);
      const pen = ramp.getContext("2d");
      for (let i = 0; pen && i < SHADES; i++) {
        pen.fillStyle = cssColor(rampColor(i / (SHADES - 1), theme));
        pen.fillRect(i, 0, 1, 1);
      }
    },
  };
}
