/**
 * The picture that a probe begins with.
 *
 *   possibleSource(state, assets, own)      -> the source that can be shown: a reference only with its
 *                                              thumbnail, a drawing only where drawing makes sense
 *   possibleSample(state, assets, own)      -> which of the samples
 *   baseImage(state, assets, own)           -> Float32Array (C * H * W) in [0, 1]
 *   baseWords(state, assets, own, classes)  -> "digit sample 3", "your drawing", "reference 12, labelled 7"
 *   ownReference(state, assets, own)        -> the reference that the picture itself is, or -1
 *   sampleReference(assets, sample)         -> the reference that a sample is, or -1
 *   canDraw([C, H, W])                      -> whether a pen can draw such images
 *   byteImage(thumbnails, row)              -> Float32Array of one thumbnail
 *   meanSquaredError(a, b)                  -> of two pictures
 */

import { drawnImage } from "../drawing.js";

/** @typedef {import("../assets.js").InteractiveAssets} InteractiveAssets */
/** @typedef {import("../assets.js").Thumbnails} Thumbnails */
/** @typedef {import("../drawing.js").Stroke} Stroke */
/** @typedef {Pick<import("../state.js").PlaygroundState, "source" | "digit" | "reference" | "normalize">} Source */
/**
 * @typedef {object} Own what the address does not hold, or not in full
 * @property {readonly Stroke[]} strokes
 * @property {{values: Float32Array, name: string} | null} image
 * @property {number} sample the one to begin with
 */

const LARGEST_DRAWN = 64;

/** @param {readonly number[]} shape */
export const canDraw = ([channels, height, width]) => channels === 1 && Math.max(height, width) <= LARGEST_DRAWN;

/**
 * @param {Source} state @param {Pick<InteractiveAssets, "thumbnails" | "count" | "imageShape">} assets @param {Pick<Own, "image">} own
 * @returns {Source["source"]}
 */
export function possibleSource({ source, reference }, { thumbnails, count, imageShape }, { image }) {
  const isThere = thumbnails !== null && reference !== null && reference < Math.min(count, thumbnails.loaded);
  const isPossible = { digit: true, reference: isThere, drawing: canDraw(imageShape), image: image !== null };
  return isPossible[source] ? source : "digit";
}

/** @param {Pick<Source, "digit">} state @param {Pick<InteractiveAssets, "digits">} assets @param {Pick<Own, "sample">} own */
export const possibleSample = ({ digit }, { digits }, { sample }) => Math.min(digit ?? sample, digits - 1);

/** @param {Source} state @param {InteractiveAssets} assets @param {Own} own */
export function baseImage(state, assets, own) {
  const [channels, height, width] = assets.imageShape;
  const size = channels * height * width;
  switch (possibleSource(state, assets, own)) {
    case "drawing":
      return drawnImage(own.strokes, [height, width], { normalize: state.normalize });
    case "reference":
      return byteImage(/** @type {Thumbnails} */ (assets.thumbnails), Number(state.reference));
    case "image":
      return /** @type {NonNullable<Own["image"]>} */ (own.image).values;
    default: {
      const sample = possibleSample(state, assets, own);
      return assets.digitSamples.slice(sample * size, (sample + 1) * size);
    }
  }
}

/** @param {Thumbnails} thumbnails @param {number} row */
export function byteImage({ data, shape: [channels, height, width] }, row) {
  const size = channels * height * width;
  return Float32Array.from(data.subarray(row * size, (row + 1) * size), (byte) => byte / 255);
}

/** @param {Source} state @param {InteractiveAssets} assets @param {Own} own @param {import("../classes.js").Classes} classes */
export function baseWords(state, assets, own, { nameOf }) {
  const source = possibleSource(state, assets, own);
  if (source === "drawing") return "your drawing";
  if (source === "image") return own.image?.name ?? "";
  if (source === "digit") return sampleWords(assets, possibleSample(state, assets, own), nameOf);
  const label = assets.labels[Number(state.reference)];
  return `reference ${state.reference}${assets.hasLabels ? `, labelled ${nameOf(label)}` : ""}`;
}

/**
 * "digit sample 3", "sample of dog", "sample 3"
 * @param {Pick<InteractiveAssets, "isDigits" | "sampleLabels" | "classNames">} assets
 * @param {number} sample @param {(label: number) => string} nameOf
 */
export function sampleWords({ isDigits, sampleLabels, classNames }, sample, nameOf) {
  if (!sampleLabels) return `sample ${sample}`;
  const name = nameOf(sampleLabels[sample]);
  return isDigits ? `digit sample ${name}` : classNames.size ? `sample of ${name}` : `sample of class ${name}`;
}

/** @param {Source} state @param {InteractiveAssets} assets @param {Own} own */
export function ownReference(state, assets, own) {
  const source = possibleSource(state, assets, own);
  if (source === "reference") return Number(state.reference);
  return source === "digit" ? sampleReference(assets, possibleSample(state, assets, own)) : -1;
}

/**
 * By its position in the split; in files that do not say that, by its pixels.
 * @param {Pick<InteractiveAssets, "sampleIndices" | "indices" | "thumbnails" | "digitSamples" | "digits">} assets
 * @param {number} sample
 */
export function sampleReference({ sampleIndices, indices, thumbnails, digitSamples, digits }, sample) {
  if (sampleIndices && indices) return sampleIndices[sample] < 0 ? -1 : indices.indexOf(sampleIndices[sample]);
  if (!thumbnails) return -1;
  const size = digitSamples.length / digits;
  const from = sample * size;
  for (let row = 0; row < thumbnails.loaded; row++) {
    let i = 0;
    while (i < size && Math.round(255 * digitSamples[from + i]) === thumbnails.data[row * size + i]) i++;
    if (i === size) return row;
  }
  return -1;
}

/** @param {Float32Array} a @param {Float32Array} b */
export function meanSquaredError(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum / a.length;
}
