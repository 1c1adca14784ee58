/**
 * A training as a film: where points were, and what reconstructions looked like, at each kept checkpoint.
 *
 *   const film = parseFilm(value, points);     value: as loading.js reads it; points: the viewer's file
 *   curveOf(film.history)                      -> {lines, isLog}: of each loss [epoch, share of the height] pairs
 *   imageOf(film, points, row)                 -> which of its images stands for a row: {index, row, isOwn}
 *   mixedImage(film, index, frame)             -> Uint8Array, between the images of two checkpoints
 *
 * Throws PageError "mismatch" where it belongs to other points, "keys", "shape" and "value" where it is broken.
 */

import { PageError } from "./errors.js";
import { asFile } from "./fields.js";

/** @typedef {{epoch: number, trainLoss: number, valLoss: number | null, valKnn: number | null}} Measured */

/**
 * @typedef {object} Film
 * @property {number[]} epochs (F) ascending, of the checkpoints
 * @property {Float32Array[]} places (F) of (N, 3), rows as in the viewer's file
 * @property {Measured[]} history ascending
 * @property {{rows: Int32Array, data: Uint8Array, pixels: number} | null} images (F, rows, pixels) of some rows of
 *   the viewer's file
 */

const MOST_FRAMES = 7;
const AGAIN = "Make it again: grounding film --config NAME.";

/** @param {string} words */
const broken = (words) => new PageError("value", `The film of the training ${words}.`, AGAIN);

/**
 * @template {Float32Array | Int32Array | Uint8Array} T
 * @param {Record<string, unknown>} file @param {string} key @param {new (...args: any[]) => T} type
 * @param {readonly (number | null)[]} shape null: any
 * @returns {{data: T, shape: number[]}}
 */
function array(file, key, type, shape) {
  const value = /** @type {{data?: unknown, shape?: number[]} | undefined} */ (file[key]);
  const isRight = value?.data instanceof type && value.shape?.length === shape.length && shape.every((size, i) => size === null || size === value.shape?.[i]);
  if (!isRight) throw broken(`has no ${key} of the right shape`);
  return /** @type {{data: T, shape: number[]}} */ (value);
}

/** @param {unknown} value @param {Pick<import("./assets.js").LatentPoints, "about" | "count" | "indices">} points @returns {Film} */
export function parseFilm(value, { about, count, indices }) {
  const file = asFile(value, ["epochs", "history", "film_points", "film_indices"]);
  const sha = file.checkpoint_sha256;
  if (typeof sha === "string" && about.checkpointSha256 && sha !== about.checkpointSha256) {
    throw new PageError("mismatch", "The film of the training ends with another checkpoint than the points are of.", AGAIN);
  }
  const epochs = /** @type {number[]} */ (file.epochs);
  const isList = Array.isArray(epochs) && epochs.length >= 2 && epochs.length <= MOST_FRAMES;
  if (!isList || !epochs.every((epoch, i) => Number.isInteger(epoch) && epoch > (i ? epochs[i - 1] : 0))) throw broken("names no epochs of two checkpoints or more");
  const frames = epochs.length;
  const own = array(file, "film_indices", Int32Array, [null]);
  const size = own.shape[0];
  const { data } = array(file, "film_points", Float32Array, [frames, size, 3]);
  /** @type {Map<number, number>} */
  const rowOf = new Map();
  own.data.forEach((index, row) => rowOf.set(index, row));
  const rows = Int32Array.from({ length: count }, (_, row) => rowOf.get(indices ? indices[row] : row) ?? -1);
  if (rows.includes(-1)) {
    throw new PageError("mismatch", "The film of the training does not have all of these points.", `${AGAIN} With --max-points as the points were made.`);
  }
  const places = epochs.map((_, frame) => {
    const all = new Float32Array(3 * count);
    rows.forEach((row, i) => all.set(data.subarray(3 * (frame * size + row), 3 * (frame * size + row) + 3), 3 * i));
    return all;
  });
  return { epochs, places, history: historyOf(file.history), images: imagesOf(file, frames, rows) };
}

/** @param {unknown} value @returns {Measured[]} */
function historyOf(value) {
  if (!Array.isArray(value)) throw broken("has no history");
  const number = (/** @type {unknown} */ one) => (typeof one === "number" && Number.isFinite(one) ? one : null);
  return value.map((one) => {
    const [epoch, trainLoss] = [number(one?.epoch), number(one?.train_loss)];
    if (epoch === null || trainLoss === null) throw broken("has an epoch without a loss");
    return { epoch, trainLoss, valLoss: number(one.val_loss), valKnn: number(one.val_knn) };
  });
}

/** @param {Record<string, unknown>} file @param {number} frames @param {Int32Array} rows of the film, by row of the points */
function imagesOf(file, frames, rows) {
  if (!("film_images" in file)) return null;
  const kept = array(file, "film_rows", Int32Array, [null]);
  const { data, shape } = array(file, "film_images", Uint8Array, [frames, kept.shape[0], null]);
  const shown = new Map(Array.from(rows, (row, i) => [row, i]));
  return { rows: Int32Array.from(kept.data, (row) => shown.get(row) ?? -1), data, pixels: shape[2] };
}

/** @param {readonly Measured[]} history @returns {{lines: [number, number][][], isLog: boolean}} training first, then validation */
export function curveOf(history) {
  const lines = [
    history.map(({ epoch, trainLoss }) => /** @type {[number, number]} */ ([epoch, trainLoss])),
    history.flatMap(({ epoch, valLoss }) => (valLoss === null ? [] : [/** @type {[number, number]} */ ([epoch, valLoss])])),
  ];
  const values = lines.flat().map(([, value]) => value);
  const isLog = values.every((value) => value > 0);
  const scaled = (/** @type {number} */ value) => (isLog ? Math.log(value) : value);
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, scaled(value)), Math.max(most, scaled(value))], [Infinity, -Infinity]);
  return { lines: lines.map((line) => line.map(([epoch, value]) => [epoch, high > low ? (scaled(value) - low) / (high - low) : 0.5])), isLog };
}

/**
 * @param {Film} film @param {Float32Array} positions (N, 3) of the points @param {number} row -1: none is chosen
 * @returns {{index: number, row: number, isOwn: boolean} | null}
 */
export function imageOf({ images }, positions, row) {
  if (!images) return null;
  const known = Array.from(images.rows, (of, index) => ({ index, row: of, isOwn: of === row })).filter((one) => one.row >= 0);
  if (!known.length) return null;
  const far = (/** @type {number} */ of) => [0, 1, 2].reduce((sum, axis) => sum + (positions[3 * of + axis] - positions[3 * row + axis]) ** 2, 0);
  if (row < 0) return { ...known[0], isOwn: true };
  return known.reduce((best, one) => (far(one.row) < far(best.row) ? one : best));
}

/** @param {Film} film @param {number} index @param {number} frame @returns {Uint8Array} */
export function mixedImage({ images, epochs }, index, frame) {
  if (!images) return new Uint8Array();
  const { data, pixels, rows } = images;
  const of = (/** @type {number} */ at) => data.subarray((at * rows.length + index) * pixels, (at * rows.length + index + 1) * pixels);
  const at = Math.min(epochs.length - 2, Math.floor(frame));
  const [from, to, share] = [of(at), of(at + 1), frame - at];
  return from.map((value, i) => Math.round(value + share * (to[i] - value)));
}
