/**
 * What the probe begins with: a sample, a drawing, an image file, or a reference taken from the cloud.
 *
 *   const source = sourceSection(assets, classes, {onSample, onDrawing, onNormalize, onSource, onFile, onInvert});
 *   source.node; source.update(state, own, strokes)
 *   source.tell(text)            what became of a file; it may be an error
 *   source.invert                whether image files are inverted
 */

import { element } from "../ui/element.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { fileButton } from "../ui/file_button.js";
import { canDraw, possibleSample, possibleSource, sampleWords } from "./base.js";
import { drawingPad } from "./pad.js";

/** @typedef {import("../drawing.js").Stroke} Stroke */
/** @typedef {import("./base.js").Source} Source */

/**
 * @param {import("../assets.js").InteractiveAssets} assets @param {import("../classes.js").Classes} classes
 * @param {{onSample: (sample: number) => void, onDrawing: (strokes: readonly Stroke[], isDone: boolean) => void,
 *   onNormalize: (normalize: boolean) => void, onSource: (source: "digit" | "drawing" | "image") => void,
 *   onFile: (file: File) => void, onInvert: () => void}} listeners
 */
export function sourceSection(assets, classes, { onSample, onDrawing, onNormalize, onSource, onFile, onInvert }) {
  const { imageShape: shape, digitSamples, digits, sampleLabels, classNames } = assets;
  const size = digitSamples.length / digits;
  const areNamed = classNames.size > 0 && sampleLabels !== null;
  const samples = Array.from({ length: digits }, (_, sample) => {
    const canvas = imageCanvas(shape, "");
    for (const name of ["role", "aria-label"]) canvas.removeAttribute(name);
    canvas.setAttribute("aria-hidden", "true");
    paintImage(canvas, digitSamples, shape, sample * size);
    const words = sampleWords(assets, sample, classes.nameOf);
    const name = areNamed && element("span", { class: "sample-name", "aria-hidden": "true" }, classes.nameOf(sampleLabels[sample]));
    const label = words.charAt(0).toUpperCase() + words.slice(1);
    return element("button", { type: "button", class: "sample", "aria-label": label, title: label, onclick: () => onSample(sample) }, canvas, name);
  });
  const pad = drawingPad(shape, { onChange: onDrawing });
  const normalize = element("input", { type: "checkbox", onchange: () => onNormalize(normalize.checked) });
  const tabs = [
    { source: /** @type {const} */ ("digit"), text: "Samples" },
    ...(canDraw(shape) ? [{ source: /** @type {const} */ ("drawing"), text: "Draw" }] : []),
    { source: /** @type {const} */ ("image"), text: "Image file" },
  ].map(({ source, text }) => ({ source, button: element("button", { type: "button", onclick: () => onSource(source) }, text) }));
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
      element("label", { class: "check", title: "As MNIST does: fitted into a box of 20/28 of the sides, its centre of mass in the middle" }, normalize, "Centre and fit"),
    ),
    element("p", { class: "hint muted" }, "Draw with mouse, pen or finger. With a keyboard, take a sample."),
  );
  const [openFile, picker] = fileButton("Open an image file …", onFile);
  const invert = element("input", { type: "checkbox", onchange: onInvert });
  const told = element("p", { class: "taken", role: "status" });
  const opening = element(
    "div",
    { class: "opening" },
    picker,
    openFile,
    told,
    shape[0] === 1 && element("label", { class: "check", title: "For dark ink on a light ground" }, invert, "Invert"),
    element("p", { class: "hint muted" }, `Or drop one on this page, or paste it. Its middle is scaled to ${shape[2]} × ${shape[1]} pixels. It stays in this page, and is no part of a link to it.`),
  );
  const taken = element("p", { class: "taken" });
  const node = element(
    "section",
    { "aria-labelledby": "input-title" },
    element("h2", { id: "input-title" }, "Input"),
    element("div", { class: "segments", role: "group", "aria-label": "Kind of input" }, ...tabs.map(({ button }) => button)),
    taken,
    grid,
    drawing,
    opening,
  );
  return {
    node,
    get invert() {
      return invert.checked;
    },
    /** @param {string} text */
    tell(text) {
      told.textContent = text;
    },
    /** @param {Source} state @param {import("./base.js").Own} own @param {readonly Stroke[]} [strokes] only when they changed outside */
    update(state, own, strokes) {
      const source = possibleSource(state, assets, own);
      const sample = possibleSample(state, assets, own);
      // An image file is chosen with its tab open, and before there is any.
      const open = state.source === "image" ? "image" : source;
      for (const { source: one, button } of tabs) button.setAttribute("aria-pressed", String(open === one));
      samples.forEach((button, i) => button.setAttribute("aria-pressed", String(open === "digit" && i === sample)));
      grid.hidden = open === "drawing" || open === "image";
      drawing.hidden = open !== "drawing";
      opening.hidden = open !== "image";
      taken.hidden = source !== "reference";
      const label = assets.hasLabels ? `, labelled ${classes.nameOf(assets.labels[Number(state.reference)])}` : "";
      taken.textContent = source === "reference" ? `Now: reference ${state.reference}${label}.` : "";
      normalize.checked = state.normalize;
      if (strokes) pad.set([...strokes]);
    },
  };
}
