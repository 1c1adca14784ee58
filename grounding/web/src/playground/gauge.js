/**
 * How far references lie from their nearest others, as a histogram, with a dot for the present one.
 *
 *   const gauge = distanceGauge();   gauge.node
 *   gauge.measured(scale)            words.js's Scale: draws bars and axis
 *   gauge.show({ratio} | null, isOff)   hollow when off
 *   axisOf(ratios)                   -> {low, high}: powers of two that the axis goes from and to
 *   placeOf(ratio, axis)             -> share of the width, growing with every ratio
 *
 * The axis is logarithmic, in units of the median, and open: whatever lies beyond `high` has a place
 * in the last tenth.
 */

import { element, replaceChildren } from "../ui/element.js";

const SVG = "http://www.w3.org/2000/svg";
const BARS = 36;
const CLOSED = 0.9;
/** Powers of two that the axis has room for, whatever was measured. */
const LOWEST = -6;
const HIGHEST = 10;

/** @typedef {{low: number, high: number}} Axis exponents of 2 */

/** @param {ArrayLike<number>} ratios ascending @returns {Axis} */
export function axisOf(ratios) {
  const positive = Array.from(ratios).filter((ratio) => ratio > 0);
  const [least, most] = [positive[0] ?? 1, positive[positive.length - 1] ?? 1];
  // Further on than the references: that is where a probe is told to be off.
  const low = Math.max(LOWEST, Math.min(-2, Math.floor(Math.log2(least))));
  return { low, high: Math.min(HIGHEST, Math.max(3, Math.ceil(Math.log2(most)) + 1)) };
}

/** @param {number} ratio @param {Axis} axis */
export function placeOf(ratio, { low, high }) {
  if (ratio <= 2 ** low) return 0;
  if (ratio <= 2 ** high) return (CLOSED * (Math.log2(ratio) - low)) / (high - low);
  return CLOSED + (1 - CLOSED) * (1 - 2 ** high / ratio);
}

/** @param {number} exponent */
const tickText = (exponent) => (exponent < 0 ? `1/${2 ** -exponent}` : String(2 ** exponent));

export function distanceGauge() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 1");
  svg.setAttribute("preserveAspectRatio", "none");
  const bars = document.createElementNS(SVG, "path");
  svg.append(bars);
  const dot = element("i", { class: "dot" });
  const at = element("div", { class: "gauge-at" }, dot);
  const ticks = element("div", { class: "gauge-ticks number muted" });
  const label = "Histogram of the references' distances to their nearest others, in units of their median, and a dot for this one";
  const plot = element("div", { class: "gauge", role: "img", "aria-label": label }, /** @type {any} */ (svg), at);
  const node = element("div", { class: "gauge-box", hidden: true }, plot, ticks);
  /** @type {Axis | null} */
  let axis = null;

  return {
    node,
    /** @param {import("./words.js").Scale} scale */
    measured(scale) {
      if (!scale?.unit) return;
      const { own, unit } = scale;
      const ratios = own.map((distance) => distance / unit);
      const found = (axis = axisOf(ratios));
      const counts = new Array(BARS).fill(0);
      for (const ratio of ratios) counts[Math.min(BARS - 1, Math.floor(placeOf(ratio, found) * BARS))]++;
      const most = Math.max(...counts);
      const wide = 100 / BARS;
      bars.setAttribute("d", counts.map((count, i) => (count ? `M${(i * wide).toFixed(2)} 1v${(-count / most).toFixed(3)}h${(wide * 0.86).toFixed(2)}V1z` : "")).join(""));
      replaceChildren(
        ticks,
        ...[found.low, 0, found.high].map((exponent) => {
          const tick = element("span", {}, `${tickText(exponent)} ×`);
          tick.style.left = `${100 * placeOf(2 ** exponent, found)}%`;
          return tick;
        }),
        element("span", { class: "open-end" }, "→"),
      );
    },
    /** @param {{ratio: number} | null} measured @param {boolean} isOff */
    show(measured, isOff) {
      node.hidden = !axis || !measured;
      if (!axis || !measured) return;
      at.style.transform = `translateX(${(100 * placeOf(measured.ratio, axis)).toFixed(2)}%)`;
      dot.classList.toggle("off", isOff);
    },
  };
}
