/**
 * What a page in a notebook's cell has in place of the browser's own: build.mjs puts these names
 * where the page's modules say `location`, `history` and `Worker`.
 *
 * The address is one that leads nowhere; its query is the frame's name, which widget.js keeps, so
 * that a page that is loaded again shows the same. The worker is part of the page, and gets a port
 * to ask for files by.
 */

import { openPort } from "./ports.js";

const address = openPort("address");
const { origin, pathname, href } = new URL(import.meta.url);

export const location = { origin, pathname, href, search: window.name, reload: () => globalThis.location.reload() };

/** @param {unknown} _state @param {string} _title @param {string} url */
const keep = (_state, _title, url) => address.postMessage(new URL(url, href).search);
export const history = { replaceState: keep, pushState: keep };

export class Worker extends globalThis.Worker {
  constructor() {
    super(/** @type {any} */ (globalThis).WORKER, { type: "module" });
    this.postMessage(null, [openPort("files")]);
  }
}
