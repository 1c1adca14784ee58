import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { NEUTRAL, SLIDER_RANGES, augment, changeThickness } from "../src/augment.js";
import { imageFields } from "../src/rng.js";
import { elasticMoves, translate, warp } from "../src/warp.js";

const golden = JSON.parse(await readFile(new URL("./golden.json", import.meta.url), "utf8"));
const STILL = new Float32Array(32);
const NONE = { noise: new Float32Array(9), mask: new Float32Array(9).fill(0.5), elastic: STILL };
const CROSS = Float32Array.from([0, 1, 0, 0, 0.5, 0.25, 0, 0, 0]);
/** @type {[number, number, number]} */
const THREE = [1, 3, 3];

/** @param {ArrayLike<number>} actual @param {ArrayLike<number>} expected @param {number} [bound] */
function close(actual, expected, bound = 1e-6) {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert(Math.abs(actual[i] - expected[i]) <= bound, `value ${i}: ${actual[i]}, expected ${expected[i]}`);
  }
}

test("neutral sliders change nothing and give a new image", () => {
  const out = augment(CROSS, THREE, NEUTRAL, NONE);
  close(out, CROSS, 0);
  assert.notEqual(out, CROSS);
});

test("shifting by half a pixel halves the value between two neighbours", () => {
  close(translate(CROSS, THREE, 0.5, 0), [0, 0.5, 0.5, 0, 0.25, 0.375, 0, 0, 0]);
});

test("what leaves the canvas by the shift does not come back by the scale", () => {
  const out = augment(CROSS, THREE, { ...NEUTRAL, shiftY: -3, scale: 0.3 }, NONE);
  close(out, new Float32Array(9), 0);
});

test("a quarter turn is clockwise", () => {
  close(warp(CROSS, THREE, { ...NEUTRAL, rotation: 90 }, STILL), [0, 0, 0, 0, 0.5, 1, 0, 0.25, 0]);
});

test("twice the scale shows the middle", () => {
  // The output's corner lies half a pixel from the centre: the mean of four pixels.
  close(warp(CROSS, THREE, { ...NEUTRAL, scale: 2 }, STILL).slice(0, 2), [(0 + 1 + 0 + 0.5) / 4, (1 + 0.5) / 2]);
});

