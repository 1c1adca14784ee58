/**
 * Which points stand in front: those of the classes that are shown and, if there is a selection,
 * those in it. The others step back and cannot be picked.
 *
 *   const visible = visiblePoints(cloud, labels);
 *   visible.paint(shown, isSelected)     visibility.js's Visibility; (row) => boolean, or null for all
 *   visible.isClassShown(row), visible.canPick(row)
 */

import { isShown } from "../visibility.js";

/** @param {import("../cloud.js").Cloud} cloud @param {ArrayLike<number>} labels @param {readonly number[]} classes */
export function visiblePoints(cloud, labels, classes) {
  /** @type {Set<number>} */
  let front = new Set();
  /** @type {((row: number) => boolean) | null} */
  let selected = null;

  /** @param {number} row */
  const isClassShown = (row) => front.has(labels[row]);
  /** @param {number} row */
  const canPick = (row) => front.has(labels[row]) && (!selected || selected(row));
  return {
    isClassShown,
    canPick,
    /** @param {import("../visibility.js").Visibility} shown @param {((row: number) => boolean) | null} isSelected */
    paint(shown, isSelected) {
      selected = isSelected;
      front = new Set(classes.filter((label) => isShown(shown, label)));
      const isWhole = !selected && front.size === classes.length;
      cloud.setDimmed(isWhole ? null : (row) => !canPick(row));
    },
  };
}
