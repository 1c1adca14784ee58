import assert from "node:assert/strict";
import { test } from "node:test";

import { startClient } from "../src/client.js";
import { PageError } from "../src/errors.js";

/** What a page sent, and answers by hand. */
function byHand() {
  const sent = /** @type {any[]} */ ([]);
  class Hand extends EventTarget {
    /** @param {unknown} request */
    postMessage(request) {
      sent.push(request);
    }
    terminate() {}
  }
  const hand = new Hand();
  Object.assign(globalThis, {
    Worker: function () {
      return hand;
    },
    location: { href: "http://127.0.0.1/page.html" },
  });
  const say = (/** @type {unknown} */ data) => hand.dispatchEvent(Object.assign(new Event("message"), { data }));
  return { sent, say, hand };
}
const image = new Float32Array(4);
const placed = { latent: new Float32Array(2), indices: [3] };
const unfit = { code: "model", message: "The decoder broke.", next: "Export it again." };

test("a probe is answered before its picture, which comes by itself", async () => {
  const { sent, say } = byHand();
  const client = startClient();
  const asked = client.probe({ image });
  say({ id: 1, answer: placed });
  const probed = await asked;
  assert.deepEqual(probed?.indices, [3]);
  assert.deepEqual(sent.map(({ id, ask }) => [id, ask]), [[1, "probe"]]);
  const picture = new Float32Array([0.5]);
  say({ id: 1, decoded: picture });
  assert.equal(await probed?.decoded, picture);
});

test("the next probe goes out while a picture is still to come, and each gets its own", async () => {
  const { sent, say } = byHand();
  const client = startClient();
  const [first, second, third] = [1, 2, 3].map(() => client.probe({ image }));
  assert.equal(await second, null);
  say({ id: 1, answer: placed });
  const one = await first;
  await null;
  assert.deepEqual(sent.map(({ id }) => id), [1, 2]);
  say({ id: 2, answer: placed });
  const three = await third;
  say({ id: 1, decoded: new Float32Array([1]) });
  say({ id: 2, decoded: new Float32Array([3]) });
  assert.deepEqual([...((await one?.decoded) ?? []), ...((await three?.decoded) ?? [])], [1, 3]);
});

test("a decoder that fails tells whoever waits for the picture, and nobody else", async () => {
  const uncaught = /** @type {unknown[]} */ ([]);
  const note = (/** @type {unknown} */ error) => uncaught.push(error);
  process.on("unhandledRejection", note);
  const { say } = byHand();
  const client = startClient();
  for (const isWanted of [true, false]) {
    const asked = client.probe({ image });
    const id = isWanted ? 1 : 2;
    say({ id, answer: placed });
    const probed = await asked;
    say({ id, error: unfit });
    if (isWanted) await assert.rejects(probed?.decoded ?? Promise.resolve(), /The decoder broke/);
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off("unhandledRejection", note);
  assert.deepEqual(uncaught, []);
});

test("how far references lie from each other is told to the page", () => {
  const { say } = byHand();
  /** @type {unknown[]} */
  const heard = [];
  startClient({ onMeasured: (own) => heard.push(own), onNotice: (text) => heard.push(text) });
  const own = Float64Array.of(1, 2);
  say({ id: 0, measured: own });
  assert.deepEqual(heard, [own]);
});

test("when the worker stops, everything that waits is told, pictures too", async () => {
  const { say, hand } = byHand();
  let crash = /** @type {PageError | null} */ (null);
  const client = startClient({ onCrash: (error) => (crash = error) });
  const asked = client.probe({ image });
  say({ id: 1, answer: placed });
  const probed = await asked;
  const other = client.path({ from: 0, to: 1, steps: 2 });
  hand.dispatchEvent(Object.assign(new Event("error"), { message: "out of memory" }));
  await assert.rejects(probed?.decoded ?? Promise.resolve(), /out of memory/);
  await assert.rejects(other, /out of memory/);
  assert(crash);
});
