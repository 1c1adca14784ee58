import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { nearest, ownNearestDistances, sampleRows } from "../src/neighbors.js";
import { barycentricPosition, barycentricWeights, toUnitLength } from "../src/projection.js";
import { normalField, uniformField } from "../src/rng.js";

const golden = JSON.parse(await readFile(new URL("./golden.json", import.meta.url), "utf8"));

test("hand-placed rows, ties by the lower index", () => {
  const rows = Float32Array.from([0, 0, 3, 4, 0, 1, 1, 0, 0, -1, 3, 4]);
  const { indices, distances } = nearest(rows, 2, [0, 0], 6);
  assert.deepEqual([...indices], [0, 2, 3, 4, 1, 5]);
  assert.deepEqual([...distances], [0, 1, 1, 1, 5, 5]);
});

test("of equal rows only the lowest indices are kept", () => {
  const { indices } = nearest(new Float32Array(20).fill(1), 2, [0, 0], 3);
  assert.deepEqual([...indices], [0, 1, 2]);
});

test("a row can be left out; k is cut to what there is", () => {
  const rows = Float32Array.from([0, 1, 2]);
  assert.deepEqual([...nearest(rows, 1, [1], 9, { exclude: 1 }).indices], [0, 2]);
  assert.equal(nearest(rows, 1, [1], 0).indices.length, 0);
});

test("the same as sorting all distances, for every dimension", () => {
  for (const [dim, count, k] of [[1, 50, 7], [3, 200, 1], [8, 300, 20], [19, 300, 300], [32, 500, 12]]) {
    // Few different values, so that ties are many.
    const rows = uniformField(dim, 1, dim * count).map((value) => Math.round(value * 3));
    const query = uniformField(dim, 2, dim).map((value) => Math.round(value * 3));
    const all = Array.from({ length: count }, (_, row) => {
      const differences = Array.from(query, (value, i) => rows[row * dim + i] - value);
      return { row, distance: Math.hypot(...differences) };
    });
    all.sort((a, b) => (Math.abs(a.distance - b.distance) > 1e-9 ? a.distance - b.distance : a.row - b.row));
    const { indices, distances } = nearest(rows, dim, query, k);
    assert.deepEqual([...indices], all.slice(0, k).map(({ row }) => row));
    distances.forEach((value, i) => assert(Math.abs(value - all[i].distance) < 1e-12));
  }
});

test("each row's own nearest, and rows spread over all", () => {
  const rows = Float32Array.from([0, 1, 5, 5]);
  assert.deepEqual([...ownNearestDistances(rows, 1, [0, 1, 2, 3])], [1, 1, 0, 0]);
  assert.deepEqual([...sampleRows(10, 4)], [0, 2, 5, 7]);
  assert.deepEqual([...sampleRows(3, 9)], [0, 1, 2]);
});

test("neighbours, weights and places agree with Python", () => {
  for (const file of golden.projected) {
    const references = Float32Array.from(file.references);
    for (const [probe, expected] of file.indices.entries()) {
      const raw = Float32Array.from(file.probes.slice(probe * file.dim, (probe + 1) * file.dim));
      const query = file.unit ? toUnitLength(raw, file.dim) : raw;
      const { indices, distances } = nearest(references, file.dim, query, file.k);
      assert.deepEqual([...indices], expected);
      const pairs = [
        [distances, file.distances[probe], 1e-6],
        [barycentricPosition(indices, distances, file.points), file.positions[probe], 1e-3],
        [barycentricWeights(file.distances[probe]), file.weights[probe], 1e-9],
      ];
      for (const [actual, wanted, bound] of pairs) {
        wanted.forEach((/** @type {number} */ value, /** @type {number} */ i) =>
          assert(Math.abs(actual[i] - value) < bound, `${actual[i]}, expected ${value}`),
        );
      }
    }
  }
});

test("far rows do not change the result", () => {
  const near = normalField(1, 1, 320);
  const far = normalField(2, 1, 320).map((value) => value + 1000);
  const both = Float32Array.from([...near, ...far]);
  assert.deepEqual(nearest(both, 32, near.subarray(0, 32), 5), nearest(near, 32, near.subarray(0, 32), 5));
});
