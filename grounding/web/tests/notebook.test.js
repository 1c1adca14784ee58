import assert from "node:assert/strict";
import { test } from "node:test";

import { askedBy } from "../src/notebook/files.js";

/** @typedef {import("../src/notebook/files.js").Question} Question */
/** @typedef {import("../src/notebook/files.js").Reply} Reply */

/** A kernel with one file, which answers later. @param {(question: Question) => Omit<Reply, "id">} answer */
function asked(answer) {
  const files = askedBy((question) => setTimeout(() => files.answer({ id: question.id, ...answer(question) })));
  return files;
}

/** @param {AsyncIterable<Uint8Array>} parts */
async function all(parts) {
  const found = [];
  for await (const part of parts) found.push(...part);
  return found;
}

test("a file comes in parts, two of them side by side", async () => {
  const bytes = Uint8Array.from({ length: 10 }, (_, i) => i);
  const files = asked(({ file, offset }) => ({ total: 10, bytes: bytes.slice(offset, offset + (file === "a" ? 4 : 3)) }));
  const [a, b] = await Promise.all([files.open("a"), files.open("b")]);
  assert.equal(a.total, 10);
  assert.deepEqual(await Promise.all([all(a.parts), all(b.parts)]), [[...bytes], [...bytes]]);
});

test("what the kernel refuses is its line; what ends early is no whole file", async () => {
  const refused = asked(() => ({ error: "x is damaged" }));
  await assert.rejects(refused.open("x"), { message: "x is damaged" });
  const short = asked(({ offset }) => ({ total: 5, bytes: new Uint8Array(offset ? 0 : 2) }));
  await assert.rejects(all((await short.open("y")).parts), { message: "y is cut off" });
});

test("answers to others are no business of ours", async () => {
  /** @type {Question[]} */
  const questions = [];
  const files = askedBy((question) => questions.push(question));
  const part = files.ask("a", 0);
  files.answer({ id: "another page's", total: 1, bytes: Uint8Array.of(9) });
  files.answer({ id: questions[0].id, total: 1, bytes: Uint8Array.of(1) });
  assert.deepEqual([...(await part).bytes], [1]);
});
