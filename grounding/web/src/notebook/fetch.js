/**
 * What the worker of a page in a notebook's cell has in place of `fetch`: the kernel's files by name.
 *
 * build.mjs puts this where the worker's modules say `fetch`. The worker's first message brings the
 * port to ask by.
 */

import { askedBy } from "./files.js";

/** @type {Promise<MessagePort>} */
const port = new Promise((resolve) => {
  const take = (/** @type {MessageEvent} */ event) => {
    event.stopImmediatePropagation();
    resolve(event.ports[0]);
  };
  addEventListener("message", take, { once: true });
});
const files = askedBy(async (question) => (await port).postMessage(question));
void port.then((open) => {
  open.onmessage = ({ data }) => files.answer(data);
});

/** @param {URL} url @returns {Promise<Response>} */
export async function fetch(url) {
  const file = decodeURIComponent(url.pathname.split("/").pop() ?? "");
  const { total, parts } = await files.open(file);
  const body = new ReadableStream({
    async pull(stream) {
      const { value, done } = await parts.next();
      if (done) stream.close();
      else stream.enqueue(value);
    },
  });
  const response = new Response(body, { headers: { "content-length": String(total) } });
  return Object.defineProperty(response, "url", { value: url.href });
}
