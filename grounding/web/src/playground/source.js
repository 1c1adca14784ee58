/**
 * What the probe begins with: a digit sample, a drawing, or a reference taken from the cloud.
 *
 *   const source = sourceSection(assets, {onDigit, onDrawing, onNormalize, onSource});
 *   source.node; source.update(state, strokes)
 */

import { element } from "../ui/element.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { possibleDigit, possibleSource } from "./base.js";
import { drawingPad } from "./pad.js";

/** @typedef {import("../drawing.js").Stroke} Stroke */
/** @typedef {import("./base.js").Source} Source */

/**
 * @param {import("../assets.js").InteractiveAssets} assets
 * @param {{onDigit: (digit: number) => void, onDrawing: (strokes: readonly Stroke[], isDone: boolean) => void,
 *   onNormalize: (normalize: boolean) => void, onSource: (source: "digit" | "drawing") => void}} listeners
 */
export function sourceSection(assets, { onDigit, onDrawing, onNormalize, onSource }) {
  const { imageShape: shape, digitSamples, digits, sampleLabels } = assets;
  const size = digitSamples.length / digits;
  const samples = Array.from({ length: digits }, (_, digit) => {
    const canvas = imageCanvas(shape, "");
    for (const name of ["role", "aria-label"]) canvas.removeAttribute(name);
    canvas.setAttribute("aria-hidden", "true");
    paintImage(canvas, digitSamples, shape, digit * size);
    return element("button", { type: "button", class: "sample", "aria-label": `Digit sample ${sampleLabels[digit]}`, onclick: () => onDigit(digit) }, canvas);
  });
  const pad = drawingPad({ onChange: onDrawing });
  const normalize = element("input", { type: "checkbox", onchange: () => onNormalize(normalize.checked) });
  const digitTab = element("button", { type: "button", onclick: () => onSource("digit") }, "Digit sample");
  const drawTab = element("button", { type: "button", onclick: () => onSource("drawing") }, "Own drawing");
  const grid = element("div", { class: "samples" }, ...samples);
  const drawing = element(
    "div",
    { class: "drawing" },
    pad.canvas,
    element(
      "div",
      { class: "drawing-tools" },
      pad.undo,
      pad.clear,
      element("label", { class: "check", title: "Fitted into MNIST's 20 × 20 box, its centre of mass in the middle" }, normalize, "Centre and fit"),
    ),
    element("p", { class: "hint muted" }, "Draw with mouse, pen or finger. With a keyboard, take a digit sample."),
  );
  const taken = element("p", { class: "taken" });
  const node = element(
    "section",
    { "aria-labelledby": "input-title" },
    element("h2", { id: "input-title" }, "Input"),
    element("div", { class: "segments", role: "group", "aria-label": "Kind of input" }, digitTab, drawTab),
    taken,
    grid,
    drawing,
  );
  return {
    node,
    /** @param {Source} state @param {Stroke[]} [strokes] only when they changed outside */
    update(state, strokes) {
      const source = possibleSource(state, assets);
      const digit = possibleDigit(state.digit, assets);
      digitTab.setAttribute("aria-pressed", String(source === "digit"));
      drawTab.setAttribute("aria-pressed", String(source === "drawing"));
      samples.forEach((button, i) => button.setAttribute("aria-pressed", String(source === "digit" && i === digit)));
      grid.hidden = source === "drawing";
      drawing.hidden = source !== "drawing";
      taken.hidden = source !== "reference";
      taken.textContent = source === "reference" ? `Now: reference ${state.reference}, labelled ${assets.labels[Number(state.reference)]}.` : "";
      normalize.checked = state.normalize;
      if (strokes) pad.set(strokes);
    },
  };
}
