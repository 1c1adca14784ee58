import assert from "node:assert/strict";
import { test } from "node:test";

import { checkpointSha256, onnxMetadata } from "../src/onnx.js";

const encode = (/** @type {string} */ text) => [...new TextEncoder().encode(text)];
/** @param {string} key @param {string} value field 14: key is field 1, value field 2 */
function property(key, value) {
  const entry = [0x0a, key.length, ...encode(key), 0x12, value.length, ...encode(value)];
  return [0x72, entry.length, ...entry];
}

test("properties among other fields of every kind", () => {
  const bytes = Uint8Array.from([
    0x08, 0x96, 0x01, // field 1, varint 150
    0x3a, 2, 0x72, 0x05, // field 7, bytes that look like field 14
    ...property("half", "encoder"),
    0x11, 1, 2, 3, 4, 5, 6, 7, 8, // field 2, 64 bits
    0x1d, 1, 2, 3, 4, // field 3, 32 bits
    ...property("made_from", '{"checkpoint_sha256": "0f0f"}'),
  ]);
  const metadata = onnxMetadata(bytes);
  assert.equal(metadata.get("half"), "encoder");
  assert.equal(checkpointSha256(metadata), "0f0f");
});

test("only a hundred short properties are read, whatever else there is", () => {
  const long = Uint8Array.from([0x72, 0x84, 0x40, ...new Array(8196).fill([0x0a, 0x00]).flat()]);
  const many = Array.from({ length: 300 }, (_, i) => property(`k${i}`, "v")).flat();
  const metadata = onnxMetadata(Uint8Array.from([...long, ...many]));
  assert.deepEqual([metadata.size, metadata.get("k99"), metadata.has("k100")], [100, "v", false]);
});

test("files that are no models, and metadata that is no JSON, say nothing", () => {
  for (const bytes of [[], encode("<!doctype html>"), [0x72, 200, 1], new Array(40).fill(0xff), [0x0b]]) {
    assert.equal(onnxMetadata(Uint8Array.from(bytes)).size, 0);
  }
  for (const value of ["", "{", "null", '{"checkpoint_sha256": 5}']) {
    assert.equal(checkpointSha256(new Map([["made_from", value]])), "");
  }
  assert.equal(checkpointSha256(new Map()), "");
});
