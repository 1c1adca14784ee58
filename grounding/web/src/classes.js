/**
 * The classes of a file: what they are called, how many points they have, how they are drawn.
 *
 *   const classes = classesOf(file, palette);   file: labels, hasLabels, classNames, palette of assets.js;
 *                                               palette: the reader's own colours, as hex digits
 *   classes.list                 [{label, name, count, rank}], ascending; [] without labels
 *   classes.nameOf(label)        "dog", or "7" where labels have no names
 *   classes.titleOf(label)       "dog", or "Class 7"
 *   classes.color(label, theme)  -> [r, g, b]
 *   classes.colors(theme)        -> Uint8Array (N, 3), of all points
 *   classes.distinct             how many colours there are: further classes begin again with the first
 *   classes.usePalette(palette)  -> whether the colours are others now
 *   classes.ranks                Int32Array (N), the rank of each point's class
 *   classes.glyphs               by rank, what is drawn for a point in place of a dot
 *
 * Labels may be any whole numbers. Those of ten classes 0 to 9 have the same colours in every file;
 * of others, the first class has the first colour. Without labels all points have one colour.
 */

import { DISTINCT, NEUTRAL, classColor, fromHex } from "./colors.js";

/** @typedef {import("./colors.js").Theme} Theme */
/** @typedef {import("./colors.js").Rgb} Rgb */
/** @typedef {{label: number, name: string, count: number, rank: number}} OneClass */
/** @typedef {Pick<import("./assets.js").LatentPoints, "labels" | "hasLabels" | "classNames" | "palette">} Labelled */
/** @typedef {ReturnType<typeof classesOf>} Classes */

/** A name of at most so many letters stands for itself on the stage. */
const SHORT = 2;

/** @param {Labelled} file @param {readonly string[]} [chosen] */
export function classesOf({ labels, hasLabels, classNames, palette }, chosen = []) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  if (hasLabels) for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  // Classes that only have a name count as well, so that viewer and playground agree about colours.
  const known = hasLabels ? [...new Set([...counts.keys(), ...classNames.keys()])].sort((a, b) => a - b) : [];
  const places = new Map(known.map((label, rank) => [label, rank]));
  const areSmall = known.every((label) => label >= 0 && label < 10);
  let colors = chosen.length ? chosen : (palette ?? []);

  const nameOf = (/** @type {number} */ label) => classNames.get(label) ?? String(label);
  const areShort = known.every((label) => [...nameOf(label)].length <= SHORT);

  /** @param {number} label @param {Theme} theme @returns {Rgb} */
  function color(label, theme) {
    const rank = places.get(label);
    if (rank === undefined) return fromHex(NEUTRAL[theme]);
    const at = areSmall ? label : rank;
    return colors.length ? fromHex(colors[at % colors.length]) : classColor(at, theme);
  }
  return {
    list: known
      .map((label, rank) => ({ label, name: nameOf(label), count: counts.get(label) ?? 0, rank }))
      .filter(({ count }) => count),
    nameOf,
    titleOf: (/** @type {number} */ label) => classNames.get(label) ?? `Class ${label}`,
    color,
    /** @param {Theme} theme */
    colors(theme) {
      const table = Uint8Array.from((known.length ? known : [0]).flatMap((label) => color(label, theme)));
      const all = new Uint8Array(3 * labels.length);
      for (let i = 0; i < labels.length; i++) {
        const from = 3 * this.ranks[i];
        all[3 * i] = table[from];
        all[3 * i + 1] = table[from + 1];
        all[3 * i + 2] = table[from + 2];
      }
      return all;
    },
    get distinct() {
      return colors.length ? new Set(colors).size : DISTINCT;
    },
    /** @param {readonly string[]} next */
    usePalette(next) {
      const before = colors;
      colors = next.length ? next : (palette ?? []);
      return before.join() !== colors.join();
    },
    ranks: Int32Array.from(labels, (label) => places.get(label) ?? 0),
    glyphs: known.map((label) => (areShort ? nameOf(label) : String(label))),
  };
}
