/**
 * The names of the classes where their points are densest.
 *
 *   const names = classNames(cloud, classes, positions);
 *   names.paint({theme, isShown, isColored})    isShown(label); isColored: points have the colours of their classes
 *   names.hide()
 */

import { densestRows } from "./clusters.js";
import { background, foreground, inkOn } from "./colors.js";

/** @typedef {import("./colors.js").Theme} Theme */

/** More names than this say nothing: those of the largest classes stand for all. */
const MOST = 60;

/** @param {import("./cloud.js").Cloud} cloud @param {import("./classes.js").Classes} classes @param {Float32Array} positions */
export function classNames(cloud, { list, ranks, nameOf, color }, positions) {
  /** @type {Int32Array | null} */
  let rows = null;
  const largest = [...list].sort((a, b) => b.count - a.count || a.label - b.label).slice(0, MOST);

  /** @type {() => void} */
  let again = () => undefined;
  // The picture need not wait for it.
  setTimeout(() => {
    rows = densestRows(positions, ranks, 1 + list.reduce((most, { rank }) => Math.max(most, rank), 0));
    again();
  });

  /** @param {{theme: Theme, isShown: (label: number) => boolean, isColored: boolean}} how */
  function paint({ theme, isShown, isColored }) {
    again = () => paint({ theme, isShown, isColored });
    const found = rows;
    if (!found) return;
    cloud.setNames(
      largest.filter(({ label }) => isShown(label)).map(({ label, rank }) => {
        const fill = isColored ? color(label, theme) : background(theme);
        return { row: found[rank], text: nameOf(label), fill, ink: isColored ? inkOn(fill) : foreground(theme) };
      }),
    );
  }
  return {
    paint,
    hide() {
      again = () => undefined;
      cloud.setNames([]);
    },
  };
}
