/**
 * The path as two strips of decoded images above each other, with t, its slider and the drift.
 *
 *   const film = filmstrip([C, H, W], {onT, onPlay});   film.node
 *   film.measured(scale)                  words.js's Scale, the unit of drift
 *   film.showPath(path | null, theme)     strips and drift
 *   film.showStep(straight, regrounded, drift)   the two pictures at t
 *   film.showT(t); film.showPlaying(isPlaying)
 *
 * A click on a strip goes to its t, a drag along it follows; the slider does the same from the keyboard.
 */

import { cssColor } from "../colors.js";
import { imageCanvas, paintImage, paintStrip, stripCanvas } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { write } from "../ui/write.js";
import { driftColors } from "./scene.js";
import { distanceWords } from "./words.js";

/** Of a path; one less is a multiple of the cells that a strip can have, less one. */
export const STEPS = 41;
const WIDE = 1.6;

/** Pictures of a strip: fewer where they are wide. @param {readonly number[]} shape */
const cellsOf = ([, height, width]) => (width > WIDE * height ? 6 : 11);

/**
 * @param {readonly number[]} shape
 * @param {{onT: (t: number) => void, onPlay: () => void}} listeners
 */
export function filmstrip(shape, { onT, onPlay }) {
  const cells = cellsOf(shape);
  const columns = Array.from({ length: cells }, (_, i) => (i * (STEPS - 1)) / (cells - 1));
  /** @param {string} area @param {HTMLElement} node */
  const at = (area, node) => {
    node.style.gridArea = area;
    return node;
  };
  const strip = (/** @type {string} */ label) => {
    const canvas = stripCanvas(shape, cells, label);
    const go = (/** @type {PointerEvent} */ { clientX }) => {
      const { left, width } = canvas.getBoundingClientRect();
      const t = ((clientX - left) / (width / cells) - 0.5) / (cells - 1);
      onT(Number(Math.min(1, Math.max(0, t)).toFixed(3)));
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      go(event);
    });
    canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && go(event));
    return canvas;
  };
  const straight = strip("Decoded images along the straight path");
  const regrounded = strip("Decoded images along the regrounded path");
  const play = element("button", { type: "button", class: "play", onclick: onPlay }, "Play");
  const slider = element("input", { type: "range", min: 0, max: 1, step: 0.005, class: "t", "aria-label": "Place on the path, t", oninput: () => onT(slider.valueAsNumber) });
  const tText = element("output", { class: "number" });
  const now = element("i", { class: "now", "aria-hidden": "true" });
  const drift = element("canvas", { class: "drift", width: STEPS, height: 1, role: "img", "aria-label": "Drift along the path" });
  const [low, high, driftNow] = ["number muted", "number muted", "number"].map((name) => element("span", { class: name }));
  const pictures = [
    imageCanvas(shape, "Decoded from the straight path at t"),
    imageCanvas(shape, "Decoded from the regrounded path at t"),
  ];
  const name = (/** @type {string} */ text, /** @type {string} */ formula, className = "strip-name") =>
    element("div", { class: className }, element("b", {}, text), element("i", {}, formula));
  const node = element(
    "div",
    { class: "film" },
    element("div", { class: "film-play" }, play, tText),
    element("div", { class: "film-t" }, slider),
    at("name-a", name("Straight", "D(z)")),
    at("strip-a", straight),
    at("name-b", name("Regrounded", "D(E(D(z)))")),
    at("strip-b", regrounded),
    at("name-c", name("Drift", "|E(D(z)) − z|", "strip-name of-drift")),
    element("div", { class: "film-drift" }, drift, element("div", { class: "drift-ends" }, low, element("span", {}, "now ", driftNow), high)),
    element("div", { class: "film-now", "aria-hidden": "true" }, now),
    at("straight", pictures[0]),
    at("regrounded", pictures[1]),
  );
  /** @type {import("./words.js").Scale} */
  let scale = null;
  node.style.setProperty("--cells", String(cells));
  return {
    node,
    /** @param {import("./words.js").Scale} found */
    measured(found) {
      scale = found;
    },
    /** @param {import("../messages.js").Path | null} path @param {import("../colors.js").Theme} theme */
    showPath(path, theme) {
      node.classList.toggle("waiting", !path);
      if (!path) return;
      paintStrip(straight, path.straightDecoded, shape, columns);
      paintStrip(regrounded, path.regroundedDecoded, shape, columns);
      const { colors, low: least, high: most } = driftColors(path.drift, theme);
      const pen = drift.getContext("2d");
      for (let i = 0; pen && i < STEPS; i++) {
        pen.fillStyle = cssColor([...colors.subarray(3 * i, 3 * i + 3)]);
        pen.fillRect(i, 0, 1, 1);
      }
      write(low, `A ${distanceWords(path.drift[0], scale)}`);
      write(high, `B ${distanceWords(path.drift[STEPS - 1], scale)}`);
      drift.setAttribute("aria-label", `Drift along the path, from ${distanceWords(least, scale)} to ${distanceWords(most, scale)}`);
    },
    /** @param {Float32Array} straightDecoded @param {Float32Array} decoded @param {number} drifted */
    showStep(straightDecoded, decoded, drifted) {
      paintImage(pictures[0], straightDecoded, shape);
      paintImage(pictures[1], decoded, shape);
      write(driftNow, distanceWords(drifted, scale));
    },
    /** @param {number} t */
    showT(t) {
      if (slider.valueAsNumber !== t) slider.value = String(t);
      write(tText, `t ${t.toFixed(2)}`);
      now.style.transform = `translateX(${(100 * t).toFixed(2)}%)`;
    },
    /** @param {boolean} isPlaying */
    showPlaying(isPlaying) {
      write(play, isPlaying ? "Pause" : "Play");
    },
  };
}
