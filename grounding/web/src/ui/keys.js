/**
 * The list of keys behind a "?" button.
 *
 *   const keys = keysHelp([["Arrow keys", "turn"], …]);   keys.button, keys.dialog
 *
 * The "?" key opens it too, unless the reader is typing. The dialog must be put into the page.
 *
 *   isPlain(event)      no key but Shift is held with it: the others' are the browser's and the system's
 *   isForPage(event)    nor is it text, nor a dialog's
 *   arrowOf(event)      -> [right, down], each -1, 0 or 1; null for other keys
 */

import { element } from "./element.js";

/** @type {Record<string, readonly [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {KeyboardEvent} event */
export const arrowOf = ({ key }) => (Object.hasOwn(ARROWS, key) ? ARROWS[key] : null);

/** @param {KeyboardEvent} event */
export const isPlain = ({ ctrlKey, metaKey, altKey }) => !ctrlKey && !metaKey && !altKey;

/** @param {KeyboardEvent} event */
export const isForPage = (event) => isPlain(event) && !isTyping(event.target) && !document.querySelector("dialog[open]");

/** @param {EventTarget | null} target whether keys pressed there are text */
function isTyping(target) {
  return target instanceof HTMLElement && target.matches("select, textarea, input:not([type=range], [type=checkbox])");
}

/** @param {readonly (readonly [keys: string, what: string])[]} rows */
export function keysHelp(rows) {
  const dialog = element(
    "dialog",
    { class: "help", "aria-labelledby": "help-title" },
    element(
      "div",
      { class: "help-inner" },
      element("h2", { id: "help-title" }, "Keys and gestures"),
      element("dl", { class: "keys" }, ...rows.flatMap(([keys, what]) => [element("dt", {}, keys), element("dd", {}, what)])),
      element("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close"),
    ),
  );
  // A click on the backdrop is a click on the dialog's own box.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  const open = () => dialog.open || dialog.showModal();
  addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
    event.preventDefault();
    open();
  });
  const button = element(
    "button",
    { type: "button", class: "round", "aria-label": "Keys and gestures", "aria-haspopup": "dialog", onclick: open },
    "?",
  );
  return { button, dialog };
}
