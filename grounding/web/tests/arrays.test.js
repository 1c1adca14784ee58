import assert from "node:assert/strict";
import { test } from "node:test";

import { SEARCHED_CHARACTERS, findArrays, metaOf } from "../src/arrays.js";

test("meta is read from the metadata", () => {
  const metadata = { id: "abc", meta: '{"experiment": "é"}' };
  assert.deepEqual(metaOf({ metadata, places: {} }), { experiment: "é" });
});

for (const metadata of [{}, { meta: {} }, { meta: "[]" }, { meta: "{" }, { meta: "null" }]) {
  test(`metadata refused: ${JSON.stringify(metadata)}`, () => {
    assert.throws(() => metaOf({ metadata, places: {} }), { name: "PageError", code: "arrays" });
  });
}

const ENTRY = '"arrays":{"file":"a_b.safetensors","bytes":12,"id":"0f"}';
const FOUND = { file: "a_b.safetensors", id: "0f", bytes: 12 };

test("the entry is found as soon as it is complete, wherever the text is cut", () => {
  const text = `{"a":"x\\"},{","b" : {"arrays":{"file":"no.safetensors","id":"","bytes":1}}, "c":[1,[2]], ${ENTRY}, "points":[[1`;
  const complete = text.indexOf(ENTRY) + ENTRY.length;
  for (let end = 0; end <= text.length; end++) {
    const expected = end > complete ? FOUND : "more";
    assert.deepEqual(findArrays(text.slice(0, end)), expected, text.slice(0, end));
  }
});

test("the file of the thumbnails is found with it, if it may be used", () => {
  const found = (/** @type {string} */ thumbnails) => findArrays(`{"arrays":{"file":"a.safetensors","bytes":12,"id":"0f","thumbnails":${thumbnails}},`);
  const entry = { file: "b.safetensors", bytes: 4, shape: [2, 1, 1, 1] };
  assert.deepEqual(found(JSON.stringify(entry)), { file: "a.safetensors", id: "0f", bytes: 12, thumbnails: entry });
  for (const other of ["null", "7", "{}", { ...entry, file: "../b.safetensors" }, { ...entry, bytes: -1 }, { ...entry, shape: 8 }, { ...entry, shape: [2, -4] }]) {
    assert.equal(found(JSON.stringify(other)), "none", JSON.stringify(other));
  }
});

test("no entry", () => {
  assert.equal(findArrays("[1, 2]"), "none");
  assert.equal(findArrays("<html>"), "none");
  const long = `{"points":[${"1,".repeat(SEARCHED_CHARACTERS)}`;
  assert.equal(findArrays(long.slice(0, SEARCHED_CHARACTERS)), "none");
});

test("entries that leave the folder or are incomplete are not used", () => {
  for (const start of ["../a", "/a", "a/b", "a\\\\b", "https://x/a", "", ".a", "a?b", "a%2fb", "a#b"]) {
    const entry = `{"file":"${start}.safetensors","id":"0","bytes":1}`;
    assert.equal(findArrays(`{"arrays":${entry},`), "none", start);
  }
  for (const entry of ["null", "[]", '"a.safetensors"', "7", '{"file":"a.safetensors"}', '{"file":"a.safetensors","id":1,"bytes":2}', '{"file":"a.safetensors","id":"1","bytes":-2}', '{"file":"a.json","id":"1","bytes":2}']) {
    assert.equal(findArrays(`{"arrays":${entry},`), "none", entry);
  }
});
