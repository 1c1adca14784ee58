/**
 * The nearest others of a point, in the latent space and in the picture.
 *
 *   nearOf(points, row, drawn)   -> Near; drawn: its neighbours among the drawn points, nearest first
 */

/**
 * @typedef {object} Near
 * @property {Int32Array | null} latent rows of the nearest in the latent space; null: not known, or
 *   the same as those in the picture
 * @property {{indices: Int32Array, distances: Float64Array}} picture
 * @property {boolean} isOne whether the picture is the latent space
 * @property {number} shared how many are in both
 */

/**
 * @param {Pick<import("../assets.js").LatentPoints, "neighbors" | "about">} points
 * @param {number} row @param {{indices: Int32Array, distances: Float64Array}} drawn @returns {Near}
 */
export function nearOf({ neighbors, about }, row, { indices, distances }) {
  const isOne = about.projection === "latent";
  const latent = neighbors && !isOne ? neighbors.rows.slice(row * neighbors.each, (row + 1) * neighbors.each) : null;
  // As many of the one as of the other, so that they can be compared.
  const count = latent ? Math.min(latent.length, indices.length) : indices.length;
  const picture = { indices: indices.slice(0, count), distances: distances.slice(0, count) };
  const shared = latent ? latent.filter((one) => picture.indices.includes(one)).length : 0;
  return { latent, picture, isOne, shared };
}
