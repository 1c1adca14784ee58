/**
 * A labelled range slider that shows its number.
 *
 *   const rotation = slider({label: "Rotation", min: -180, max: 180, step: 1, initial: 0,
 *       value: 20, format: (v) => `${v}°`, onInput, onCommit});
 *   rotation.node; rotation.input; rotation.value; rotation.set(30)     set calls no listener
 *
 * onInput(value) fires on every event, onCommit(value) when the reader lets go. Arrow keys step,
 * Page Up and Down step ten times as far; double-click, Delete or Backspace go back to `initial`.
 */

import { formatNumber } from "../format.js";
import { element } from "./element.js";
import { cell, write } from "./write.js";

let made = 0;

/**
 * @param {{label: string, min: number, max: number, step: number, initial: number, value?: number,
 *   format?: (value: number) => string, onInput?: (value: number) => void,
 *   onCommit?: (value: number) => void}} options
 */
export function slider({ label, min, max, step, initial, value = initial, format = formatNumber, onInput, onCommit }) {
  const id = `slider-${++made}`;
  const input = element("input", { type: "range", id, min, max, step, value, title: "Double-click or Delete resets" });
  const output = element("output", { for: id });
  const shown = cell(output);
  const node = element("div", { class: "slider" }, element("label", { for: id }, label), output, input);

  function show() {
    const text = format(input.valueAsNumber);
    write(shown, text);
    input.setAttribute("aria-valuetext", text);
    node.classList.toggle("changed", input.valueAsNumber !== initial);
  }
  function reset() {
    if (input.valueAsNumber === initial) return;
    input.value = String(initial);
    changed();
    onCommit?.(input.valueAsNumber);
  }
  function changed() {
    // Whoever listens asks the worker, which then computes while the number is written.
    onInput?.(input.valueAsNumber);
    show();
  }
  input.addEventListener("input", changed);
  input.addEventListener("change", () => onCommit?.(input.valueAsNumber));
  input.addEventListener("dblclick", reset);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Delete" && event.key !== "Backspace") return;
    event.preventDefault();
    reset();
  });
  show();
  return {
    node,
    input,
    get value() {
      return input.valueAsNumber;
    },
    /** @param {number} next */
    set(next) {
      input.value = String(next);
      show();
    },
  };
}
