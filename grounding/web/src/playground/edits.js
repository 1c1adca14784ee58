/**
 * A latent that was taken elsewhere than from an input: from a place in the cloud, or moved along its axes.
 *
 *   const edits = latentEdits(assets, address);
 *   edits.principal                 principal.js's axes of the references, made when first asked for
 *   edits.offsets                   Map: by axis, how far z was moved, in standard deviations
 *   edits.input(image)              -> messages.js's Input: {image, latent, offset}
 *   edits.isPlace, edits.isMoved
 *   offsetsFromText("0_1.2_3_-0.5"), offsetsToText(map)     as the address has them
 */

import { latentAtPlace } from "../inverse.js";
import { alongAxes, principalAxes } from "../principal.js";

/** @typedef {import("../state.js").PlaygroundState} PlaygroundState */

const MOST_AXES = 32;
/** Standard deviations. */
export const FARTHEST = 4;
const DIGITS = 2;

/** @param {string} text @returns {Map<number, number>} */
export function offsetsFromText(text) {
  const numbers = text ? text.split("_").map(Number) : [];
  /** @type {Map<number, number>} */
  const found = new Map();
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    const [axis, amount] = [numbers[i], numbers[i + 1]];
    if (Number.isInteger(axis) && axis >= 0 && axis < MOST_AXES && Math.abs(amount) <= 1000) found.set(axis, amount);
  }
  return found;
}

/** @param {ReadonlyMap<number, number>} offsets */
export const offsetsToText = (offsets) =>
  [...offsets]
    .map(([axis, amount]) => [axis, Number(amount.toFixed(DIGITS)) + 0])
    .filter(([, amount]) => amount)
    .sort(([a], [b]) => a - b)
    .flat()
    .join("_");

/**
 * @param {import("../assets.js").InteractiveAssets} assets
 * @param {{state: Pick<PlaygroundState, "place" | "axes">}} address
 */
export function latentEdits(assets, address) {
  /** @type {import("../principal.js").Principal | null} */
  let principal = null;
  const edits = {
    get principal() {
      return (principal ??= principalAxes(assets.rawLatents, assets.latentDim, MOST_AXES));
    },
    get offsets() {
      return offsetsFromText(address.state.axes);
    },
    get isPlace() {
      return address.state.place !== null;
    },
    get isMoved() {
      return address.state.axes !== "";
    },
    /** @param {Float32Array} image @returns {import("../messages.js").Input} */
    input(image) {
      const { place } = address.state;
      const offset = edits.isMoved ? alongAxes(edits.principal, edits.offsets) : null;
      return place ? { image: null, latent: latentAtPlace(assets, place), offset } : { image, latent: null, offset };
    },
  };
  return edits;
}

/** @typedef {ReturnType<typeof latentEdits>} Edits */
