/**
 * The dock of the flow: a button, the scrubber, and below it what the current image becomes.
 *
 *   const strip = flowStrip([C, H, W], {onPlace, onPlay});   strip.node
 *   strip.showStops(stops)                 numbers of steps
 *   strip.showFlowed(flowed | null, nameOf)  a picture for each stop, with what it would be called
 *   strip.showPlace(place, steps); strip.showPlaying(isPlaying, isAtEnd)
 *   strip.say(sentence); strip.tell(sentence)   of all images; of the current one
 *
 * A click on a picture goes to its stop. The places of the scrubber are the stops, 0 to stops.length - 1.
 */

import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { element, replaceChildren } from "../ui/element.js";
import { arrowOf } from "../ui/keys.js";
import { write } from "../ui/write.js";
import { stepsWords } from "./flow_words.js";

/** @param {readonly number[]} shape @param {{onPlace: (place: number) => void, onPlay: () => void}} listeners */
export function flowStrip(shape, { onPlace, onPlay }) {
  const play = element("button", { type: "button", class: "primary flow-play", onclick: onPlay }, "Let it flow");
  const slider = element("input", { type: "range", min: 0, max: 7, step: 0.01, value: 0, "aria-label": "Steps of f", oninput: () => onPlace(slider.valueAsNumber) });
  slider.addEventListener("keydown", (event) => {
    // A whole stop at once: between them nothing is stored.
    const arrow = arrowOf(event);
    if (!arrow) return;
    event.preventDefault();
    const way = arrow[0] - arrow[1];
    const at = slider.valueAsNumber;
    onPlace(Math.min(Number(slider.max), Math.max(0, way > 0 ? Math.floor(at + 1e-6) + 1 : Math.ceil(at - 1e-6) - 1)));
  });
  const steps = element("output", { class: "number flow-steps" });
  const kept = element("p", { class: "flow-kept" });
  const live = element("p", { class: "muted small-text flow-live", role: "status" });
  const pictures = element("div", { class: "flow-pictures" });
  const node = element(
    "div",
    { class: "flow-dock" },
    element("div", { class: "flow-go" }, play, steps),
    element("div", { class: "flow-scrub" }, slider, pictures),
    element("div", { class: "flow-said" }, kept, live),
  );
  /** @type {{canvas: HTMLCanvasElement, name: HTMLElement, button: HTMLElement}[]} */
  let cells = [];
  return {
    node,
    /** @param {readonly number[]} stops */
    showStops(stops) {
      slider.max = String(stops.length - 1);
      node.style.setProperty("--cells", String(stops.length));
      cells = stops.map((stop, place) => {
        const canvas = imageCanvas(shape, "");
        for (const name of ["role", "aria-label"]) canvas.removeAttribute(name);
        const name = element("b", { class: "flow-name" });
        const button = element(
          "button",
          { type: "button", class: "quiet flow-cell", onclick: () => onPlace(place) },
          canvas,
          element("span", { class: "visually-hidden" }, `To ${stepsWords(stop)}, `),
          element("span", { class: "number" }, `t = ${stop}`),
          name,
        );
        return { canvas, name, button };
      });
      replaceChildren(pictures, ...cells.map(({ button }) => button));
    },
    /** @param {import("../messages.js").Flowed | null} flowed @param {(label: number) => string} nameOf */
    showFlowed(flowed, nameOf) {
      node.classList.toggle("waiting", !flowed);
      if (!flowed) return;
      const size = flowed.decoded.length / cells.length;
      cells.forEach(({ canvas, name }, i) => {
        paintImage(canvas, flowed.decoded, shape, i * size);
        const label = flowed.labels[i];
        write(name, label === null ? "" : nameOf(label));
        name.title = label === null ? "" : "What most of its nearest references are";
      });
    },
    /** @param {number} place @param {number} count */
    showPlace(place, count) {
      if (Math.abs(slider.valueAsNumber - place) > 1e-3) slider.value = String(place);
      const text = stepsWords(Math.round(count));
      slider.setAttribute("aria-valuetext", text);
      write(steps, text);
      cells.forEach(({ button }, i) => button.classList.toggle("now", i === Math.round(place)));
    },
    /** @param {boolean} isPlaying @param {boolean} isAtEnd */
    showPlaying(isPlaying, isAtEnd) {
      write(play, isPlaying ? "Pause" : isAtEnd ? "Bring it back" : "Let it flow");
    },
    /** @param {string} text */
    say: (text) => write(kept, text),
    /** @param {string} text */
    tell: (text) => write(live, text),
  };
}
