import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { parseLatentPoints } from "../src/assets.js";
import { loadFile } from "../src/loading.js";
import { ARRAYS, HEADER, META, safetensors } from "./safetensors_file.js";

const PLAIN = { ...META, points: [[1, 2, 3], [4, 5, 6.5]], labels: [7, 9] };
const BYTES = safetensors(HEADER, ARRAYS);
const ENTRY = { file: "x.safetensors", bytes: BYTES.length, id: "abc" };
const REAL_FETCH = globalThis.fetch;

afterEach(() => {
  globalThis.fetch = REAL_FETCH;
});

/**
 * A server that sends in pieces of ten bytes.
 * @param {Record<string, Uint8Array>} files by name
 * @param {{lengths?: Record<string, number | null>, endless?: string}} [options] lengths: what it says in
 *   place of the true length, null: nothing; endless: a file that never ends
 * @returns {Record<string, number>} bytes sent, by name
 */
function serve(files, { lengths = {}, endless } = {}) {
  /** @type {Record<string, number>} */
  const sent = {};
  globalThis.fetch = async (url) => {
    const name = new URL(String(url)).pathname.slice(1);
    const file = files[name];
    if (!file) return new Response(null, { status: 404 });
    sent[name] = 0;
    const body = new ReadableStream({
      pull(controller) {
        const piece = file.slice(sent[name], sent[name] + 10);
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

test("points are there before the thumbnails, which follow", async () => {
  const sent = serve({ "x.json": json({ arrays: ENTRY, ...PLAIN }), "x.safetensors": BYTES });
  const { points, thumbnails, notices } = await load();
  assert.deepEqual(points.thumbnails, { data: new Uint8Array(), shape: [1, 2, 2], loaded: 0 });
  assert(sent["x.json"] < json({ arrays: ENTRY, ...PLAIN }).length);
  /** @type {[number, number[]][]} */
  const blocks = [];
  await thumbnails?.((offset, bytes) => blocks.push([offset, [...bytes]]));
  assert.deepEqual(blocks, [[0, [...ARRAYS[2]]]]);
  assert.deepEqual(notices, []);
});

test("from a server that tells no length: all at once", async () => {
  serve({ "x.json": json({ arrays: ENTRY, ...PLAIN }), "x.safetensors": BYTES }, { lengths: { "x.safetensors": null } });
  const { points, thumbnails } = await load();
  assert.equal(thumbnails, null);
  assert.deepEqual(points.thumbnails?.data, ARRAYS[2]);
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

const LONGER = { ...HEADER, thumbnails: { dtype: "U8", shape: [2, 2 ** 39], data_offsets: [32, 32 + 2 ** 40] } };
/** @type {Record<string, [RegExp, Uint8Array | null, Parameters<typeof serve>[1]?]>} */
const UNUSABLE = {
  "not there": [/no file/, null],
  "of another JSON file": [/does not belong/, safetensors({ ...HEADER, __metadata__: { id: "abd", meta: "{}" } }, ARRAYS)],
  "cut off": [/cut off/, BYTES.subarray(0, -3)],
  "cut off, its length not told": [/cut off/, BYTES.subarray(0, -3), { lengths: { "x.safetensors": null } }],
  "announcing more than is there": [/cut off/, safetensors(LONGER, ARRAYS)],
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
