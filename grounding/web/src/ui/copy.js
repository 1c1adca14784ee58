/**
 * Text for the clipboard.
 *
 *   await copyText(text)   -> whether it is there; browsers may refuse, as in a notebook's frame
 */

import { element } from "./element.js";

/** @param {string} text @returns {Promise<boolean>} */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard on http of other machines, or in frames: the older way asks for no permission.
    const before = document.activeElement;
    const field = element("textarea", { class: "visually-hidden", "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    const isDone = document.execCommand("copy");
    field.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    return isDone;
  }
}
