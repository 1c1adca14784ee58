import assert from "node:assert/strict";
import { test } from "node:test";

import { barycentricPosition, barycentricWeights, classVotes, offManifold, toUnitLength, unitOf } from "../src/projection.js";

test("weights are inverse distances, scaled to 1", () => {
  const weights = barycentricWeights([1, 2, 4]);
  [4 / 7, 2 / 7, 1 / 7].forEach((value, i) => assert(Math.abs(weights[i] - value) < 1e-5));
});

test("a probe on a reference sits on its place", () => {
  const place = barycentricPosition([1, 0], [0, 1], [0, 0, 0, 10, 20, 30]);
  [10, 20, 30].forEach((value, axis) => assert(Math.abs(place[axis] - value) < 1e-3));
});

test("half way between two equally far references", () => {
  assert.deepEqual(barycentricPosition([0, 1], [2, 2], [0, 2, 4, 2, 4, 8]), [1, 3, 6]);
});

test("votes: most first, then the lower class", () => {
  const votes = classVotes([0, 1, 2, 3, 4], [7, 3, 3, 7, 1]);
  assert.deepEqual(votes, [{ label: 3, count: 2 }, { label: 7, count: 2 }, { label: 1, count: 1 }]);
});

test("unit length; zeros stay", () => {
  assert.deepEqual([...toUnitLength(Float32Array.of(3, 4, 0, -2), 2)], [Math.fround(0.6), Math.fround(0.8), 0, -1]);
  assert.deepEqual([...toUnitLength(Float32Array.of(0, 0), 2)], [0, 0]);
});

test("off the manifold: share of references that lie nearer to theirs", () => {
  const own = [1, 2, 3, 4];
  assert.deepEqual(offManifold(2.5, own), { quantile: 0.5, ratio: 1 });
  assert.deepEqual(offManifold(0.5, own), { quantile: 0, ratio: 0.2 });
  assert.equal(offManifold(9, own)?.quantile, 1);
  assert.equal(offManifold(1, []), null);
  assert.equal(offManifold(0, [0, 0]), null);
});

test("the unit is the median, of those that have no duplicate if most have", () => {
  assert.equal(unitOf([1, 2, 3, 4]), 2.5);
  assert.equal(unitOf([0, 1, 3]), 1);
  assert.equal(unitOf([0, 0, 0, 2, 6]), 4);
  assert.equal(unitOf([0, 0]), null);
  assert.equal(unitOf([]), null);
});
