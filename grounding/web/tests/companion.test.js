import assert from "node:assert/strict";
import { test } from "node:test";

import { companionValue, parseLatentPoints } from "../src/assets.js";
import { SEARCHED_CHARACTERS, arraysOf, endOf, findCompanion, headerOf } from "../src/companion.js";

/**
 * The layout written out by hand: preamble, header, padding, arrays at multiples of 8.
 * @param {any} header @param {[number, ArrayBufferView][]} parts place -> array
 * @param {number} [size]
 */
function file(header, parts, size = 1024) {
  const bytes = new Uint8Array(size);
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  bytes.set(new TextEncoder().encode("GRNDBIN1"));
  new DataView(bytes.buffer).setUint32(8, text.length, true);
  bytes.set(text, 16);
  for (const [place, array] of parts) bytes.set(new Uint8Array(array.buffer), place);
  return bytes.buffer;
}

const ARRAYS = {
  points: { dtype: "float32", shape: [2, 3], offset: 800, bytes: 24 },
  labels: { dtype: "int32", shape: [2], offset: 824, bytes: 8 },
  thumbnails: { dtype: "uint8", shape: [2, 4], offset: 832, bytes: 8 },
};
const META = { experiment: "e", num_points: 2, image_shape: [1, 2, 2] };
/** @type {[number, ArrayBufferView][]} */
const PARTS = [
  [800, Float32Array.from([1, 2, 3, 4, 5, 6.5])],
  [824, Int32Array.from([7, 9])],
  [832, Uint8Array.from([0, 1, 2, 3, 255, 254, 253, 252])],
];

test("arrays are read where the header says, as views", () => {
  const buffer = file({ id: "abc", meta: META, arrays: ARRAYS }, PARTS);
  const header = headerOf(new Uint8Array(buffer));
  assert(header);
  const { id, meta } = header;
  const arrays = arraysOf(header, buffer);
  assert.equal(id, "abc");
  assert.deepEqual(meta, META);
  assert.deepEqual([...arrays.points.data], [1, 2, 3, 4, 5, 6.5]);
  assert.equal(arrays.points.data.buffer, buffer);
  const points = parseLatentPoints(companionValue({ id, meta, arrays }));
  assert.deepEqual([...points.labels], [7, 9]);
  assert.deepEqual([...(points.thumbnails?.data ?? [])].slice(4), [255, 254, 253, 252]);
  assert.deepEqual(points.thumbnails?.shape, [1, 2, 2]);
});

test("while the file comes in: everything but the thumbnails", () => {
  const bytes = new Uint8Array(file({ id: "abc", meta: META, arrays: ARRAYS }, PARTS));
  assert.equal(headerOf(bytes.subarray(0, 15)), null);
  assert.equal(headerOf(bytes.subarray(0, 100)), null);
  const header = headerOf(bytes.subarray(0, 400));
  assert(header);
  assert.deepEqual([endOf(header), endOf(header, "thumbnails"), endOf(header, "points")], [840, 832, 840]);
  const arrays = arraysOf(header, bytes.buffer.slice(0, 832));
  assert.deepEqual([...arrays.labels.data], [7, 9]);
  const { thumbnails } = parseLatentPoints(companionValue({ ...header, arrays }));
  assert.deepEqual(thumbnails, { data: new Uint8Array(), shape: [1, 2, 2], loaded: 0 });
});

/** @type {Record<string, any>} */
const BROKEN = {
  "no JSON": "{",
  "a list": "[]",
  "no id": { meta: {}, arrays: {} },
  "arrays as a list": { id: "a", meta: {}, arrays: [] },
  "an unknown type": { id: "a", meta: {}, arrays: { points: { ...ARRAYS.points, dtype: "toString" } } },
  "a negative shape": { id: "a", meta: {}, arrays: { points: { ...ARRAYS.points, shape: [-2, -3] } } },
  "a huge shape": { id: "a", meta: {}, arrays: { points: { ...ARRAYS.points, shape: [2 ** 52, 3] } } },
  "a size that does not fit": { id: "a", meta: {}, arrays: { points: { ...ARRAYS.points, bytes: 20 } } },
  "an odd place": { id: "a", meta: {}, arrays: { points: { ...ARRAYS.points, offset: 801 } } },
  "a place in the header": { id: "a", meta: {}, arrays: { points: { ...ARRAYS.points, offset: 16 } } },
};

for (const [name, header] of Object.entries(BROKEN)) {
  test(`refused: ${name}`, () => {
    const bytes = new Uint8Array(file(header, PARTS));
    assert.throws(() => headerOf(bytes), { name: "PageError", code: "companion" });
  });
}

test("refused: another type, a header that is too long", () => {
  const long = new Uint8Array(file({}, []));
  new DataView(long.buffer).setUint32(8, 2 ** 31, true);
  for (const bytes of [new Uint8Array(64), long]) {
    assert.throws(() => headerOf(bytes), { code: "companion" });
  }
});

const ENTRY = '"companion":{"file":"a_b.bin","id":"0f","bytes":12}';
const FOUND = { file: "a_b.bin", id: "0f", bytes: 12 };

test("the entry is found as soon as it is complete, wherever the text is cut", () => {
  const text = `{"a":"x\\"},{","b" : {"companion":{"file":"no.bin","id":"","bytes":1}}, "c":[1,[2]], ${ENTRY}, "points":[[1`;
  const complete = text.indexOf(ENTRY) + ENTRY.length;
  for (let end = 0; end <= text.length; end++) {
    const expected = end > complete ? FOUND : "more";
    assert.deepEqual(findCompanion(text.slice(0, end)), expected, text.slice(0, end));
  }
});

test("no entry", () => {
  assert.equal(findCompanion("[1, 2]"), "none");
  assert.equal(findCompanion("<html>"), "none");
  const long = `{"points":[${"1,".repeat(SEARCHED_CHARACTERS)}`;
  assert.equal(findCompanion(long.slice(0, SEARCHED_CHARACTERS)), "none");
});

test("entries that leave the folder or are incomplete are not used", () => {
  for (const name of ["../a.bin", "/a.bin", "a/b.bin", "a\\\\b.bin", "https://x/a.bin", "a.json", ".bin", "a?b.bin", "a%2fb.bin"]) {
    assert.equal(findCompanion(`{"companion":{"file":"${name}","id":"0","bytes":1},`), "none", name);
  }
  for (const entry of ["null", "[]", '"a.bin"', "7", '{"file":"a.bin"}', '{"file":"a.bin","id":1,"bytes":2}']) {
    assert.equal(findCompanion(`{"companion":${entry},`), "none", entry);
  }
});
