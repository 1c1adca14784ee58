/**
 * Texts that change while a slider moves.
 *
 *   write(node, text)   sets a text only when it differs, in the text node that is there
 *   cell(holder)        -> a new last child, to write to: a line high, as wide as there is space
 *
 * Unchanged texts then cost no layout, and changed ones that of their cell alone. The holder takes
 * no size from its text, and may be an item of a grid or a flexbox: browsers lay out such items only
 * together, which is why the cell is not the item itself.
 */

import { element } from "./element.js";

/** @param {HTMLElement} node @param {string} text */
export function write(node, text) {
  const first = node.firstChild;
  if (!(first instanceof Text)) node.textContent = text;
  else if (first.data !== text) first.data = text;
}

/** @param {HTMLElement} holder */
export function cell(holder) {
  const node = element("span", { class: "cell" });
  holder.append(node);
  return node;
}
