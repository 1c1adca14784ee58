import assert from "node:assert/strict";
import { test } from "node:test";

import { driftOf, flowOf, pointBetween, reground, regroundUntilSettled, straightPath } from "../src/interpolation.js";

/** A decoder that doubles and an encoder that quarters: E(D(z)) = z / 2. */
const halving = {
  decode: async (/** @type {Float32Array} */ z) => z.map((value) => value * 2),
  encode: async (/** @type {Float32Array} */ x) => x.map((value) => value / 4),
};

test("the straight path meets both ends", () => {
  assert.deepEqual([...straightPath([0, 10], [4, 2], 5)], [0, 10, 1, 8, 2, 6, 3, 4, 4, 2]);
  assert.deepEqual([...pointBetween([0, 10], [4, 2], 0.25)], [1, 8]);
});

test("drift is the length of each row's step", () => {
  assert.deepEqual([...driftOf(Float32Array.from([0, 0, 1, 1]), Float32Array.from([3, 4, 1, 1]), 2)], [5, 0]);
});

test("regrounding gives D(z) and E(D(z))", async () => {
  const { decoded, latents } = await reground(Float32Array.from([4, 8]), 1, halving);
  assert.deepEqual([[...decoded], [...latents]], [[8, 16], [2, 4]]);
});

const measure = (/** @type {Float32Array} */ a, /** @type {Float32Array} */ b) => driftOf(a, b, a.length)[0];

test("regrounding stops when a step is short", async () => {
  const start = Float32Array.from([8, 0]);
  const { trail, drifts, settled } = await regroundUntilSettled(start, halving, { tolerance: 0.8, limit: 50, measure });
  // Steps of 4, 2, 1, 0.5: the last is the first that is not longer.
  assert.deepEqual(drifts, [4, 2, 1, 0.5]);
  assert.deepEqual(trail.map(([x]) => x), [8, 4, 2, 1, 0.5]);
  assert(settled);
});

test("regrounding stops at the limit; steps are measured as is asked for", async () => {
  const start = Float32Array.from([8, 0]);
  const limited = await regroundUntilSettled(start, halving, { tolerance: 0, limit: 3, measure });
  assert.deepEqual([limited.drifts.length, limited.settled], [3, false]);
  const still = await regroundUntilSettled(start, halving, { tolerance: 0, limit: 3, measure: () => 0 });
  assert.deepEqual([still.drifts, still.settled], [[0], true]);
});

test("the flow is known after the steps that are asked for, and stays where it rests", async () => {
  const start = Float32Array.from([8, 0]);
  const { visited, decoded, rests, left, lengths } = await flowOf(start, halving, { times: [0, 1, 3, 10, 200], rest: 0.3 });
  // Steps of 4, 2, 1, 0.5, 0.25: the sixth place is the last.
  assert.deepEqual(visited.map(([x]) => x), [8, 4, 1, 0.25, 0.25]);
  assert.deepEqual(decoded.map(([x]) => x), [16, 8, 2, 0.5, 0.5]);
  assert.deepEqual([rests, left, lengths.length], [4, null, 5]);
});

test("a flow that leaves every bound stops where it was", async () => {
  const wild = { decode: halving.decode, encode: async (/** @type {Float32Array} */ x) => x.map((value) => value * 1e20) };
  const { visited, rests, left } = await flowOf(Float32Array.from([1]), wild, { times: [0, 1, 5], rest: 0 });
  assert.equal(left, 2);
  assert.equal(rests, null);
  assert.deepEqual(visited.map(([z]) => z), [1, Math.fround(2e20), Math.fround(2e20)]);
});
