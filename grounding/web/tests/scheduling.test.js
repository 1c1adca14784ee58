import assert from "node:assert/strict";
import { test } from "node:test";

import { atRest, latestWins } from "../src/scheduling.js";

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

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("at rest: once, and not before the last change is old enough", async () => {
  /** @type {number[]} */
  const acts = [];
  const rest = atRest(() => acts.push(performance.now()), 40);
  let last = 0;
  for (let i = 0; i < 5; i++) {
    last = performance.now();
    rest.changed();
    await pause(15);
  }
  await pause(150);
  assert.equal(acts.length, 1);
  assert(acts[0] - last >= 40, `${acts[0] - last} ms after the last change`);
  rest.changed();
  await pause(100);
  assert.equal(acts.length, 2);
});

test("at rest: now does what is to come and nothing else, cancel drops it", async () => {
  let acts = 0;
  const rest = atRest(() => acts++, 10);
  rest.now();
  assert.equal(acts, 0);
  rest.changed();
  rest.now();
  assert.equal(acts, 1);
  rest.changed();
  rest.cancel();
  await pause(40);
  assert.equal(acts, 1);
});
