import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { parseLatentPoints } from "../src/assets.js";
import { loadFile } from "../src/loading.js";
import { ARRAYS, HEADER, META, safetensors } from "./safetensors_file.js";

const PLAIN = { ...META, points: [[1, 2, 3], [4, 5, 6.5]], labels: [7, 9] };
const { thumbnails: PLACE, ...FIRST } = HEADER;
const BYTES = safetensors(FIRST, ARRAYS.slice(0, 2));
const PICTURES = safetensors({ __metadata__: { id: "abc" }, thumbnails: { ...PLACE, data_offsets: [0, 8] } }, ARRAYS.slice(2));
const ENTRY = { file: "x.safetensors", bytes: BYTES.length, id: "abc", thumbnails: { file: "y.safetensors", bytes: PICTURES.length, shape: [2, 1, 2, 2] } };
const REAL_FETCH = globalThis.fetch;

afterEach(() => {
  globalThis.fetch = REAL_FETCH;
});

/**
 * A server that sends in pieces.
 * @param {Record<string, Uint8Array>} files by name
 * @param {{lengths?: Record<string, number | null>, endless?: string, piece?: number}} [options] lengths: what it says in
 *   place of the true length, null: nothing; endless: a file that never ends
 * @returns {Record<string, number>} bytes sent, by name
 */
function serve(files, { lengths = {}, endless, piece: step = 10 } = {}) {
  /** @type {Record<string, number>} */
  const sent = {};
  globalThis.fetch = async (url) => {
    const name = new URL(String(url)).pathname.slice(1);
    const file = files[name];
    if (!file) return new Response(null, { status: 404 });
    sent[name] = 0;
    const body = new ReadableStream({
      pull(controller) {
        const piece = file.slice(sent[name], sent[name] + step);
        sent[name] += piece.length;
        if (piece.length) return controller.enqueue(piece);
        if (name !== endless) return controller.close();
        sent[name] += 10;
        controller.enqueue(new Uint8Array(10));
      },
    });
    const length = name in lengths ? lengths[name] : file.length;
    const response = new Response(body, { headers: length === null ? {} : { "content-length": String(length) } });
    return Object.defineProperty(response, "url", { value: String(url) });
  };
  return sent;
}

/** @param {unknown} value */
const json = (value) => new TextEncoder().encode(JSON.stringify(value));

async function load() {
  /** @type {string[]} */
  const notices = [];
  const onNotice = (/** @type {string} */ text) => void notices.push(text);
  const { value, thumbnails } = await loadFile(new URL("http://h/x.json"), "points", { onProgress: () => {}, onNotice });
  const points = parseLatentPoints(value);
  assert.deepEqual([[...points.points], [...points.labels]], [PLAIN.points.flat(), PLAIN.labels]);
  return { points, thumbnails, notices };
}

/** @param {import("../src/loading.js").Rest | null} thumbnails */
async function blocksOf(thumbnails) {
  /** @type {[number, number[]][]} */
  const blocks = [];
  await thumbnails?.((offset, bytes) => blocks.push([offset, [...bytes]]));
  return blocks;
}

test("points are there before the thumbnails, which nobody asks for until then", async () => {
  const files = { "x.json": json({ arrays: ENTRY, ...PLAIN }), "x.safetensors": BYTES, "y.safetensors": PICTURES };
  const sent = serve(files);
  const { points, thumbnails, notices } = await load();
  assert.deepEqual(points.thumbnails, { data: new Uint8Array(), shape: [1, 2, 2], loaded: 0 });
  assert(sent["x.json"] < files["x.json"].length);
  assert.equal(sent["y.safetensors"], undefined);
  assert.deepEqual(await blocksOf(thumbnails), [[0, [...ARRAYS[2]]]]);
  assert.deepEqual(notices, []);
});

test("thumbnails that no manifest knows come block by block", async () => {
  const shape = [2, 1, 1024, 1024];
  const data = Uint8Array.from({ length: 2 ** 21 }, (_, i) => i % 251);
  const pictures = safetensors({ __metadata__: { id: "abc" }, thumbnails: { dtype: "U8", shape: [2, 2 ** 20], data_offsets: [0, 2 ** 21] } }, [data]);
  const meta = { ...META, image_shape: shape.slice(1) };
  const first = safetensors({ ...FIRST, __metadata__: { id: "abc", meta: JSON.stringify(meta) } }, ARRAYS.slice(0, 2));
  const entry = { ...ENTRY, bytes: first.length, thumbnails: { file: "y.safetensors", bytes: pictures.length, shape } };
  for (const length of [pictures.length, null]) {
    serve({ "x.json": json({ arrays: entry, ...PLAIN, ...meta }), "x.safetensors": first, "y.safetensors": pictures }, { lengths: { "y.safetensors": length }, piece: 300_000 });
    const blocks = await blocksOf((await load()).thumbnails);
    // Of a length that nobody tells, nothing is shown before it is all there.
    assert.deepEqual(blocks.map(([offset]) => offset), length ? [0, 2 ** 20] : [0]);
    assert.deepEqual(Uint8Array.from(blocks.flatMap(([, bytes]) => bytes)), data);
  }
});

