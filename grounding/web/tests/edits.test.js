import assert from "node:assert/strict";
import { test } from "node:test";

import { latentEdits, offsetsFromText, offsetsToText } from "../src/playground/edits.js";

test("offsets in the address: by axis, to hundredths, without zeros; nonsense is left out", () => {
  const text = offsetsToText(new Map([[3, -0.504], [0, 1.2], [7, 0.001]]));
  assert.equal(text, "0_1.2_3_-0.5");
  assert.deepEqual(offsetsFromText(text), new Map([[0, 1.2], [3, -0.5]]));
  for (const bad of ["", "x", "1", "1.5_2", "-1_2", "99_1", "1_x", "1_1e9"]) assert.equal(offsetsFromText(bad).size, 0, bad);
  assert.equal(offsetsToText(new Map()), "");
});

test("a place stands for the image, and offsets are added to either", () => {
  const assets = /** @type {any} */ ({
    points: Float32Array.of(0, 0, 0, 1, 0, 0),
    rawLatents: Float32Array.of(2, 0, -2, 0),
    latentDim: 2,
    projectionK: 1,
  });
  const image = Float32Array.of(1);
  const input = (/** @type {number[] | null} */ place, axes = "") => latentEdits(assets, { state: { place, axes } }).input(image);
  assert.deepEqual(input(null), { image, latent: null, offset: null });
  assert.deepEqual(input([1, 0, 0]), { image: null, latent: Float32Array.of(-2, 0), offset: null });
  // Along the one axis with any variance; its standard deviation is 2.
  assert.deepEqual(input(null, "0_1.5"), { image, latent: null, offset: Float32Array.of(3, 0) });
});
