import assert from "node:assert/strict";
import { test } from "node:test";

import { latestWins } from "../src/scheduling.js";

/** A sender whose requests are answered by hand. */
function byHand() {
  /** @type {{request: number, resolve: (answer: string) => void, reject: (error: Error) => void}[]} */
  const sent = [];
  const ask = latestWins((/** @type {number} */ request) =>
    new Promise((/** @type {(answer: string) => void} */ resolve, reject) => sent.push({ request, resolve, reject })));
  return { sent, ask };
}

test("one in flight, one waiting, the latest wins", async () => {
  const { sent, ask } = byHand();
  const answers = [1, 2, 3, 4].map(ask);
  assert.deepEqual(sent.map(({ request }) => request), [1]);
  assert.deepEqual(await Promise.all([answers[1], answers[2]]), [null, null]);
  sent[0].resolve("one");
  assert.equal(await answers[0], "one");
  await null;
  assert.deepEqual(sent.map(({ request }) => request), [1, 4]);
  sent[1].resolve("four");
  assert.equal(await answers[3], "four");
  void ask(5);
  assert.equal(sent.length, 3);
});

test("a failure is the asker's, and the one that waits is still sent", async () => {
  const { sent, ask } = byHand();
  const [first, second] = [ask(1), ask(2)];
  sent[0].reject(new Error("no"));
  await assert.rejects(first, /no/);
  await null;
  sent[1].resolve("two");
  assert.equal(await second, "two");
});
