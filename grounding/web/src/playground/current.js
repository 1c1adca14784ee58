/**
 * The plane of the slice, and the point that the page is at.
 *
 *   const planes = planesOf(assets, ends);     ends: () => [from, to] of the path
 *   planes.corners(state)    -> [from, to, third], references
 *   planes.plane(state)      -> plane.js's Plane; planes.areOnLine(state) when three points span none
 *   planes.point(state)      -> Float32Array (D) of the point that was chosen in the slice, or null
 */

import { latentAt, planeThrough, principalPlane } from "../plane.js";

/** @typedef {import("../state.js").PlaygroundState} PlaygroundState */
/** @typedef {Pick<PlaygroundState, "plane" | "third" | "at" | "from" | "to">} Chosen */

/**
 * @param {Pick<import("../assets.js").InteractiveAssets, "rawLatents" | "latentDim" | "labels" | "count">} assets
 * @param {() => [number, number]} ends
 */
export function planesOf({ rawLatents, latentDim: dim, labels, count }, ends) {
  const raw = (/** @type {number} */ row) => rawLatents.subarray(row * dim, (row + 1) * dim);
  /** @type {import("../plane.js").Plane | null} */
  let axes = null;
  const principal = () => (axes ??= principalPlane(rawLatents, dim));

  /** @param {Pick<Chosen, "third">} state @returns {[number, number, number]} */
  function corners({ third }) {
    const [from, to] = ends();
    if (third !== null && third < count) return [from, to, third];
    const other = labels.findIndex((label, i) => i !== from && i !== to && label !== labels[from] && label !== labels[to]);
    const free = [0, 1, 2].find((i) => i !== from && i !== to && i < count) ?? from;
    return [from, to, other >= 0 ? other : free];
  }
  /** @param {Chosen} state */
  function through(state) {
    const [a, b, c] = corners(state).map(raw);
    return planeThrough(a, b, c);
  }
  /** @param {Chosen} state */
  const plane = (state) => (state.plane === "points" ? through(state) : null) ?? principal();
  return {
    corners,
    plane,
    raw,
    /** @param {Chosen} state */
    areOnLine: (state) => state.plane === "points" && !through(state),
    /** @param {Chosen} state */
    point: (state) => (state.at ? latentAt(plane(state), state.at[0], state.at[1]) : null),
  };
}

/** @typedef {ReturnType<typeof planesOf>} Planes */
