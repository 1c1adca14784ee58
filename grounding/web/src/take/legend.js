/**
 * The legend of a picture that is taken away.
 *
 *   classLegend(classes, theme, isShown)     of the classes that stand in front; [] without labels
 *   numberLegend(values, theme)              five steps of the ramp
 */

import { cssColor, rampColor } from "../colors.js";
import { formatCount, formatNumber } from "../format.js";

/** @typedef {import("../colors.js").Theme} Theme */

const MOST = 30;
const STEPS = 5;

/** @param {import("../classes.js").Classes} classes @param {Theme} theme @param {(label: number) => boolean} isShown */
export function classLegend(classes, theme, isShown) {
  const seen = classes.list.filter(({ label }) => isShown(label));
  const rows = seen.slice(0, MOST).map(({ label, name }) => ({ name, color: cssColor(classes.color(label, theme)) }));
  const left = seen.length - rows.length;
  return left ? [...rows, { name: `and ${formatCount(left)} more`, color: "transparent" }] : rows;
}

/** @param {ArrayLike<number>} values @param {Theme} theme */
export function numberLegend(values, theme) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) [low, high] = [Math.min(low, values[i]), Math.max(high, values[i])];
  return Array.from({ length: STEPS }, (_, i) => {
    const share = i / (STEPS - 1);
    return { name: formatNumber(low + share * (high - low)), color: cssColor(rampColor(share, theme)) };
  });
}
