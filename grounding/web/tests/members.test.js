import assert from "node:assert/strict";
import { test } from "node:test";

import { parseLatentPoints } from "../src/assets.js";
import { classesOf } from "../src/classes.js";
import { selectionLink } from "../src/viewer/linked.js";
import { combine, csvOf, disagreeingRows, inOrder, meanImage, medoidOf, pythonList, rowsOf, worstRows } from "../src/viewer/members.js";
import { playgroundFiles } from "../src/viewer/playground_link.js";

const rows = (/** @type {number[]} */ ...all) => Int32Array.from(all);
const file = parseLatentPoints({
  points: [[0, 0, 0], [1, 0, 0], [3, 0, 0], [10, 0, 0]],
  labels: [1, 1, 2, 2],
  class_names: { 1: "one, or so", 2: '"two"' },
  indices: [40, 3, 17, 8],
  neighbors: [[1, 2], [0, 2], [0, 1], [2, 0]],
  reconstruction_error: [0.5, 0.25, 1, 0.125],
});

test("new, add and subtract; to take from nothing selected leaves the others", () => {
  assert.deepEqual(combine(rows(0, 1), rows(2), "new", 4), rows(2));
  assert.deepEqual(combine(rows(0, 1), rows(1, 2), "add", 4), rows(0, 1, 2));
  assert.deepEqual(combine(null, rows(3), "add", 4), rows(3));
  assert.deepEqual(combine(rows(0, 1), rows(1, 2), "subtract", 4), rows(0));
  assert.deepEqual(combine(null, rows(1), "subtract", 4), rows(0, 2, 3));
});

test("ready-made: the worst reconstructions, and neighbours of other labels", () => {
  assert.deepEqual(worstRows(file, 2), rows(0, 2));
  assert.equal(worstRows(parseLatentPoints({ points: [[0, 0, 0]] }), 2), null);
  // Of row 2, none of two is its own; of rows 0, 1 and 3 one of two, which is no disagreement.
  assert.deepEqual(disagreeingRows(file), rows(2));
  assert.equal(disagreeingRows(parseLatentPoints({ points: [[0, 0, 0]], labels: [1] })), null);
});

test("medoid and orders", () => {
  // Sums of distances: 14, 12, 12, 26; of rows 1, 2, 3: 11, 9, 16.
  assert.equal(medoidOf(file.points, rows(0, 1, 2, 3)), 1);
  assert.equal(medoidOf(file.points, rows(1, 2, 3)), 2);
  assert.deepEqual(inOrder(file, rows(0, 1, 3), "medoid", 1), rows(1, 0, 3));
  assert.deepEqual(inOrder(file, rows(0, 1, 3), "reconstruction_error", 1), rows(0, 1, 3));
  assert.deepEqual(inOrder(file, rows(0, 1, 3), "index", 1), rows(0, 1, 3));
});

test("the mean is of the images that are there", () => {
  const thumbnails = { data: Uint8Array.of(0, 255, 255, 51, 255, 255), shape: /** @type {[number, number, number]} */ ([1, 1, 2]), loaded: 2 };
  const { values, count } = meanImage(thumbnails, rows(0, 1, 2));
  assert.equal(count, 2);
  assert.deepEqual([...values].map((value) => value.toFixed(6)), ["0.500000", "0.600000"]);
});

test("a CSV that any reader takes, and a Python list", () => {
  assert.equal(
    csvOf(file, classesOf(file), rows(0, 2)),
    'index,label,class,reconstruction_error,x,y,z\r\n40,1,"one, or so",0.5,0,0,0\r\n17,2,"""two""",1,3,0,0\r\n',
  );
  assert.equal(csvOf(parseLatentPoints({ points: [[0, 0, 1]] }), classesOf(file), rows(0)), "index,x,y,z\r\n0,0,0,1\r\n");
  assert.equal(pythonList(file, rows(0, 1, 2)), "[3, 17, 40]");
});

test("a link holds images, so that another export shows the same, and says what is not in it", () => {
  /** @type {string[]} */
  const told = [];
  const link = (/** @type {import("../src/assets.js").LatentPoints} */ points) => selectionLink(points, { tell: (text) => told.push(text) });
  const text = link(file).textOf(rows(0, 1));
  assert.equal(text, "3.40");
  const other = link(parseLatentPoints({ points: [[0, 0, 0], [1, 1, 1]], indices: [3, 5], image_shape: [1, 1, 2] }));
  assert.deepEqual(other.read(text), rows(0));
  assert.deepEqual(told, ["1 image of this link's selection is not among these 2 points; the other one is selected."]);
  other.read(text);
  assert.equal(told.length, 1, "once is enough");
  assert.equal(other.read("7"), null);
  assert.match(told[1], /1 image of .* is not among these 2 points; nothing is selected/);
  assert.equal(other.read("<script>"), null);
  assert.match(told[2], /cannot be read/);
  assert.deepEqual(link(file).read("~00."), rows());
  assert.equal(link(file).textOf(null), "");
  const many = parseLatentPoints({ points: new Array(100_000).fill([0, 0, 0]) });
  assert.equal(link(many).textOf(Int32Array.from({ length: 50_000 }, (_, i) => 2 * i)), "");
  assert.match(told[3], /too large for a link/);
});

test("rows of images, in a file with positions and in one without", () => {
  assert.deepEqual(rowsOf(file, [8, 9, 40]), { rows: rows(0, 3), missing: 1 });
  assert.deepEqual(rowsOf(parseLatentPoints({ points: [[0, 0, 0], [1, 1, 1]] }), [1, 2]), { rows: rows(1), missing: 1 });
});

test("what the playground needs, as the manifest names it", () => {
  const artifacts = {
    "a_val.json": { kind: "assets", results: { split: "val" } },
    "a_test.json": { kind: "assets", results: { split: "test" } },
    "e.onnx": { kind: "encoder" },
    "d.onnx": { kind: "decoder" },
  };
  assert.deepEqual(playgroundFiles({ artifacts }, "test"), { assets: "a_test.json", encoder: "e.onnx", decoder: "d.onnx" });
  assert.equal(playgroundFiles({ artifacts }, "train"), null);
  for (const manifest of [null, {}, { artifacts: { x: null } }]) assert.equal(playgroundFiles(manifest, "test"), null);
});
