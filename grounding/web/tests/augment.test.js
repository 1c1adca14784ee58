import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { NEUTRAL, SLIDER_RANGES, augment, rotateAndScale, translate } from "../src/augment.js";
import { imageFields } from "../src/rng.js";

const golden = JSON.parse(await readFile(new URL("./golden.json", import.meta.url), "utf8"));
const NONE = { noise: new Float32Array(9), mask: new Float32Array(9).fill(0.5) };
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
  close(rotateAndScale(CROSS, THREE, 90, 1), [0, 0, 0, 0, 0.5, 1, 0, 0.25, 0]);
});

test("twice the scale shows the middle", () => {
  // The output's corner lies half a pixel from the centre: the mean of four pixels.
  close(rotateAndScale(CROSS, THREE, 0, 2).slice(0, 2), [(0 + 1 + 0 + 0.5) / 4, (1 + 0.5) / 2]);
});

test("intensity, noise, masking and clamping in this order", () => {
  const fields = {
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
      const fields = { noise: new Float32Array(image.length), mask: new Float32Array(image.length).fill(1) };
      close(augment(Float32Array.from(image), shape, { ...NEUTRAL, ...sliders }, fields), expected, 1e-4);
      count++;
    }
  }
  assert.equal(count, 26);
});
