/**
 * A button that lets the reader choose an image file.
 *
 *   const [button, picker] = fileButton("An image file …", (file) => ...);   both go into the page
 */

import { element } from "./element.js";

/** @param {string} text @param {(file: File) => void} onFile @returns {[HTMLButtonElement, HTMLInputElement]} */
export function fileButton(text, onFile) {
  const picker = element("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    onchange: () => {
      const [file] = picker.files ?? [];
      if (file) onFile(file);
      // So that the same file can be opened again.
      picker.value = "";
    },
  });
  return [element("button", { type: "button", onclick: () => picker.click() }, text), picker];
}
