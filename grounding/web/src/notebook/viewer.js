/**
 * The viewer in a notebook's cell: its selection is a value of the kernel's, both ways.
 *
 * The view says "selection" on the document, with its selection, once that is there and whenever it
 * changes. What came from the kernel is not sent back: the two would chase each other.
 */

import "../pages/viewer.js";
import { openPort } from "./ports.js";

/** @typedef {ReturnType<typeof import("../viewer/selection.js").pointSelection>} Selection */

const port = openPort("selection");
/** @type {Selection | null} */
let selection = null;
/** @type {number[]} */
let wanted = [];
let isTold = false;

function follow() {
  isTold = true;
  selection?.set(wanted.length ? Int32Array.from(wanted) : null);
  isTold = false;
}

document.addEventListener("selection", (event) => {
  const isFirst = !selection;
  selection = /** @type {CustomEvent<Selection>} */ (event).detail;
  if (isFirst && wanted.length) follow();
  else if (!isFirst && !isTold) port.postMessage([...(selection.rows ?? [])]);
});
port.onmessage = (/** @type {MessageEvent<number[]>} */ { data }) => {
  wanted = data;
  follow();
};