test("a shear moves the top to the left and the bottom to the right, after the rotation", () => {
  const image = Float32Array.from([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
  close(warp(image, THREE, { ...NEUTRAL, shear: 1 }, STILL), [0.2, 0.3, 0, 0.4, 0.5, 0.6, 0, 0.7, 0.8]);
  close(warp(image, THREE, { ...NEUTRAL, shear: -0.5 }, STILL), [0.05, 0.15, 0.25, 0.4, 0.5, 0.6, 0.75, 0.85, 0.45]);
  // The quarter turn of the cross, of which then only the bottom row moves.
  close(warp(CROSS, THREE, { ...NEUTRAL, rotation: 90, shear: 1 }, STILL), [0, 0, 0, 0, 0.5, 1, 0, 0, 0.25]);
});

test("a control point moves its surroundings by the bicubic kernel", () => {
  // Seven pixels over four points: every other pixel lies half-way. There the kernel is 0.59375
  // for near points and -0.09375 for far ones; the first pixel's border stands for one more.
  const points = new Float32Array(32);
  points[0] = 1;
  const along = [1, 0.5, 0, -0.09375, 0, 0, 0];
  const expected = along.flatMap((down) => along.map((across) => down * across));
  close(elasticMoves(points, [7, 7]), [...expected, ...new Array(49).fill(0)]);
  // On an inner point, for y: the second of four rows, the third of four columns.
  points.fill(0)[16 + 4 + 2] = 2;
  const inside = new Float32Array(32);
  inside[16 + 4 + 2] = 2;
  close(elasticMoves(points, [4, 4]), inside, 0);
});

test("each pixel takes its value from where the elastic field sends it", () => {
  const image = Float32Array.from({ length: 16 }, (_, i) => i / 16);
  const points = new Float32Array(32);
  points[16 + 4 + 2] = 0.5;
  const expected = image.slice();
  expected[4 + 2] = image[8 + 2];
  close(warp(image, [1, 4, 4], { ...NEUTRAL, elastic: 2 }, points), expected);
  const allRight = new Float32Array(32).fill(1, 0, 16);
  close(warp(CROSS, THREE, { ...NEUTRAL, elastic: 1 }, allRight), [1, 0, 0, 0.5, 0.25, 0, 0, 0, 0]);
  // In the image's own axes: what this takes from the right is turned afterwards.
  close(warp(CROSS, THREE, { ...NEUTRAL, rotation: 90, elastic: 1 }, allRight), [0, 0.5, 1, 0, 0.25, 0, 0, 0, 0]);
});

test("thickness mixes in the maximum or the minimum of nine pixels", () => {
  close(changeThickness(CROSS, THREE, 1), [1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5]);
  close(changeThickness(CROSS, THREE, 0.5), [0.5, 1, 0.5, 0.5, 0.75, 0.625, 0.25, 0.25, 0.25]);
  // What lies outside the image erodes nothing.
  const hole = Float32Array.from([1, 1, 1, 1, 1, 0.5, 1, 1, 1]);
  close(changeThickness(hole, THREE, -1), [1, 0.5, 0.5, 1, 0.5, 0.5, 1, 0.5, 0.5]);
  close(changeThickness(hole, THREE, -0.5), [1, 0.75, 0.75, 1, 0.75, 0.5, 1, 0.75, 0.75]);
});

test("thickness keeps channels apart", () => {
  const image = Float32Array.from([0, 0, 1, 0, 0, 0]);
  close(changeThickness(image, [2, 3, 1], 1), [0, 1, 1, 0, 0, 0]);
  close(changeThickness(image, [2, 1, 3], 1), [0, 1, 1, 0, 0, 0]);
});

test("thickness comes after what moves pixels and before noise", () => {
  const dot = Float32Array.from([0, 1, 0, 0, 0, 0, 0, 0, 0]);
  const fields = { ...NONE, noise: Float32Array.from([0, 0, 0, 0, 0, 0, 0, 0, 1]) };
  const out = augment(dot, THREE, { ...NEUTRAL, shear: 1, thickness: 1, noise: 0.5 }, fields);
  close(out, [1, 1, 0, 1, 1, 0, 0, 0, 0.5]);
});

test("intensity, noise, masking and clamping in this order", () => {
  const fields = {
    ...NONE,
    noise: Float32Array.from([1, -1, 1, 1, 1, -4, 0, 0, 0]),
    mask: Float32Array.from([0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]),
  };
  const out = augment(CROSS, THREE, { ...NEUTRAL, intensity: 0.5, noise: 0.25, masking: 0.2 }, fields);
  close(out, [0.25, 0.25, 0, 0.25, 0.5, 0, 0, 0, 0]);
});

test("a larger noise slider scales the same field", () => {
  const image = new Float32Array(784).fill(0.5);
  const fields = imageFields(7, 784);
  const [low, high] = [0.01, 0.02].map((noise) => augment(image, [1, 28, 28], { ...NEUTRAL, noise }, fields));
  close(Array.from(high, (value) => value - 0.5), Array.from(low, (value) => 2 * (value - 0.5)), 1e-6);
});

test("neutral values lie in their ranges", () => {
  for (const [name, { min, max }] of Object.entries(SLIDER_RANGES)) {
    const value = NEUTRAL[/** @type {keyof typeof NEUTRAL} */ (name)];
    assert(min <= value && value <= max, name);
  }
});

test("rotation and shift agree with Python", () => {
  let count = 0;
  for (const { image, cases } of golden.augmented) {
    for (const { shape, sliders, expected } of cases) {
      const fields = { noise: new Float32Array(image.length), mask: new Float32Array(image.length).fill(1), elastic: STILL };
      close(augment(Float32Array.from(image), shape, { ...NEUTRAL, ...sliders }, fields), expected, 1e-4);
      count++;
    }
  }
  assert.equal(count, 26);
});
