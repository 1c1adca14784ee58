/**
 * Text for the clipboard.
 *
 *   await copyText(text, holder)   -> whether it is there; browsers may refuse, as in a notebook's frame
 */

import { element } from "./element.js";

/**
 * @param {string} text @param {Element} [holder] of what is selected meanwhile: beside an open dialog nothing can be
 * @returns {Promise<boolean>}
 */
export async function copyText(text, holder = document.body) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard on http of other machines, or in frames: the older way asks for no permission.
    const before = document.activeElement;
    const field = element("textarea", { class: "visually-hidden", "aria-hidden": "true" });
    field.value = text;
    holder.append(field);
    field.select();
    const isDone = document.execCommand("copy");
    field.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    return isDone;
  }
}
