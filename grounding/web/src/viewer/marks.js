/**
 * Rings around the point under the cursor, the chosen one and its neighbours.
 *
 *   const marks = pointMarks(cloud, theme);
 *   marks.set({hovered?, chosen?, near?}); marks.paint(theme)     rows, -1 for none
 */

import { accent, foreground } from "../colors.js";

/** @typedef {{hovered: number, chosen: number, near: ArrayLike<number>}} Marked */

const SIZES = { chosen: 24, hovered: 18, neighbor: 13 };

/** @param {import("../cloud.js").Cloud} cloud @param {import("../colors.js").Theme} theme */
export function pointMarks(cloud, theme) {
  /** @type {Marked} */
  let marked = { hovered: -1, chosen: -1, near: [] };

  /** @param {number} row @param {number} size @param {import("../colors.js").Rgb} color */
  const ring = (row, size, color) => ({
    position: cloud.place(row),
    color,
    size,
    shape: /** @type {const} */ ("ring"),
  });
  function paint(now = theme) {
    theme = now;
    const { hovered, chosen, near } = marked;
    const rings = Array.from(near, (row) => ring(row, SIZES.neighbor, foreground(theme)));
    if (chosen >= 0) rings.push(ring(chosen, SIZES.chosen, accent(theme)));
    if (hovered >= 0) rings.push(ring(hovered, SIZES.hovered, accent(theme)));
    cloud.setMarkers(rings);
  }
  return {
    paint,
    /** @param {Partial<Marked>} changes */
    set(changes) {
      const next = { ...marked, ...changes };
      const isSame = next.hovered === marked.hovered && next.chosen === marked.chosen && next.near === marked.near;
      marked = next;
      if (!isSame) paint();
    },
  };
}
