/**
 * Colours of basins, and who is in them.
 *
 *   const basins = basinsOf(dynamics, assets, classes);
 *   basins.color(attractor, theme)     -> [r, g, b]
 *   basins.colors(theme)               -> Uint8Array (N, 3), of all references
 *   basins.classes(attractor)          [{label, name, count}], most first; [] without labels
 *   basins.top(attractor)              {name, share} of the most frequent class, or null
 *   basins.members(attractor)          references, ascending
 *
 * A basin has the colour of its most frequent class, unless a larger basin has it: then the first that is
 * free. So a point changes its colour where its attractor is another class's. The largest basins have
 * colours; smaller ones, and those who end nowhere, are grey.
 */

import { DISTINCT, background, classColor, foreground } from "../colors.js";

/** @typedef {import("../colors.js").Theme} Theme */
/** @typedef {import("../colors.js").Rgb} Rgb */

export const COLORED = 20;

/**
 * @param {import("../dynamics.js").Dynamics} dynamics
 * @param {Pick<import("../assets.js").InteractiveAssets, "labels" | "hasLabels">} assets
 * @param {import("../classes.js").Classes} classes
 */
export function basinsOf({ attractors, members }, { labels, hasLabels }, classes) {
  /** @type {Map<number, number>[]} */
  const counts = attractors.map(() => new Map());
  members.forEach((member, i) => {
    if (member >= 0 && hasLabels) counts[member].set(labels[i], (counts[member].get(labels[i]) ?? 0) + 1);
  });
  const histograms = counts.map((of) =>
    [...of].map(([label, count]) => ({ label, count, name: classes.nameOf(label) })).sort((a, b) => b.count - a.count || a.label - b.label),
  );

  /** @param {Theme} theme @returns {Rgb[]} */
  function table(theme) {
    /** @type {Set<string>} */
    const taken = new Set();
    const all = Array.from({ length: DISTINCT }, (_, place) => classColor(place, theme));
    return attractors.map((_, i) => {
      if (i >= COLORED) return grey(theme);
      const own = histograms[i].length ? classes.color(histograms[i][0].label, theme) : all[i];
      const color = taken.has(own.join()) ? (all.find((one) => !taken.has(one.join())) ?? grey(theme)) : own;
      taken.add(color.join());
      return color;
    });
  }
  /** @type {{theme: Theme, colors: Rgb[]} | null} */
  let made = null;
  /** @param {Theme} theme */
  const tableOf = (theme) => (made?.theme === theme ? made : (made = { theme, colors: table(theme) })).colors;
  return {
    /** Class colours are others now. */
    forget: () => (made = null),
    /** @param {number} attractor @param {Theme} theme */
    color: (attractor, theme) => tableOf(theme)[attractor] ?? grey(theme),
    /** @param {Theme} theme */
    colors(theme) {
      const colors = new Uint8Array(3 * members.length);
      members.forEach((member, i) => colors.set(tableOf(theme)[member] ?? grey(theme), 3 * i));
      return colors;
    },
    /** @param {number} attractor */
    classes: (attractor) => histograms[attractor],
    /** @param {number} attractor */
    top(attractor) {
      const [first] = histograms[attractor];
      return first ? { name: first.name, share: first.count / attractors[attractor].count } : null;
    },
    /** @param {number} attractor */
    members: (attractor) => Array.from(members.keys()).filter((i) => members[i] === attractor),
  };
}

/** @typedef {ReturnType<typeof basinsOf>} Basins */

/** @param {Theme} theme @returns {Rgb} */
function grey(theme) {
  const [back, front] = [background(theme), foreground(theme)];
  const [r, g, b] = back.map((value, i) => Math.round(0.55 * value + 0.45 * front[i]));
  return [r, g, b];
}
