/**
 * The picture that a probe begins with.
 *
 *   baseImage(state, assets, strokes)   -> Float32Array (C * H * W) in [0, 1]
 *   baseWords(state, assets)            -> "digit sample 3", "your drawing", "reference 12, labelled 7"
 *   possibleSource(state, assets)       -> the source that can be shown: without its thumbnail there
 *                                          is no reference to take
 *   byteImage(thumbnails, row)          -> Float32Array of one thumbnail
 */

import { drawnImage } from "../drawing.js";

/** @typedef {import("../assets.js").InteractiveAssets} InteractiveAssets */
/** @typedef {import("../assets.js").Thumbnails} Thumbnails */
/** @typedef {import("../drawing.js").Stroke} Stroke */
/** @typedef {Pick<import("../state.js").PlaygroundState, "source" | "digit" | "reference" | "normalize">} Source */

/** @param {Source} state @param {Pick<InteractiveAssets, "thumbnails" | "count">} assets @returns {Source["source"]} */
export function possibleSource({ source, reference }, { thumbnails, count }) {
  const isThere = thumbnails !== null && reference !== null && reference < Math.min(count, thumbnails.loaded);
  return source === "reference" && !isThere ? "digit" : source;
}

/** @param {number} digit @param {Pick<InteractiveAssets, "digits">} assets */
export const possibleDigit = (digit, { digits }) => Math.min(digit, digits - 1);

/** @param {Source} state @param {InteractiveAssets} assets @param {readonly Stroke[]} strokes */
export function baseImage(state, assets, strokes) {
  const [channels, height, width] = assets.imageShape;
  const size = channels * height * width;
  switch (possibleSource(state, assets)) {
    case "drawing": {
      const plane = drawnImage(strokes, [height, width], { normalize: state.normalize });
      return Float32Array.from({ length: size }, (_, i) => plane[i % plane.length]);
    }
    case "reference":
      return byteImage(/** @type {Thumbnails} */ (assets.thumbnails), Number(state.reference));
    default: {
      const digit = possibleDigit(state.digit, assets);
      return assets.digitSamples.slice(digit * size, (digit + 1) * size);
    }
  }
}

/** @param {Thumbnails} thumbnails @param {number} row */
export function byteImage({ data, shape: [channels, height, width] }, row) {
  const size = channels * height * width;
  return Float32Array.from(data.subarray(row * size, (row + 1) * size), (byte) => byte / 255);
}

/** @param {Source} state @param {InteractiveAssets} assets */
export function baseWords(state, assets) {
  const source = possibleSource(state, assets);
  if (source === "drawing") return "your drawing";
  if (source === "digit") return `digit sample ${assets.sampleLabels[possibleDigit(state.digit, assets)]}`;
  return `reference ${state.reference}, labelled ${assets.labels[Number(state.reference)]}`;
}
