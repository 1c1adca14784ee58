import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_POINTS, checkBelongTogether, parseInteractiveAssets, parseLatentPoints } from "../src/assets.js";

const POINTS = { points: [[1, 2, 3], [4, 5, 6]], labels: [3, 0] };

/** @param {Record<string, unknown>} [changes] @returns {any} */
function assets(changes = {}) {
  return {
    experiment: "e",
    num_points: 2,
    latent_dim: 2,
    l2_normalized: true,
    projection_k: 1,
    reference_points: [[1, 2, 3], [4, 5, 6]],
    reference_latents: [[1, 0], [0, 1]],
    reference_latents_raw: [[2, 0], [0, 3]],
    reference_labels: [3, 0],
    digit_samples: [[0, 0, 0, 1], [1, 0, 0, 0]],
    ...changes,
  };
}

test("points and labels are all a file needs", () => {
  const file = parseLatentPoints(POINTS);
  assert.deepEqual([...file.points], [1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...file.labels], [3, 0]);
  assert.deepEqual([file.count, file.indices, file.thumbnails, file.latentDim], [2, null, null, null]);
  assert.equal(file.numbers.size, 0);
});

test("further numbers of each point are offered, other lists are not", () => {
  const file = parseLatentPoints({
    ...POINTS, indices: [5, 9], loss: [0.5, 1], names: ["a", "b"], gaps: [1, null], short: [1],
  });
  assert.deepEqual([...file.numbers.keys()], ["loss"]);
  assert.deepEqual([...(file.indices ?? [])], [5, 9]);
});

test("labels are any whole numbers, and samples say which they are of", () => {
  const labels = [-3, 70_000];
  assert.deepEqual([...parseLatentPoints({ ...POINTS, labels }).labels], labels);
  const file = parseInteractiveAssets(assets({ reference_labels: labels, sample_labels: labels }));
  assert.deepEqual([[...file.labels], [...file.sampleLabels]], [labels, labels]);
  assert.deepEqual([...parseInteractiveAssets(assets()).sampleLabels], [0, 1]);
});

test("how many points the split had", () => {
  const config = { data: { test_samples: 10_000 } };
  assert.equal(parseLatentPoints({ ...POINTS, split: "test", config }).about.available, 10_000);
  assert.equal(parseLatentPoints({ ...POINTS, split: "constructor", config }).about.available, null);
});

test("interactive assets", () => {
  const file = parseInteractiveAssets(assets());
  assert.deepEqual([...file.rawLatents], [2, 0, 0, 3]);
  assert.deepEqual([file.imageShape, file.digits, file.projectionK], [[1, 2, 2], 2, 1]);
  const stated = assets({ image_shape: [2, 2, 1] });
  assert.deepEqual(parseInteractiveAssets(stated).imageShape, [2, 2, 1]);
});

/** @type {Record<string, [string, any]>} */
const BAD_POINTS = {
  "null": ["keys", null],
  "a list": ["keys", [1]],
  "no labels": ["keys", { points: [[1, 2, 3]] }],
  "no rows": ["shape", { points: [], labels: [] }],
  "points as text": ["shape", { points: "<img>", labels: [] }],
  "ragged rows": ["shape", { ...POINTS, points: [[1, 2, 3], [4, 5]] }],
  "a row of text": ["shape", { ...POINTS, points: [[1, 2, 3], "456"] }],
  "a number as text": ["value", { ...POINTS, points: [[1, 2, 3], [4, "5", 6]] }],
  "null for a number": ["value", { ...POINTS, points: [[1, 2, 3], [4, null, 6]] }],
  "too large for 32 bits": ["value", { ...POINTS, points: [[1, 2, 3], [4, 1e39, 6]] }],
  "too few labels": ["shape", { ...POINTS, labels: [1] }],
  "a label of more than 32 bits": ["value", { ...POINTS, labels: [1, 2 ** 31] }],
  "a negative index": ["value", { ...POINTS, indices: [1, -1] }],
  "half a label": ["value", { ...POINTS, labels: [1, 0.5] }],
  "num_points that lies": ["shape", { ...POINTS, num_points: 3 }],
  "too many points": ["too-many", { points: new Array(MAX_POINTS + 1), labels: [] }],
};

for (const [name, [code, value]] of Object.entries(BAD_POINTS)) {
  test(`points refused: ${name}`, () => {
    assert.throws(() => parseLatentPoints(value), { name: "PageError", code });
  });
}

/** @type {Record<string, [string, any]>} */
const BAD_ASSETS = {
  "no digits": ["keys", (({ digit_samples, ...rest }) => rest)(assets())],
  "another latent_dim": ["shape", assets({ latent_dim: 3 })],
  "latent_dim as text": ["value", assets({ latent_dim: "2" })],
  "more neighbours than points": ["value", assets({ projection_k: 3 })],
  "l2_normalized as number": ["value", assets({ l2_normalized: 1 })],
  "images that are no squares": ["shape", assets({ digit_samples: [[1, 2, 3]] })],
  "image_shape of two sides": ["value", assets({ image_shape: [2, 2] })],
  "image_shape that does not fit": ["shape", assets({ image_shape: [1, 2, 3] })],
  "NaN": ["value", assets({ reference_latents: [[1, NaN], [0, 1]] })],
};

for (const [name, [code, value]] of Object.entries(BAD_ASSETS)) {
  test(`assets refused: ${name}`, () => {
    assert.throws(() => parseInteractiveAssets(value), { name: "PageError", code });
  });
}

test("hostile keys change nothing", () => {
  const file = JSON.parse('{"__proto__": {"points": [[1,2,3]], "labels": [0]}}');
  assert.throws(() => parseLatentPoints(file), { code: "keys" });
  const more = JSON.parse('{"points": [[1,2,3]], "labels": [0], "__proto__": [7], "constructor": [8]}');
  assert.deepEqual([...parseLatentPoints(more).numbers.keys()], ["__proto__", "constructor"]);
  assert.equal(/** @type {any} */ ({}).points, undefined);
});

test("models and assets that do not belong together", () => {
  const file = parseInteractiveAssets(assets({ checkpoint_sha256: "aa" }));
  const fits = { latentDim: 2, pixels: 4, checkpointSha256: "aa" };
  checkBelongTogether(file, fits, fits);
  checkBelongTogether(file, fits, { ...fits, checkpointSha256: "" });
  for (const change of [{ latentDim: 3 }, { pixels: 784 }, { checkpointSha256: "bb" }]) {
    assert.throws(() => checkBelongTogether(file, fits, { ...fits, ...change }), { code: "mismatch" });
    assert.throws(() => checkBelongTogether(file, { ...fits, ...change }, fits), { code: "mismatch" });
  }
});
