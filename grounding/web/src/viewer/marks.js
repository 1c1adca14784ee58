/**
 * Rings around the point under the cursor, the chosen one and its neighbours, and a disc where the probe is.
 *
 *   const marks = pointMarks(cloud, theme);
 *   marks.set({hovered?, chosen?, near?, probe?}); marks.paint(theme)     rows, -1 for none; probe: a place
 *                                                                that is no point's, or null
 */

import { accent, foreground } from "../colors.js";

/** @typedef {{hovered: number, chosen: number, near: ArrayLike<number>, probe: [number, number, number] | null}} Marked */

const SIZES = { chosen: 24, hovered: 18, neighbor: 13, probe: 15 };

/** @param {import("../cloud.js").Cloud} cloud @param {import("../colors.js").Theme} theme */
export function pointMarks(cloud, theme) {
  /** @type {Marked} */
  let marked = { hovered: -1, chosen: -1, near: [], probe: null };

  /** @param {number} row @param {number} size @param {import("../colors.js").Rgb} color */
  const ring = (row, size, color) => ({
    position: cloud.place(row),
    color,
    size,
    shape: /** @type {const} */ ("ring"),
  });
  function paint(now = theme) {
    theme = now;
    const { hovered, chosen, near, probe } = marked;
    /** @type {import("../cloud.js").Marker[]} */
    const rings = Array.from(near, (row) => ring(row, SIZES.neighbor, foreground(theme)));
    if (chosen >= 0) rings.push(ring(chosen, SIZES.chosen, accent(theme)));
    if (hovered >= 0) rings.push(ring(hovered, SIZES.hovered, accent(theme)));
    if (probe) rings.push({ position: probe, color: accent(theme), size: SIZES.probe, shape: "disc" });
    cloud.setMarkers(rings);
  }
  return {
    paint,
    /** @param {Partial<Marked>} changes */
    set(changes) {
      const next = { ...marked, ...changes };
      const isSame = next.hovered === marked.hovered && next.chosen === marked.chosen && next.near === marked.near && next.probe === marked.probe;
      marked = next;
      if (!isSame) paint();
    },
  };
}
