import assert from "node:assert/strict";
import { test } from "node:test";

import { parseLatentPoints } from "../src/assets.js";
import { curveOf, imageOf, mixedImage, parseFilm } from "../src/film.js";
import { placeOf, valueAt } from "../src/stops.js";

const POINTS = parseLatentPoints({ points: [[0, 0, 0], [1, 0, 0], [9, 0, 0]], labels: [0, 1, 0], indices: [4, 7, 2], checkpoint_sha256: "a" });
const array = (/** @type {Float32Array | Int32Array | Uint8Array} */ data, /** @type {number[]} */ ...shape) => ({ data, shape });

/** Two checkpoints; the film has one row more than the viewer, and another order. @param {Record<string, unknown>} [more] */
const file = (more = {}) => ({
  checkpoint_sha256: "a",
  epochs: [5, 15],
  history: [{ epoch: 1, train_loss: 1, val_loss: null, val_knn: null }, { epoch: 15, train_loss: 0.01, val_loss: 0.1, val_knn: 0.9 }],
  film_points: array(Float32Array.from({ length: 24 }, (_, i) => i), 2, 4, 3),
  film_indices: array(Int32Array.from([2, 4, 5, 7]), 4),
  film_rows: array(Int32Array.from([0, 3]), 2),
  film_images: array(Uint8Array.from([0, 10, 20, 30, 100, 10, 40, 250]), 2, 2, 2),
  ...more,
});

test("rows are those of the viewer, by their place in the split", () => {
  const film = parseFilm(file(), POINTS);
  assert.deepEqual([...film.places[0]], [3, 4, 5, 9, 10, 11, 0, 1, 2]);
  assert.deepEqual([...film.places[1]], [15, 16, 17, 21, 22, 23, 12, 13, 14]);
  assert.deepEqual([...(film.images?.rows ?? [])], [2, 1]);
  const { film_images, film_rows, ...bare } = file();
  assert(film_images && film_rows);
  assert.equal(parseFilm(bare, POINTS).images, null);
});

test("epochs between checkpoints, and beyond them", () => {
  assert.deepEqual([0, 5, 10, 15, 99].map((epoch) => placeOf([5, 15], epoch)), [0, 0, 0.5, 1, 1]);
  assert.deepEqual([0, 0.5, 1].map((frame) => valueAt([5, 15], frame)), [5, 10, 15]);
  assert.equal(valueAt([5, 15, 20], placeOf([5, 15, 20], 18)), 18);
});

test("a curve is logarithmic where it can be, over both losses", () => {
  const { lines, isLog } = curveOf(parseFilm(file(), POINTS).history);
  assert(isLog);
  assert.deepEqual(lines[0], [[1, 1], [15, 0]]);
  assert(Math.abs(lines[1][0][1] - 0.5) < 1e-9);
  const linear = curveOf([{ epoch: 1, trainLoss: -1, valLoss: null, valKnn: null }, { epoch: 2, trainLoss: 3, valLoss: null, valKnn: null }]);
  assert.deepEqual([linear.isLog, linear.lines[0]], [false, [[1, 0], [2, 1]]]);
});

test("an image stands for itself, or for the nearest whose is kept", () => {
  const film = parseFilm(file(), POINTS);
  assert.deepEqual(imageOf(film, POINTS.points, 1), { index: 1, row: 1, isOwn: true });
  assert.deepEqual(imageOf(film, POINTS.points, 0), { index: 1, row: 1, isOwn: false });
  assert.deepEqual(imageOf(film, POINTS.points, -1), { index: 0, row: 2, isOwn: true });
  assert.deepEqual([...mixedImage(film, 0, 0)], [0, 10]);
  assert.deepEqual([...mixedImage(film, 0, 0.5)], [50, 10]);
  assert.deepEqual([...mixedImage(film, 1, 1)], [40, 250]);
});

test("what does not belong or is broken is told, with what to type", () => {
  const code = (/** @type {Record<string, unknown>} */ more) => {
    try {
      parseFilm(file(more), POINTS);
      return "none";
    } catch (error) {
      const { code: of, next } = /** @type {import("../src/errors.js").PageError} */ (error);
      assert.match(next, /grounding film --config NAME|Export the file again/);
      return of;
    }
  };
  assert.equal(code({ checkpoint_sha256: "b" }), "mismatch");
  assert.equal(code({ film_indices: array(Int32Array.from([2, 4, 5, 8]), 4) }), "mismatch");
  for (const more of [
    { epochs: [5] }, { epochs: [15, 5] }, { epochs: [1.5, 2] }, { history: null }, { history: [{}] },
    { film_points: array(new Float32Array(12), 1, 4, 3) }, { film_indices: [1, 2, 3] }, { film_rows: array(Int32Array.from([0]), 1) },
  ]) assert.equal(code(more), "value", JSON.stringify(more));
  assert.equal(code({ film_images: array(new Uint8Array(2), 2) }), "value");
});
