/**
 * What the colours of a number mean: the ramp, its ends, and a sentence.
 *
 *   const scale = colorScale();   scale.node; hidden until it is shown
 *   scale.show({low, high}, theme, words)   words: before those about the ramp
 *   scale.hide()
 */

import { RAMP_WORDS, rampColor } from "../colors.js";
import { formatNumber } from "../format.js";
import { element } from "./element.js";

const STEPS = 128;

export function colorScale() {
  const [low, high, note] = [element("span"), element("span"), element("p", { class: "note muted" })];
  const ramp = element("canvas", { class: "color-ramp", width: STEPS, height: 1, "aria-hidden": "true" });
  const node = element("div", { class: "scale", hidden: true }, ramp, element("div", { class: "scale-ends number" }, low, high), note);
  return {
    node,
    /** @param {{low: number, high: number}} ends @param {import("../colors.js").Theme} theme */
    show(ends, theme, words = "") {
      const pen = ramp.getContext("2d");
      for (let i = 0; i < STEPS && pen; i++) {
        pen.fillStyle = `rgb(${rampColor(i / (STEPS - 1), theme).join(" ")})`;
        pen.fillRect(i, 0, 1, 1);
      }
      [low.textContent, high.textContent] = [formatNumber(ends.low), formatNumber(ends.high)];
      note.textContent = `${words} ${RAMP_WORDS[theme]}`.trim();
      node.hidden = false;
    },
    hide() {
      node.hidden = true;
    },
  };
}
