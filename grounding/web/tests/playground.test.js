import assert from "node:assert/strict";
import { test } from "node:test";

import { classesOf } from "../src/classes.js";
import { baseImage, baseWords, canDraw, ownReference, possibleSource, sampleReference, sampleWords } from "../src/playground/base.js";
import { axisOf, placeOf } from "../src/playground/gauge.js";
import { cropOf, imageOfPixels } from "../src/playground/own_image.js";
import { isPair, sensiblePair } from "../src/playground/pair.js";
import { LONGEST, simplified, strokesFromText, strokesToText, tidied, withoutLast } from "../src/playground/strokes.js";
import { haloSize, probeScene } from "../src/playground/scene.js";
import { distanceWords, driftWords, offManifoldWords, trailWords, votesWords } from "../src/playground/words.js";

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

const scale = { own: Float64Array.of(0.1, 0.2, 0.3), unit: 0.2 };
const nameOf = (/** @type {number} */ label) => ["cat", "dog"][label] ?? String(label);

test("off the manifold, in words", () => {
  const words = (/** @type {number} */ quantile) => offManifoldWords({ quantile, ratio: 2 }, scale);
  assert.deepEqual(words(0.5), { verdict: "On the known manifold", detail: "Farther than 50 % of the references", isOff: false });
  assert.deepEqual([words(0.934).verdict, words(0.934).isOff], ["At its edge", false]);
  assert.match(words(0.998).detail, /99\.8 %/);
  assert(words(1).isOff);
  assert.match(words(1).detail, /than any reference/);
  assert.equal(offManifoldWords(null, null).verdict, "Measuring …");
  assert.equal(offManifoldWords(null, { own: Float64Array.of(), unit: null }).verdict, "Nothing to compare with");
});

test("distance and drift have one unit", () => {
  assert.equal(distanceWords(0.2, scale), "1.00 ×");
  assert.equal(driftWords(0.25, scale), "Drift |E(D(z)) − z| 1.25 ×");
  assert.equal(distanceWords(31.41, scale), "157 ×");
  assert.equal(distanceWords(1e-9, scale), "< 0.01 ×");
  assert.equal(distanceWords(0.2, null), "…");
  // Nothing to measure in: the number itself.
  assert.equal(distanceWords(0.2, { own: Float64Array.of(0), unit: null }), "0.200");
});

test("votes and trails, in words", () => {
  assert.equal(votesWords([{ label: 3, count: 9 }, { label: 1, count: 2 }, { label: 0, count: 1 }], nameOf), "9 of 12 are 3, 2 are dog, 1 is cat");
  assert.equal(votesWords([], nameOf), "There is no other reference.");
  assert.equal(trailWords({ settled: true, drifts: [0.2], limit: 9, distance: 0.2 }, scale), "At rest after 1 step: the last one was 1.00 × long. It is now 1.00 × from where it started.");
  assert.match(trailWords({ settled: false, drifts: [1, 0.5], limit: 2, distance: 1.5 }, scale), /^Still moving after all 2 steps: the last one was 2.50 × long/);
});

test("the axis of distances grows with every one of them, without an end", () => {
  const axis = axisOf([0, 0.3, 1, 1.6]);
  assert.deepEqual(axis, { low: -2, high: 3 });
  const places = [0, 0.3, 1, 2, 8, 50, 1000, 1e9].map((ratio) => placeOf(ratio, axis));
  for (let i = 1; i < places.length; i++) assert(places[i] > places[i - 1]);
  assert(places[places.length - 1] <= 1);
  // Powers of two are evenly apart, up to nine tenths of the width.
  assert(Math.abs(placeOf(2, axis) - placeOf(1, axis) - 0.18) < 1e-9 && Math.abs(placeOf(8, axis) - 0.9) < 1e-9);
  assert.deepEqual(axisOf([]), { low: -2, high: 3 });
});

test("the marker says what the readouts say", () => {
  const places = { points: new Float32Array(6), labels: Int32Array.of(0, 1) };
  const classes = classesOf({ labels: places.labels, hasLabels: true, classNames: new Map(), palette: null });
  const marks = (/** @type {any} */ offManifold) => {
    const placed = { position: [0, 0, 0], indices: Int32Array.of(1), weights: Float64Array.of(1), offManifold };
    return probeScene(/** @type {any} */ (placed), places, classes, "light").markers.slice(1);
  };
  const [near, far] = [marks({ quantile: 0.5, ratio: 1 }), marks({ quantile: 1, ratio: 7 })];
  assert.deepEqual([near, far].map((two) => two.map(({ shape }) => shape)), [["halo", "disc"], ["halo", "ring"]]);
  assert.equal(near[0].size, haloSize(1));
  assert.equal(far[0].size - near[0].size, haloSize(7) - haloSize(1));
  assert.equal(haloSize(3) - haloSize(1), haloSize(7) - haloSize(3));
  assert.deepEqual(marks(null).map(({ shape }) => shape), ["halo", "disc"]);
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
  hasLabels: true,
  classNames: new Map(),
  isDigits: false,
  indices: Int32Array.of(40, 41, 42),
  sampleLabels: Int32Array.of(5, 6),
  sampleIndices: null,
  novelty: [],
  digitSamples: Float32Array.from([0, 0.25, 51 / 255, 0]),
  thumbnails: thumbnails ? { data: Uint8Array.from([0, 0, 0, 255, 51, 0]), shape: [1, 1, 2], loaded: 3 } : null,
});
/** @type {import("../src/playground/base.js").Own} */
const own = { strokes: [], image: null, sample: 1 };
const state = /** @type {const} */ ({ source: "digit", digit: 0, reference: 2, normalize: false });

