/**
 * From a place in the picture back to a latent.
 *
 *   placeUnder(view, screen, points, x, y, {only})  -> {place: [x, y, z], pixels, index} | null
 *   latentAtPlace(assets, place)                     -> Float32Array (D)
 *   nearness(pixels)                                 -> 1 on a point, 0 where nothing is near
 *
 * A pixel is a ray: the place is where the ray passes the nearest drawn point's depth. Its latent is the
 * mean of the raw latents of the k drawn points that are nearest to the place, weighted by 1 / (d + 1e-6),
 * as the barycentric projection weights points the other way round. On a point it is that point's latent.
 */

import { nearestOnScreen } from "./picking.js";
import { nearest } from "./neighbors.js";
import { barycentricWeights } from "./projection.js";

/** Pixels up to which a place counts as on the points, and from which on as off all. */
const NEAR = 10;
const FAR = 70;

/** @param {number} pixels to the nearest drawn point @returns {number} in [0, 1] */
export const nearness = (pixels) => Math.min(1, Math.max(0, (FAR - pixels) / (FAR - NEAR)));

/** @typedef {{place: [number, number, number], pixels: number, index: number}} Found */

/**
 * @param {{matrix: ArrayLike<number>, width: number, height: number}} view cloud.js's view()
 * @param {import("./picking.js").Screen} screen of the same moment @param {Float32Array} points (N, 3)
 * @param {number} x @param {number} y CSS pixels
 * @param {{only?: (index: number) => boolean}} [choice]
 * @returns {Found | null} null: nothing is near
 */
export function placeUnder({ matrix: m, height }, screen, points, x, y, choice) {
  const index = nearestOnScreen(screen, x, y, FAR, choice);
  if (index < 0) return null;
  const [dx, dy] = [x - screen.x[index], y - screen.y[index]];
  // Rows of the projection: the stage's right and up, each scaled.
  const [right, up] = [0, 1].map((row) => [m[row], m[4 + row], m[8 + row]]);
  const [across, along] = [Math.hypot(...right), Math.hypot(...up)];
  const perPixel = (2 * screen.depth[index]) / (along * height);
  const at = (/** @type {number} */ axis) => points[3 * index + axis] + perPixel * ((dx * right[axis]) / across - (dy * up[axis]) / along);
  return { place: [at(0), at(1), at(2)], pixels: Math.hypot(dx, dy), index };
}

/**
 * @param {Pick<import("./assets.js").InteractiveAssets, "points" | "rawLatents" | "latentDim" | "projectionK">} assets
 * @param {ArrayLike<number>} place
 */
export function latentAtPlace({ points, rawLatents, latentDim: dim, projectionK }, place) {
  const { indices, distances } = nearest(points, 3, place, projectionK);
  const weights = barycentricWeights(distances);
  const latent = new Float32Array(dim);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] * dim;
    for (let axis = 0; axis < dim; axis++) latent[axis] += weights[i] * rawLatents[from + axis];
  }
  return latent;
}
