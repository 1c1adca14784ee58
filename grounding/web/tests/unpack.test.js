import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { gzipSync } from "node:zlib";

import { unpacked } from "../src/unpack.js";

const MAGIC = [0, 97, 115, 109];
const content = Uint8Array.from({ length: 70_000 }, (_, i) => MAGIC[i] ?? i % 251);
const url = new URL("http://here/runtime.gz");
const { fetch } = globalThis;
afterEach(() => (globalThis.fetch = fetch));

/** @param {Uint8Array} body @param {Record<string, string>} [headers] */
function answerWith(body, headers = {}) {
  globalThis.fetch = async () => new Response(/** @type {any} */ (body), { headers });
}

test("a packed file is unpacked, and its progress is that of the wire", async () => {
  const packed = gzipSync(content);
  answerWith(packed, { "content-length": String(packed.length) });
  /** @type {import("../src/messages.js").Progress[]} */
  const told = [];
  assert.deepEqual(new Uint8Array(await unpacked(url, MAGIC, "runtime", (one) => told.push(one))), content);
  assert.deepEqual(told.at(-1), { loaded: packed.length, total: packed.length, what: "runtime" });
});

test("a server that calls it an encoding has it unpacked by the browser", async () => {
  answerWith(content);
  assert.deepEqual(new Uint8Array(await unpacked(url, MAGIC, "runtime", () => undefined)), content);
});

test("what is cut off, empty or something else is refused", async () => {
  for (const body of [gzipSync(content).subarray(0, 300), new Uint8Array(), gzipSync("<html>"), new TextEncoder().encode("<html>")]) {
    answerWith(body);
    await assert.rejects(unpacked(url, MAGIC, "runtime", () => undefined));
  }
});