test("a probe begins with a sample, a reference, a drawing or an image", () => {
  assert.deepEqual([...baseImage(state, assets(), own)], [0, 0.25]);
  const second = [...Float32Array.from([0.2, 0])];
  for (const digit of [null, 9]) assert.deepEqual([...baseImage({ ...state, digit }, assets(), own)], second);
  assert.deepEqual([...baseImage({ ...state, source: "reference" }, assets(), own)], second);
  assert.deepEqual([...baseImage({ ...state, source: "drawing" }, assets(), own)], [0, 0]);
  const image = { values: Float32Array.of(0.5, 1), name: "cat.png" };
  assert.equal(baseImage({ ...state, source: "image" }, assets(), { ...own, image }), image.values);
  assert.equal(possibleSource({ ...state, source: "image" }, assets(), own), "digit");
});

test("drawing makes sense for small images of one channel", () => {
  assert(canDraw([1, 28, 28]) && canDraw([1, 20, 48]));
  for (const shape of [[3, 28, 28], [2, 28, 28], [1, 28, 96]]) assert(!canDraw(shape));
  const colour = { ...assets(), imageShape: [3, 1, 2] };
  assert.equal(possibleSource({ ...state, source: "drawing" }, colour, own), "digit");
});

test("what it begins with is called by its class", () => {
  const classes = (/** @type {any} */ file) => classesOf({ ...file, palette: null });
  const named = { ...assets(), classNames: new Map([[5, "dog"], [7, "cat"]]) };
  const words = (/** @type {any} */ file, /** @type {any} */ more = {}) => baseWords({ ...state, ...more }, file, own, classes(file));
  assert.equal(words(assets()), "sample of class 5");
  assert.equal(words(named), "sample of dog");
  assert.equal(words({ ...assets(), isDigits: true }), "digit sample 5");
  assert.equal(words(named, { source: "reference" }), "reference 2, labelled cat");
  const bare = { ...assets(), hasLabels: false, sampleLabels: null };
  assert.deepEqual([words(bare), words(bare, { source: "reference" })], ["sample 0", "reference 2"]);
  assert.equal(sampleWords({ ...assets(), isDigits: true }, 1, String), "digit sample 6");
});

test("a sample or a reference is told from its neighbours", () => {
  // By its position in the split.
  const told = { ...assets(), sampleIndices: Int32Array.of(41, -1) };
  assert.deepEqual([0, 1].map((sample) => sampleReference(told, sample)), [1, -1]);
  // By its pixels: 51, 0 are those of reference 2, once its thumbnail is there.
  const loading = assets();
  assert.deepEqual([0, 1].map((sample) => sampleReference(loading, sample)), [-1, 2]);
  loading.thumbnails.loaded = 2;
  assert.equal(sampleReference(loading, 1), -1);
  assert.equal(sampleReference(assets(false), 1), -1);
  assert.equal(ownReference(state, told, own), 1);
  assert.equal(ownReference({ ...state, source: "reference" }, told, own), 2);
  assert.equal(ownReference({ ...state, source: "drawing" }, told, own), -1);
});

test("a reference without a thumbnail cannot be taken", () => {
  const taken = /** @type {const} */ ({ ...state, source: "reference" });
  assert.equal(possibleSource(taken, assets(false), own), "digit");
  assert.equal(possibleSource({ ...taken, reference: 3 }, assets(), own), "digit");
  assert.equal(possibleSource(taken, assets(), own), "reference");
  const half = assets();
  half.thumbnails.loaded = 2;
  assert.equal(possibleSource(taken, half, own), "digit");
});

test("an image file is cropped in its middle to the model's shape", () => {
  assert.deepEqual(cropOf(400, 300, [3, 28, 28]), { x: 50, y: 0, width: 300, height: 300 });
  assert.deepEqual(cropOf(480, 480, [1, 20, 48]), { x: 0, y: 140, width: 480, height: 200 });
  assert.deepEqual(cropOf(48, 20, [1, 20, 48]), { x: 0, y: 0, width: 48, height: 20 });
});

test("its pixels are averaged, and become as many channels as the model has", () => {
  /** @param {ArrayLike<number>} actual @param {number[]} expected */
  const close = (actual, expected) => {
    assert.equal(actual.length, expected.length);
    expected.forEach((value, i) => assert(Math.abs(actual[i] - value) < 1e-6, `${Array.from(actual)}`));
  };
  const one = [255, 0, 51, 255];
  close(imageOfPixels(one, 1, [3, 1, 1]), [1, 0, 0.2]);
  close(imageOfPixels(one, 1, [4, 1, 1]), [1, 0, 0.2, 1]);
  close(imageOfPixels(one, 1, [1, 1, 1]), [0.299 + 0.114 * 0.2]);
  close(imageOfPixels(one, 1, [1, 1, 1], { invert: true }), [1 - 0.299 - 0.114 * 0.2]);
  // Half of it is transparent: white without alpha, and of no weight in the colour with it.
  const half = [255, 0, 51, 255, 9, 9, 9, 0];
  const square = [...half, ...half];
  close(imageOfPixels(square, 2, [3, 1, 1]), [1, 0.5, 0.6]);
  close(imageOfPixels(square, 2, [4, 1, 1]), [1, 0, 0.2, 0.5]);
  close(imageOfPixels(square, 2, [2, 1, 1]), [0.299 + 0.114 * 0.2, 0.5]);
  // Two pixels side by side, each 2 x 2 finer ones.
  const rows = [0, 0, 255, 255, 0, 0, 255, 255].flatMap((grey) => [grey, grey, grey, 255]);
  close(imageOfPixels(rows, 2, [1, 1, 2]), [0, 1]);
});
