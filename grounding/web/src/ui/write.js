/**
 * write(node, text): sets a text only when it differs, in the text node that is there.
 *
 * Unchanged numbers then cost no layout while a slider moves.
 */

/** @param {HTMLElement} node @param {string} text */
export function write(node, text) {
  const first = node.firstChild;
  if (!(first instanceof Text)) node.textContent = text;
  else if (first.data !== text) first.data = text;
}
