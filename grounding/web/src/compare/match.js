/**
 * Two files of points about the same images, row by row.
 *
 *   matched(a, b)            -> Matched: the images that are in both, in the order of the first
 *   dataProblem(a, b, pair)  -> why they cannot be compared, or ""; pair: matched(a, b)
 *   sharedOf(near, row)      -> which of the nearest others of an image both have
 *   sharedNeighbors(pair)    -> Float32Array (n): of the nearest others in the latent space that each file
 *                               has for an image, how many both have
 */

/** @typedef {import("../assets.js").LatentPoints} LatentPoints */

/**
 * @typedef {object} Matched
 * @property {Int32Array} indices positions in the split
 * @property {ReadonlyMap<number, number>} rowOf by position in the split, which of them an image is
 * @property {[Int32Array, Int32Array]} rows of each image in either file
 * @property {[Int32Array[] , Int32Array[]] | null} near by image: its nearest others as positions in the
 *   split, nearest first; null if a file does not say
 * @property {[Float32Array, Float32Array]} points (n, 3)
 * @property {number} left images that are in one file only
 */

/** @param {LatentPoints} file */
const indicesOf = ({ indices, count }) => indices ?? Int32Array.from({ length: count }, (_, row) => row);

/** @param {LatentPoints} file */
const calledData = ({ about: { source, split, experiment } }) =>
  `${experiment || "one file"} shows ${source || "data without a name"}${split && split !== "all" ? `, ${split} split` : ""}`;

/** @param {LatentPoints} a @param {LatentPoints} b @param {Pick<Matched, "rows">} [pair] */
export function dataProblem(a, b, { rows } = matched(a, b)) {
  const [one, other] = [a.about, b.about];
  const differ = `${calledData(a)}; ${calledData(b)}.`;
  if (one.split !== other.split) return differ;
  // Of embeddings the fingerprint covers the latents, too; files by others have none.
  const isTold = one.split !== "all" && one.fingerprint && other.fingerprint;
  if (isTold && one.fingerprint !== other.fingerprint) return one.source === other.source ? `${differ} The images are others.` : differ;
  if (!rows[0].length) return "No image is drawn in both.";
  const isOther = a.hasLabels && b.hasLabels && rows[0].some((row, i) => a.labels[row] !== b.labels[rows[1][i]]);
  return isOther ? "The same positions have other labels: these are not the same images." : "";
}

/** @param {LatentPoints} a @param {LatentPoints} b @returns {Matched} */
export function matched(a, b) {
  const [one, other] = [indicesOf(a), indicesOf(b)];
  const places = new Map(Array.from(other, (index, row) => [index, row]));
  const common = Int32Array.from({ length: a.count }, (_, row) => row).filter((row) => places.has(one[row]));
  const second = common.map((row) => /** @type {number} */ (places.get(one[row])));
  const indices = common.map((row) => one[row]);
  return {
    indices,
    rowOf: new Map(Array.from(indices, (index, row) => [index, row])),
    rows: [common, second],
    near: a.neighbors?.each && b.neighbors?.each ? [nearOf(a, one, common), nearOf(b, other, second)] : null,
    points: [placesOf(a, common), placesOf(b, second)],
    left: a.count + b.count - 2 * common.length,
  };
}

/** @param {LatentPoints} file @param {Int32Array} indices @param {Int32Array} rows */
function nearOf({ neighbors }, indices, rows) {
  const { rows: near, each } = /** @type {NonNullable<LatentPoints["neighbors"]>} */ (neighbors);
  return Array.from(rows, (row) => near.slice(row * each, (row + 1) * each).map((other) => indices[other]));
}

/** @param {LatentPoints} file @param {Int32Array} rows */
function placesOf({ points }, rows) {
  const out = new Float32Array(3 * rows.length);
  rows.forEach((row, i) => out.set(points.subarray(3 * row, 3 * row + 3), 3 * i));
  return out;
}

/** @param {NonNullable<Matched["near"]>} near @param {number} row */
export const sharedOf = ([one, other], row) => one[row].filter((index) => other[row].includes(index));

/** @param {Pick<Matched, "near">} pair @returns {Float32Array | null} */
export function sharedNeighbors({ near }) {
  return near && Float32Array.from(near[0], (_, row) => sharedOf(near, row).length);
}
