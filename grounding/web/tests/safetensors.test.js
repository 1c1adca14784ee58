import assert from "node:assert/strict";
import { test } from "node:test";

import { LENGTH_BYTES, arraysOf, headerEnd, headerOf } from "../src/safetensors.js";
import { ARRAYS, HEADER, safetensors } from "./safetensors_file.js";

/** @param {Uint8Array} bytes the whole file @param {number} [size] what it is said to have */
function headerIn(bytes, size = bytes.length) {
  return headerOf(bytes.subarray(0, headerEnd(bytes.subarray(0, LENGTH_BYTES), size)), size);
}

test("arrays are read where the header says, as views", () => {
  const bytes = safetensors(HEADER, ARRAYS);
  const header = headerIn(bytes);
  const arrays = arraysOf(header, bytes.buffer);
  assert.deepEqual(header.metadata, HEADER.__metadata__);
  assert.deepEqual([...arrays.points.data], [1, 2, 3, 4, 5, 6.5]);
  assert.deepEqual([...arrays.labels.data], [7, 9]);
  assert.deepEqual([...arrays.thumbnails.data].slice(4), [255, 254, 253, 252]);
  assert.deepEqual(arrays.points.shape, [2, 3]);
  assert.equal(arrays.points.data.buffer, bytes.buffer);
});

test("in any order, without metadata, and empty arrays", () => {
  const { points, labels } = HEADER;
  const none = { dtype: "U8", shape: [0, 4], data_offsets: [24, 24] };
  const bytes = safetensors({ labels, none, points }, ARRAYS.slice(0, 2));
  const header = headerIn(bytes);
  assert.deepEqual(header.metadata, {});
  assert.deepEqual([...arraysOf(header, bytes.buffer).labels.data], [7, 9]);
  assert.deepEqual({ ...headerIn(safetensors({})).places }, {});
});

const { points } = HEADER;
/** @type {Record<string, any>} */
const BROKEN = {
  "no JSON": "{",
  "a list": "[]",
  "null": "null",
  "metadata as text": { __metadata__: "x", points },
  "no description": { points: null },
  "an unknown type": { points: { ...points, dtype: "toString" } },
  "a type of other programs": { points: { ...points, dtype: "F64", shape: [3] } },
  "a negative shape": { points: { ...points, shape: [-2, -3] } },
  "a huge shape": { points: { ...points, shape: [2 ** 52, 3] } },
  "a shape as text": { points: { ...points, shape: "23" } },
  "a size that does not fit": { points: { ...points, shape: [2, 2] } },
  "no place": { points: { dtype: "F32", shape: [2, 3] } },
  "a place of three numbers": { points: { ...points, data_offsets: [0, 24, 24] } },
  "a place before the arrays": { points: { ...points, data_offsets: [-8, 16] } },
  "a place that ends before it begins": { points: { ...points, data_offsets: [24, 0] } },
  "more than is there": { points: { dtype: "U8", shape: [2 ** 40], data_offsets: [0, 2 ** 40] } },
  "a gap": { points: { dtype: "U8", shape: [16], data_offsets: [8, 24] } },
  "arrays that overlap": { points, more: { dtype: "U8", shape: [8], data_offsets: [16, 24] } },
  "bytes that belong to no array": { points: { dtype: "F32", shape: [5], data_offsets: [0, 20] } },
  "an array that is not aligned": {
    more: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
    points: { dtype: "F32", shape: [5], data_offsets: [1, 21] },
    rest: { dtype: "U8", shape: [3], data_offsets: [21, 24] },
  },
};

for (const [name, header] of Object.entries(BROKEN)) {
  test(`refused: ${name}`, () => {
    const bytes = safetensors(header, [new Float32Array(6)]);
    assert.throws(() => headerIn(bytes), { name: "PageError", code: "arrays" });
  });
}

test("refused: every length but the right one", () => {
  const bytes = safetensors(HEADER, ARRAYS);
  for (let size = 0; size < bytes.length + 16; size++) {
    if (size !== bytes.length) assert.throws(() => headerIn(bytes, size), { code: "arrays" }, `${size}`);
  }
});

test("refused before it is read: a header longer than the file, or than allowed", () => {
  const start = new Uint8Array(LENGTH_BYTES);
  for (const [length, size] of [[1_000n, 1_000], [1n << 25n, 1e9], [(1n << 64n) - 1n, Number.MAX_SAFE_INTEGER]]) {
    new DataView(start.buffer).setBigUint64(0, BigInt(length), true);
    assert.throws(() => headerEnd(start, Number(size)), { code: "arrays", message: /header is/ });
  }
  const earlier = new TextEncoder().encode("GRNDBIN1");
  assert.throws(() => headerEnd(earlier, 1e9), { code: "arrays" });
});

test("hostile names are names", () => {
  const entry = '{"dtype":"U8","shape":[4],"data_offsets":[0,4]}';
  const bytes = safetensors(`{"__proto__":${entry}}`, [Uint8Array.from([1, 2, 3, 4])]);
  const arrays = arraysOf(headerIn(bytes), bytes.buffer);
  assert.deepEqual(Object.keys(arrays), ["__proto__"]);
  assert.equal(/** @type {any} */ ({}).shape, undefined);
});
