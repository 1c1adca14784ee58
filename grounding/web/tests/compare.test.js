import assert from "node:assert/strict";
import { test } from "node:test";

import { parseLatentPoints } from "../src/assets.js";
import { dataProblem, matched, sharedNeighbors } from "../src/compare/match.js";

const DATA = { source: "MNIST", fingerprint: "aa" };
/** @param {number[]} indices @param {number[][]} neighbors rows @param {Record<string, unknown>} [more] */
const file = (indices, neighbors, more = {}) =>
  parseLatentPoints({ experiment: "x", split: "test", data: DATA, points: indices.map((index) => [index, 0, 0]), labels: indices.map((index) => index % 3), indices, neighbors, ...more });

test("the images of both, each with its rows, places and neighbours", () => {
  const a = file([5, 7, 9, 11], [[1, 2], [0, 2], [1, 3], [2, 1]]);
  const b = file([9, 2, 5, 7], [[3, 1], [0, 2], [3, 0], [2, 0]]);
  const pair = matched(a, b);
  assert.deepEqual([...pair.indices], [5, 7, 9]);
  assert.deepEqual(pair.rows.map((rows) => [...rows]), [[0, 1, 2], [2, 3, 0]]);
  assert.deepEqual([...pair.points[1]], [5, 0, 0, 7, 0, 0, 9, 0, 0]);
  assert.equal(pair.left, 2);
  assert.deepEqual(pair.near?.[1].map((near) => [...near]), [[7, 9], [5, 9], [7, 2]]);
  // 5: 7, 9 and 7, 9; 7: 5, 9 and 5, 9; 9: 7, 11 and 7, 2.
  assert.deepEqual([...(sharedNeighbors(pair) ?? [])], [2, 2, 1]);
  assert.equal(dataProblem(a, b), "");
  const old = parseLatentPoints({ points: [[0, 0, 0]], labels: [0] });
  assert.equal(sharedNeighbors(matched(old, old)), null);
  assert.equal(dataProblem(old, old), "");
});

test("other data, another split or other images are told, by name", () => {
  const a = file([5, 7], [[1], [0]]);
  assert.equal(
    dataProblem(a, file([5, 7], [[1], [0]], { experiment: "y", data: { source: "CIFAR-10", fingerprint: "bb" } })),
    "x shows MNIST, test split; y shows CIFAR-10, test split.",
  );
  assert.match(dataProblem(a, file([5, 7], [[1], [0]], { data: { source: "MNIST", fingerprint: "bb" } })), /The images are others/);
  assert.match(dataProblem(a, file([5, 7], [[1], [0]], { split: "val" })), /test split; x shows MNIST, val split/);
  assert.match(dataProblem(a, file([6, 8], [[1], [0]])), /No image is drawn in both/);
  assert.match(dataProblem(a, file([5, 7], [[1], [0]], { labels: [0, 0], data: {} })), /other labels/);
});

test("the fingerprint of embeddings covers their latents: their labels are compared", () => {
  const one = file([5, 7], [[1], [0]], { split: "all" });
  assert.equal(dataProblem(one, file([5, 7], [[1], [0]], { split: "all", data: { fingerprint: "bb" } })), "");
  assert.match(dataProblem(one, file([5, 7], [[1], [0]], { split: "all", labels: [9, 9], data: { fingerprint: "bb" } })), /other labels/);
});
