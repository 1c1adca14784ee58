import assert from "node:assert/strict";
import { test } from "node:test";

import { baseImage, baseWords, possibleSource } from "../src/playground/base.js";
import { isPair, sensiblePair } from "../src/playground/pair.js";
import { LONGEST, simplified, strokesFromText, strokesToText, tidied, withoutLast } from "../src/playground/strokes.js";
import { offManifoldWords, trailWords, votesWords } from "../src/playground/words.js";

test("a drawing survives its text", () => {
  const strokes = [
    { radius: 80 / 1792, points: [0, 0, 51 / 255, 1, 1, 0.2] },
    { radius: 40 / 1792, points: [0.4, 0.6] },
  ];
  const text = strokesToText(strokes);
  assert.match(text, /^[\w-]+$/);
  assert.deepEqual(strokesFromText(text), strokes);
  assert.deepEqual(tidied(tidied(strokes)), tidied(strokes));
});

test("nonsense is no drawing", () => {
  for (const text of ["", "%%%", "<img>", "UAIAAP_", "AAAA", "A"]) assert.deepEqual(strokesFromText(text), []);
  assert.equal(strokesToText([]), "");
});

test("a long scribble still fits, in fewer corners", () => {
  const points = Array.from({ length: 6000 }, (_, i) => 0.5 + 0.4 * Math.sin(i * (i % 2 ? 0.013 : 0.017)));
  const text = strokesToText([{ radius: 0.04, points }]);
  assert(text.length > 100 && text.length <= LONGEST);
  const ends = strokesFromText(text).flatMap((stroke) => Array.from(stroke.points));
  assert(Math.abs(ends[0] - points[0]) < 0.003 && Math.abs(ends[ends.length - 1] - points[5999]) < 0.003);
});

test("only corners off the line stay", () => {
  assert.deepEqual(simplified([0, 0, 0.5, 0.001, 1, 0], 0.01), [0, 0, 1, 0]);
  assert.deepEqual(simplified([0, 0, 0.5, 0.1, 1, 0], 0.01), [0, 0, 0.5, 0.1, 1, 0]);
});

test("undo takes all pieces of a stroke", () => {
  const first = { radius: 0.04, points: [0, 0, 0.5, 0.5] };
  const pieces = [
    { radius: 0.04, points: [0.1, 0.1, 0.2, 0.2] },
    { radius: 0.05, points: [0.2, 0.2, 0.3, 0.3] },
  ];
  assert.deepEqual(withoutLast([first, ...pieces]), [first]);
  assert.deepEqual(withoutLast([first]), []);
  assert.deepEqual(withoutLast([]), []);
});

test("off the manifold, in words", () => {
  assert.match(offManifoldWords({ quantile: 0.934, ratio: 2.1 }).detail, /than 93 % of the references are from theirs \(2\.1 × the median\)/);
  assert.equal(offManifoldWords({ quantile: 0.5, ratio: 1 }).verdict, "On the known manifold");
  assert.equal(offManifoldWords({ quantile: 1, ratio: 4 }).verdict, "Off the known manifold");
  assert.match(offManifoldWords({ quantile: 1, ratio: 4 }).detail, /than any reference/);
  assert.match(offManifoldWords({ quantile: 0.998, ratio: 4 }).detail, /99\.8 %/);
  assert.equal(offManifoldWords(null).share, null);
});

test("votes and trails, in words", () => {
  assert.equal(votesWords([{ label: 3, count: 9 }, { label: 8, count: 2 }, { label: 5, count: 1 }]), "9 of 12 are 3, 2 are 8, 1 is 5");
  assert.equal(trailWords({ settled: true, drifts: [1] }, 1), "Settled after 1 step, 1.00 from where it started.");
  assert.match(trailWords({ settled: false, drifts: [1, 0.5] }, 1.5), /^Not settled after 2 steps: the last one was still 0.500 long/);
});

test("the first pair joins the classes farthest apart, at typical points", () => {
  // Class 1 about 0, class 4 about 3, class 7 about 10; the middle one of each is typical.
  const latents = Float32Array.from([-1, 0, 1, 2, 3, 4, 9, 10, 11]);
  const labels = Int32Array.from([1, 1, 1, 4, 4, 4, 7, 7, 7]);
  assert.deepEqual(sensiblePair(latents, labels, 1), [1, 7]);
  assert.deepEqual(sensiblePair(Float32Array.from([0, 5]), Int32Array.from([2, 2]), 1).sort(), [0, 1]);
  assert.deepEqual(sensiblePair(Float32Array.from([0]), Int32Array.from([2]), 1), [0, 0]);
  assert(isPair(0, 8, 9) && !isPair(0, 9, 9) && !isPair(null, 1, 9));
});

/** @returns {any} two samples of 1 × 2 pixels, three references */
const assets = (thumbnails = true) => ({
  count: 3,
  digits: 2,
  imageShape: [1, 1, 2],
  labels: Int32Array.from([5, 6, 7]),
  digitSamples: Float32Array.from([0, 0.25, 0.5, 1]),
  sampleLabels: Int32Array.from([5, 26]),
  thumbnails: thumbnails ? { data: Uint8Array.from([0, 0, 0, 255, 51, 0]), shape: [1, 1, 2], loaded: 3 } : null,
});

test("a probe begins with a sample, a reference or a drawing", () => {
  const state = /** @type {const} */ ({ source: "digit", digit: 1, reference: 2, normalize: false });
  assert.deepEqual([...baseImage(state, assets(), [])], [0.5, 1]);
  assert.deepEqual([...baseImage({ ...state, digit: 9 }, assets(), [])], [0.5, 1]);
  assert.deepEqual([...baseImage({ ...state, source: "reference" }, assets(), [])], [...Float32Array.from([0.2, 0])]);
  assert.deepEqual([...baseImage({ ...state, source: "drawing" }, assets(), [])], [0, 0]);
  assert.equal(baseWords({ ...state, source: "reference" }, assets()), "reference 2, labelled 7");
  assert.equal(baseWords(state, assets()), "digit sample 26");
});

test("a reference without a thumbnail cannot be taken", () => {
  const state = /** @type {const} */ ({ source: "reference", digit: 0, reference: 2, normalize: false });
  assert.equal(possibleSource(state, assets(false)), "digit");
  assert.equal(possibleSource({ ...state, reference: 3 }, assets()), "digit");
  assert.equal(possibleSource(state, assets()), "reference");
  const half = assets();
  half.thumbnails.loaded = 2;
  assert.equal(possibleSource(state, half), "digit");
});