/** @type {Record<string, [RegExp, Uint8Array | null, Parameters<typeof serve>[1]?]>} */
const NO_PICTURES = {
  "not there": [/no file/, null],
  "of another JSON file": [/does not belong/, safetensors({ __metadata__: { id: "abd" }, thumbnails: { ...PLACE, data_offsets: [0, 8] } }, ARRAYS.slice(2))],
  "for other points": [/one image for each/, safetensors({ __metadata__: { id: "abc" }, thumbnails: { dtype: "U8", shape: [1, 4], data_offsets: [0, 4] } }, [Uint8Array.of(1, 2, 3, 4)])],
  "of another type": [/one image for each/, safetensors({ __metadata__: { id: "abc" }, thumbnails: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }, [new Float32Array(2)])],
  "cut off": [/cut off/, PICTURES.subarray(0, -3)],
  "cut off on the way": [/cut off/, PICTURES.subarray(0, -3), { lengths: { "y.safetensors": PICTURES.length } }],
  "too large": [/larger than/, PICTURES, { lengths: { "y.safetensors": 2e9 } }],
};

for (const [name, [words, bytes, options]] of Object.entries(NO_PICTURES)) {
  test(`thumbnails that are ${name}: the points are there, and the reason is said`, async () => {
    serve({ "x.json": json({ arrays: ENTRY, ...PLAIN }), "x.safetensors": BYTES, ...(bytes && { "y.safetensors": bytes }) }, options);
    const { thumbnails } = await load();
    await assert.rejects(blocksOf(thumbnails), words);
  });
}

test("thumbnails within the arrays file, as earlier versions wrote them", async () => {
  const whole = safetensors(HEADER, ARRAYS);
  const entry = { file: "x.safetensors", bytes: whole.length, id: "abc" };
  for (const length of [whole.length, null]) {
    serve({ "x.json": json({ arrays: entry, ...PLAIN }), "x.safetensors": whole }, { lengths: { "x.safetensors": length } });
    const { points, thumbnails } = await load();
    assert.equal(thumbnails, null);
    assert.deepEqual(points.thumbnails, { data: ARRAYS[2], shape: [1, 2, 2], loaded: 2 });
  }
});

test("the JSON alone: of another program, or of an earlier version", async () => {
  const earlier = { file: "x.bin", id: "0".repeat(64), bytes: 999 };
  for (const value of [PLAIN, { companion: earlier, ...PLAIN }]) {
    const sent = serve({ "x.json": json(value), "x.bin": new TextEncoder().encode("GRNDBIN1") });
    const { points, notices } = await load();
    assert.equal(points.thumbnails, null);
    assert.deepEqual(notices, []);
    assert.deepEqual(Object.keys(sent), ["x.json"]);
  }
});

test("a JSON file of nothing but lists is refused before it is parsed", async () => {
  const lists = new Uint8Array(6_000_000).map((_, i) => "[],"[i % 3].charCodeAt(0));
  globalThis.fetch = async (url) => Object.defineProperty(new Response(lists), "url", { value: String(url) });
  await assert.rejects(load(), { name: "PageError", code: "too-many", message: /too many values/ });
});

const LONGER = { ...FIRST, more: { dtype: "U8", shape: [2, 2 ** 39], data_offsets: [32, 32 + 2 ** 40] } };
/** @type {Record<string, [RegExp, Uint8Array | null, Parameters<typeof serve>[1]?]>} */
const UNUSABLE = {
  "not there": [/no file/, null],
  "of another JSON file": [/does not belong/, safetensors({ ...FIRST, __metadata__: { id: "abd", meta: "{}" } }, ARRAYS.slice(0, 2))],
  "cut off": [/cut off/, BYTES.subarray(0, -3)],
  "cut off, its length not told": [/cut off/, BYTES.subarray(0, -3), { lengths: { "x.safetensors": null } }],
  "announcing more than is there": [/cut off/, safetensors(LONGER, ARRAYS.slice(0, 2))],
  "shorter than its header's length": [/cut off/, new Uint8Array(5)],
  "endless": [/longer than its arrays/, BYTES, { lengths: { "x.safetensors": 500 }, endless: "x.safetensors" }],
  "endless zeros": [/header/, new Uint8Array(10), { lengths: { "x.safetensors": null }, endless: "x.safetensors" }],
  "too large": [/larger than/, BYTES, { lengths: { "x.safetensors": 2e9 } }],
};

for (const [name, [words, bytes, options]] of Object.entries(UNUSABLE)) {
  test(`the JSON file in place of an arrays file that is ${name}`, async () => {
    const files = { "x.json": json({ arrays: ENTRY, ...PLAIN }), ...(bytes && { "x.safetensors": bytes }) };
    const sent = serve(files, options);
    const { notices } = await load();
    assert.match(notices.join(), words);
    assert.match(notices.join(), /JSON file was read in its place/);
    assert((sent["x.safetensors"] ?? 0) < 1_000);
  });
}
