import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_POINTS, checkBelongTogether, parseInteractiveAssets, parseLatentPoints } from "../src/assets.js";
import { noveltyWords } from "../src/playground/words.js";

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

test("points are all a file needs, labels what most have", () => {
  const bare = parseLatentPoints({ points: POINTS.points });
  assert.deepEqual([bare.hasLabels, [...bare.labels], bare.classNames.size, bare.neighbors], [false, [0, 0], 0, null]);
  const file = parseLatentPoints(POINTS);
  assert(file.hasLabels);
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

test("how many points the split had", () => {
  const config = { data: { test_samples: 10_000 } };
  assert.equal(parseLatentPoints({ ...POINTS, split: "test", config }).about.available, 10_000);
  assert.equal(parseLatentPoints({ ...POINTS, split: "constructor", config }).about.available, null);
});

test("what a file says of its split counts before its config", () => {
  const { about } = parseLatentPoints({ ...POINTS, split: "test", split_size: 900, config: { data: { test_samples: 10_000 } } });
  assert.equal(about.available, 900);
});

test("the nearest others of each point, from either file", () => {
  const wanted = { rows: Int32Array.from([1, 0]), each: 1 };
  assert.deepEqual(parseLatentPoints({ ...POINTS, neighbors: [[1], [0]] }).neighbors, wanted);
  assert.deepEqual(parseLatentPoints({ ...POINTS, neighbors: { shape: [2, 1], data: Int32Array.from([1, 0]) } }).neighbors, wanted);
});

test("only sets of digits are called that", () => {
  const images = { image_shape: [1, 28, 28] };
  const mnist = { data: { fingerprint: "ac89dbc26b7b0b5f68ff586bc0579a0c16e78b3436b0c71ccdd0169cbebf9ff7" } };
  const isDigits = (/** @type {Record<string, unknown>} */ more) => parseLatentPoints({ ...POINTS, ...more }).isDigits;
  assert(isDigits({ ...images, ...mnist }));
  for (const data of [{ source: "digits" }, { source: "emnist_mnist" }, { dataset: "emnist_digits" }]) assert(isDigits({ data: { fingerprint: "1" }, config: { data } }));
  assert(!isDigits({ ...images, data: { fingerprint: "1" }, config: { data: { dataset: "mnist" } } }));
  // Files that do not say: by what they look like.
  assert(isDigits(images));
  for (const more of [{ image_shape: [3, 28, 28] }, { image_shape: [1, 20, 48] }, {}]) assert(!isDigits(more));
  for (const more of [{ class_names: { 0: "T-shirt" } }, { labels: [3, 10] }, { has_labels: false }]) assert(!isDigits({ ...images, ...more }));
});

test("samples: their labels and positions, or what earlier files meant", () => {
  const file = parseInteractiveAssets(assets({ sample_labels: [-4, 5], sample_indices: [-1, 9] }));
  assert.deepEqual([[...(file.sampleLabels ?? [])], [...(file.sampleIndices ?? [])]], [[-4, 5], [-1, 9]]);
  assert.equal(parseInteractiveAssets(assets({ sample_labels: [0, 0], has_labels: false })).sampleLabels, null);
  const ten = parseInteractiveAssets(assets({ digit_samples: Array.from({ length: 10 }, () => [0, 0, 0, 1]) }));
  assert.deepEqual([...(ten.sampleLabels ?? [])], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(parseInteractiveAssets(assets()).sampleLabels, null);
});

test("latents that a file leaves out follow from the raw ones", () => {
  for (const [isUnit, wanted] of /** @type {[boolean, number[]][]} */ ([[true, [1, 0, 0, 1]], [false, [2, 0, 0, 3]]])) {
    const { reference_latents: _, ...given } = assets({ l2_normalized: isUnit });
    const file = parseInteractiveAssets(given);
    assert.deepEqual([[...file.latents], [...file.rawLatents]], [wanted, [2, 0, 0, 3]]);
  }
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
  "no points": ["keys", { labels: [1] }],
  "no rows": ["shape", { points: [], labels: [] }],
  "points as text": ["shape", { points: "<img>", labels: [] }],
  "ragged rows": ["shape", { ...POINTS, points: [[1, 2, 3], [4, 5]] }],
  "a row of text": ["shape", { ...POINTS, points: [[1, 2, 3], "456"] }],
  "a number as text": ["value", { ...POINTS, points: [[1, 2, 3], [4, "5", 6]] }],
  "null for a number": ["value", { ...POINTS, points: [[1, 2, 3], [4, null, 6]] }],
  "too large for 32 bits": ["value", { ...POINTS, points: [[1, 2, 3], [4, 1e39, 6]] }],
  "too few labels": ["shape", { ...POINTS, labels: [1] }],
  "a label beyond 32 bits": ["value", { ...POINTS, labels: [1, 2 ** 31] }],
  "a name of no label": ["value", { ...POINTS, class_names: { dog: "0" } }],
  "a name that is no text": ["value", { ...POINTS, class_names: { 0: 1 } }],
  "a palette of words": ["value", { ...POINTS, palette: ["red"] }],
  "an empty palette": ["value", { ...POINTS, palette: [] }],
  "a neighbour that is not there": ["value", { ...POINTS, neighbors: [[1], [2]] }],
  "neighbours of some points": ["value", { ...POINTS, neighbors: [[1]] }],
  "ragged neighbours": ["value", { ...POINTS, neighbors: [[1], []] }],
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

test("how good the meter is comes with the file, or is not said", () => {
  assert.deepEqual(parseInteractiveAssets(assets()).novelty, []);
  const told = { noise: 1, "rotated by 180": 0.568, worse: 1.2, text: "0.5", [`x${"y".repeat(50)}`]: 0.5 };
  assert.deepEqual(parseInteractiveAssets(assets({ novelty_auroc: told })).novelty, [["noise", 1], ["rotated by 180", 0.568]]);
  assert.deepEqual(parseInteractiveAssets(assets({ novelty_auroc: "high" })).novelty, []);
  assert.equal(noveltyWords([], true), "");
  const words = noveltyWords([["noise", 1], ["rotated by 180", 0.568]], true);
  assert.match(words, /against new digits, by AUROC .*: noise 1\.00, rotated by 180 0\.57\.$/);
  assert.match(noveltyWords([["noise", 1]], false), /new images/);
});
