/**
 * What is drawn over the cloud, as markers and lines of cloud.js.
 *
 *   probeScene(placed, assets, classes, theme)     -> {markers, lines}: the probe and its spokes
 *   pathLines({path, trail}, theme)                -> lines: straight, regrounded by drift, trail
 *   pathMarkers({ends, placed, trail}, assets, classes, theme)  -> markers
 *   driftColors(drift, theme)                      -> {colors: Uint8Array (n, 3), low, high}
 *   haloSize(ratio)                                -> pixels across
 *
 * A latent that is off the manifold is hollow, and the farther it is the wider its halo.
 */

import { accent, background, colorsByNumber, foreground } from "../colors.js";
import { offManifoldWords } from "./words.js";

/** @typedef {import("../colors.js").Theme} Theme */
/** @typedef {import("../colors.js").Rgb} Rgb */
/** @typedef {import("../assets.js").InteractiveAssets} InteractiveAssets */
/** @typedef {import("../scene/marks.js").Marker} Marker */
/** @typedef {import("../scene/marks.js").Line} Line */
/** @typedef {Pick<InteractiveAssets, "points" | "labels">} Places */

const FAINTEST = 0.3;

/** @param {Rgb} from @param {Rgb} to @param {number} share @returns {Rgb} */
function mixed(from, to, share) {
  const [r, g, b] = from.map((value, i) => Math.round(value + (to[i] - value) * share));
  return [r, g, b];
}

/** @param {Places} places @param {number} index */
const placeOf = ({ points }, index) => [points[3 * index], points[3 * index + 1], points[3 * index + 2]];

const SMALLEST_HALO = 24;
const HALO_PER_DOUBLING = 22;

/** @param {number} ratio of the distance to the unit: 22 pixels wider when 1 + ratio doubles */
export const haloSize = (ratio) => SMALLEST_HALO + HALO_PER_DOUBLING * Math.log2(1 + ratio);

/** @param {Pick<import("../messages.js").Placed, "position" | "offManifold">} placed @param {Theme} theme @returns {Marker[]} */
function probeMarkers({ position, offManifold }, theme) {
  const color = accent(theme);
  const { isOff } = offManifoldWords(offManifold, null);
  return [
    { position, color, size: haloSize(offManifold?.ratio ?? 0), shape: "halo" },
    isOff ? { position, color, size: 18, shape: "ring" } : { position, color, size: 15, shape: "disc" },
  ];
}

/**
 * Spokes are the stronger the more a neighbour pulls.
 * @param {import("../messages.js").Placed} placed @param {Places} places
 * @param {import("../classes.js").Classes} classes @param {Theme} theme
 * @returns {{markers: Marker[], lines: Line[]}}
 */
export function probeScene(placed, places, classes, theme) {
  const { position, indices, weights } = placed;
  const carrying = Array.from(indices).filter((_, i) => weights[i] > 0);
  const positions = new Float32Array(6 * carrying.length);
  const colors = new Uint8Array(6 * carrying.length);
  const strongest = Math.max(...weights);
  const [back, front] = [background(theme), foreground(theme)];
  const markers = carrying.map((index, i) => {
    const position_ = placeOf(places, index);
    const color = mixed(back, front, FAINTEST + (1 - FAINTEST) * (weights[i] / strongest));
    positions.set(position, 6 * i);
    positions.set(position_, 6 * i + 3);
    colors.set(color, 6 * i);
    colors.set(color, 6 * i + 3);
    return /** @type {Marker} */ ({ position: position_, color: classes.color(places.labels[index], theme), size: 15, shape: "ring" });
  });
  return { markers: [...markers, ...probeMarkers(placed, theme)], lines: [{ positions, colors, width: 1.5, pairs: true }] };
}

/** @param {ArrayLike<number>} drift @param {Theme} theme */
export const driftColors = (drift, theme) => colorsByNumber(drift, theme);

/** @param {number} points @param {Rgb} color */
function oneColor(points, color) {
  const colors = new Uint8Array(3 * points);
  for (let i = 0; i < points; i++) colors.set(color, 3 * i);
  return colors;
}

/**
 * @param {{path: import("../messages.js").Path | null, trail: import("../messages.js").Trail | null}} drawn
 * @param {Theme} theme @returns {Line[]}
 */
export function pathLines({ path, trail }, theme) {
  const front = foreground(theme);
  const quiet = mixed(background(theme), front, 0.75);
  /** @type {Line[]} */
  const lines = [];
  if (path) {
    const { steps, straightPositions, regroundedPositions, drift } = path;
    // A seam in the colour of the stage lifts both off the points behind them.
    const seam = oneColor(steps, background(theme));
    lines.push({ positions: straightPositions, colors: seam, width: 5 });
    lines.push({ positions: straightPositions, colors: oneColor(steps, quiet), width: 2, dashed: true });
    lines.push({ positions: regroundedPositions, colors: seam, width: 7 });
    lines.push({ positions: regroundedPositions, colors: driftColors(drift, theme).colors, width: 4 });
  }
  if (trail) lines.push({ positions: trail.positions, colors: oneColor(trail.positions.length / 3, front), width: 1.5 });
  return lines;
}

/**
 * @param {{ends: readonly number[], placed: import("../messages.js").Interpolated | null,
 *   trail: import("../messages.js").Trail | null}} drawn
 * @param {Places} places @param {import("../classes.js").Classes} classes @param {Theme} theme
 * @returns {Marker[]}
 */
export function pathMarkers({ ends, placed, trail }, places, classes, theme) {
  const front = foreground(theme);
  /** @type {Marker[]} */
  const markers = ends.flatMap((index) => [
    { position: placeOf(places, index), color: front, size: 22, shape: "disc" },
    { position: placeOf(places, index), color: classes.color(places.labels[index], theme), size: 17, shape: "disc" },
  ]);
  if (trail) {
    for (let at = 3; at < trail.positions.length; at += 3) {
      markers.push({ position: [...trail.positions.subarray(at, at + 3)], color: front, size: 8, shape: "disc" });
    }
    markers.push({ position: [...trail.positions.slice(-3)], color: front, size: 24, shape: "cross" });
  }
  if (placed) {
    markers.push({ position: placed.straight.position, color: mixed(background(theme), front, 0.75), size: 15, shape: "disc" });
    markers.push(...probeMarkers(placed, theme));
  }
  return markers;
}
