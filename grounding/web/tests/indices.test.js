import assert from "node:assert/strict";
import { test } from "node:test";

import { indicesFromText, indicesToText } from "../src/indices.js";
import { uniformField } from "../src/rng.js";

const back = (/** @type {string} */ text) => indicesFromText(text)?.indices;

test("a few indices are written out, and links may be written by hand", () => {
  assert.equal(indicesToText([3, 7, 250]), "3.7.250");
  assert.deepEqual(indicesFromText("250.3.7.3"), { indices: [3, 7, 250], lost: 0 });
  assert.equal(indicesToText([]), "~00.");
  assert.deepEqual(indicesFromText("~00."), { indices: [], lost: 0 });
});

test("any set survives, dense or sparse, in about the bits that it takes", () => {
  for (const [some, of] of [[9, 10], [50, 10_000], [5000, 10_000], [9999, 10_000], [1000, 2_000_000], [12, 0x7fffffff]]) {
    const numbers = uniformField(some, 9, some);
    const all = [...new Set(Array.from(numbers, (share) => Math.floor(share * of)))].sort((a, b) => a - b);
    assert.deepEqual(back(indicesToText(all)), all, `${some} of ${of}`);
  }
  const every = Array.from({ length: 5000 }, (_, i) => i);
  assert.deepEqual(back(indicesToText(every)), every);
  // 100 gaps of 99, k = 6: one stop bit, one for the 64, six for the rest; 134 digits and the head.
  assert.equal(indicesToText(Array.from({ length: 100 }, (_, i) => 99 + 100 * i)).length, "~62s.".length + Math.ceil((100 * 8) / 6));
  const half = indicesToText(Array.from({ length: 5000 }, (_, i) => 2 * i));
  assert(half.length < 1700, String(half.length));
});

test("every cut gives the front of it and says what is lost", () => {
  const all = Array.from({ length: 60 }, (_, i) => i * i);
  const text = indicesToText(all);
  for (let end = text.indexOf(".") + 1; end <= text.length; end++) {
    const found = indicesFromText(text.slice(0, end));
    assert(found);
    assert.equal(found.indices.length + found.lost, all.length);
    assert.deepEqual(found.indices, all.slice(0, found.indices.length), text.slice(0, end));
  }
});

test("what is no such text is told", () => {
  for (const text of ["x", "~", "~zz.A", "1..2", "-1", "1,2", "~5.", "~500000000.A", "3 4", "<b>"]) assert.equal(indicesFromText(text), null, text);
  assert.deepEqual(indicesFromText("1.99999999999"), { indices: [1], lost: 1 });
  assert.deepEqual(indicesFromText("~0a."), { indices: [], lost: 10 });
  // Ones to the end: a gap without one.
  assert.deepEqual(indicesFromText("~0a.____"), { indices: [], lost: 10 });
});
