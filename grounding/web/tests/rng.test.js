import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_SEED, imageFields, nextSeed, normalField, uniformField } from "../src/rng.js";

/** @param {ArrayLike<number>} values */
function moments(values) {
  const list = Array.from(values);
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
  const variance = list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / list.length;
  return { mean, variance };
}

test("the same seed gives the same fields, whatever is asked before or beside", () => {
  const long = uniformField(5, 2, 1000);
  assert.deepEqual(uniformField(5, 2, 10), long.slice(0, 10));
  assert.deepEqual(imageFields(5, 784), imageFields(5, 784));
  // The elastic field is a coarse grid: larger images are bent alike.
  assert.equal(imageFields(5, 784).elastic.length, 2 * 4 * 4);
  assert.deepEqual(imageFields(5, 3072).elastic, imageFields(5, 784).elastic);
});

test("seeds and streams differ", () => {
  const base = uniformField(1, 1, 50);
  for (const other of [uniformField(2, 1, 50), uniformField(1, 2, 50), uniformField(MAX_SEED, 1, 50)]) {
    assert(base.every((value, i) => value !== other[i]));
  }
});

test("the elastic field is normal, and not the noise", () => {
  const displacements = [];
  for (let seed = 0; seed < 1000; seed++) {
    const { elastic, noise } = imageFields(seed, 32);
    assert(elastic.every((value, i) => value !== noise[i]));
    displacements.push(...elastic);
  }
  const { mean, variance } = moments(displacements);
  // 32,000 numbers: standard errors 0.006 and 0.008.
  assert(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.04, `${mean}, ${variance}`);
});

test("uniform numbers fill (0, 1) evenly", () => {
  const values = uniformField(9, 2, 40_000);
  const { mean, variance } = moments(values);
  assert(Math.abs(mean - 0.5) < 0.01 && Math.abs(variance - 1 / 12) < 0.002);
  assert(values.every((value) => value > 0 && value < 1));
  const tenths = new Array(10).fill(0);
  for (const value of values) tenths[Math.floor(value * 10)]++;
  // Each tenth expects 4000, standard deviation 60.
  assert(tenths.every((count) => Math.abs(count - 4000) < 300), String(tenths));
});

test("normal numbers have mean 0, variance 1 and normal tails", () => {
  const values = normalField(3, 1, 40_000);
  const { mean, variance } = moments(values);
  assert(Math.abs(mean) < 0.02 && Math.abs(variance - 1) < 0.03);
  const beyond = values.filter((value) => Math.abs(value) > 1.96).length / values.length;
  assert(Math.abs(beyond - 0.05) < 0.006);
});

test("neighbouring values and neighbouring seeds are not correlated", () => {
  const a = normalField(10, 1, 20_000);
  const b = normalField(11, 1, 20_000);
  let [along, across] = [0, 0];
  for (let i = 1; i < a.length; i++) {
    along += a[i] * a[i - 1];
    across += a[i] * b[i];
  }
  assert(Math.abs(along / a.length) < 0.03 && Math.abs(across / a.length) < 0.03);
});

test("re-rolling goes through valid seeds without repeating soon", () => {
  const seen = new Set();
  let seed = 1;
  for (let i = 0; i < 1000; i++) {
    seed = nextSeed(seed);
    assert(Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED);
    seen.add(seed);
  }
  assert.equal(seen.size, 1000);
});
