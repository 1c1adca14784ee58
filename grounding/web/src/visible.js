/**
 * Which points stand in front: those of the classes that are shown and, if there is a selection,
 * those in it. The others step back and cannot be picked.
 *
 *   const visible = visiblePoints(cloud, classes);   cloud: or null, without graphics
 *   visible.paint(shown, isSelected)     visibility.js's Visibility; (row) => boolean, or null for all
 *   visible.isClassShown(row), visible.canPick(row)
 */

import { isShown } from "./visibility.js";

/** @param {import("./cloud.js").Cloud | null | undefined} cloud @param {import("./classes.js").Classes} classes */
export function visiblePoints(cloud, { list, ranks }) {
  const flags = new Uint8Array(1 + list.reduce((most, { rank }) => Math.max(most, rank), 0)).fill(1);
  /** @type {((row: number) => boolean) | null} */
  let selected = null;

  /** @param {number} row */
  const isClassShown = (row) => flags[ranks[row]] === 1;
  /** @param {number} row */
  const canPick = (row) => flags[ranks[row]] === 1 && (!selected || selected(row));
  return {
    isClassShown,
    canPick,
    /** @param {import("./visibility.js").Visibility} shown @param {((row: number) => boolean) | null} [isSelected] */
    paint(shown, isSelected = null) {
      selected = isSelected;
      for (const { label, rank } of list) flags[rank] = isShown(shown, label) ? 1 : 0;
      const isWhole = !selected && list.every(({ rank }) => flags[rank]);
      cloud?.setDimmed(isWhole ? null : (row) => !canPick(row));
    },
  };
}
