/**
 * Files that lie packed on the server.
 *
 *   await unpacked(url, magic, what, onProgress)   -> ArrayBuffer of a gzip file's content, which begins
 *                                                     with the bytes `magic`; unpacked while it comes in
 *
 * Some servers call a .gz file an encoding of what is in it: then the browser has unpacked it already.
 * Throws PageError "missing", "network", "too-large"; anything else where the file is not what it says.
 */

import { announced, chunksOf, joined, request } from "./download.js";

/** @typedef {import("./download.js").OnProgress} OnProgress */

const GZIP = [0x1f, 0x8b];
/** @param {Uint8Array} bytes @param {readonly number[]} magic */
const begins = (bytes, magic) => magic.every((byte, i) => bytes[i] === byte);

/** @param {URL} url @param {readonly number[]} magic @param {string} what @param {OnProgress} onProgress */
export async function unpacked(url, magic, what, onProgress) {
  onProgress({ loaded: 0, total: null, what });
  const response = await request(url);
  const total = announced(response);
  let loaded = 0;
  /** @param {Uint8Array} chunk */
  const count = (chunk) => {
    loaded += chunk.length;
    onProgress({ loaded, total, what });
  };
  const incoming = chunksOf(response);
  const first = await incoming.next();
  if (first.done) throw new TypeError("the file is empty");
  count(first.value);
  const isPacked = begins(first.value, GZIP);
  const source = new ReadableStream({
    start: (stream) => stream.enqueue(first.value),
    async pull(stream) {
      const { value, done } = await incoming.next();
      if (done) return stream.close();
      count(value);
      stream.enqueue(value);
    },
  });
  const content = isPacked ? source.pipeThrough(new DecompressionStream("gzip")) : source;
  /** @type {Uint8Array[]} */
  const chunks = [];
  let size = 0;
  const reader = content.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    size += part.value.length;
  }
  const bytes = joined(chunks, size);
  if (!begins(bytes, magic)) throw new TypeError("the file holds something else");
  return bytes.buffer;
}
