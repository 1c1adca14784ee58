/**
 * Which points stand in front: those of the classes that are shown and, if there is a selection,
 * those in it. The others step back and cannot be picked.
 *
 *   const visible = visiblePoints(cloud, labels);
 *   visible.paint(shown, isSelected)     visibility.js's Visibility; (row) => boolean, or null for all
 *   visible.isClassShown(row), visible.canPick(row)
 */

import { isShown } from "../visibility.js";

const MOST_LABELS = 1_000;

/** @param {import("../cloud.js").Cloud} cloud @param {ArrayLike<number>} labels @param {readonly number[]} classes */
export function visiblePoints(cloud, labels, classes) {
  const flags = new Uint8Array(MOST_LABELS);
  /** @type {((row: number) => boolean) | null} */
  let selected = null;

  /** @param {number} row */
  const isClassShown = (row) => flags[labels[row]] === 1;
  /** @param {number} row */
  const canPick = (row) => flags[labels[row]] === 1 && (!selected || selected(row));
  return {
    isClassShown,
    canPick,
    /** @param {import("../visibility.js").Visibility} shown @param {((row: number) => boolean) | null} isSelected */
    paint(shown, isSelected) {
      selected = isSelected;
      for (const label of classes) flags[label] = isShown(shown, label) ? 1 : 0;
      const isWhole = !selected && classes.every((label) => flags[label]);
      cloud.setDimmed(isWhole ? null : (row) => !canPick(row));
    },
  };
}
