/**
 * The scrubber of a training, over its loss curve, with the reconstructions of one image below it.
 *
 *   const panel = filmPanel(film, points, {onEpoch, onPlay, onClose});   points: the viewer's file
 *   panel.node
 *   panel.show({frame, isPlaying})               place of the scrubber
 *   panel.showImage(index, row, name, frame)     which of the film's images, and of the file's, whose thumbnail
 *                                                may come later
 */

import { curveOf, mixedImage } from "../film.js";
import { formatNumber } from "../format.js";
import { valueAt } from "../stops.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { pointPicture } from "../ui/point_picture.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH] = [1000, 100];

/** @param {string} name @param {Record<string, string>} attributes @param {...Element} children */
function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/**
 * @param {import("../film.js").Film} film @param {import("../assets.js").LatentPoints} points
 * @param {{onEpoch: (epoch: number) => void, onPlay: () => void, onClose: () => void}} listeners
 */
export function filmPanel(film, points, { onEpoch, onPlay, onClose }) {
  const { epochs, history } = film;
  const shape = points.imageShape;
  const [first, last] = [epochs[0], epochs[epochs.length - 1]];
  const start = Math.min(first, history[0]?.epoch ?? first);
  const end = Math.max(last, history.at(-1)?.epoch ?? last);
  const across = (/** @type {number} */ epoch) => (end > start ? (epoch - start) / (end - start) : 0);

  const { lines, isLog } = curveOf(history);
  const curve = svg("svg", { class: "training-curve", viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const epoch of epochs) curve.append(svg("line", { class: "training-tick", x1: String(WIDE * across(epoch)), x2: String(WIDE * across(epoch)), y1: "0", y2: String(HIGH) }));
  lines.forEach((line, i) => {
    const path = line.map(([epoch, share]) => `${(WIDE * across(epoch)).toFixed(1)},${(HIGH * (0.94 - 0.88 * share)).toFixed(1)}`);
    if (path.length > 1) curve.append(svg("polyline", { class: i ? "training-val" : "training-train", points: path.join(" ") }));
  });
  const now = svg("line", { class: "training-now", y1: "0", y2: String(HIGH) });
  curve.append(now);

  const input = element("input", {
    type: "range",
    min: first,
    max: last,
    step: Math.max(1, Math.round((last - first) / 200)),
    "aria-label": "Epoch",
    oninput: () => onEpoch(input.valueAsNumber),
  });
  // Its thumb stands under the curve's place of the same epoch.
  input.style.marginLeft = `calc(${(100 * across(first)).toFixed(2)}% - 8px)`;
  input.style.width = `calc(${(100 * (across(last) - across(first))).toFixed(2)}% + 16px)`;
  const words = element("p", { class: "training-words number" });
  const play = element("button", { type: "button", class: "training-play", onclick: onPlay }, "Play");
  const close = element("button", { type: "button", class: "quiet training-close", "aria-label": "Close the film", onclick: onClose }, "×");
  const legend = element(
    "p",
    { class: "training-legend muted" },
    element("span", { class: "training-key" }),
    `training loss${isLog ? ", log scale" : ""}`,
    lines[1].length ? element("span", { class: "training-key val" }) : null,
    lines[1].length ? "validation" : null,
  );

  const current = shape && imageCanvas(shape, "Reconstruction at this epoch");
  const original = pointPicture(points, "The image itself");
  const strip = shape && film.images ? epochs.map((epoch) => imageCanvas(shape, `Reconstruction at epoch ${epoch}`)) : [];
  const caption = element("p", { class: "training-caption muted" });
  const pictures = element(
    "div",
    { class: "training-pictures" },
    element("figure", {}, original?.node ?? (shape && imageCanvas(shape, "The image itself")), element("figcaption", {}, "Image")),
    element("figure", {}, current, element("figcaption", {}, "Decoded")),
  );
  const row = element("div", { class: "training-strip" }, ...strip.map((canvas, i) => {
    const button = element("button", { type: "button", title: `Epoch ${epochs[i]}`, onclick: () => onEpoch(epochs[i]) }, canvas, element("span", { class: "number" }, String(epochs[i])));
    return button;
  }));
  row.style.marginLeft = `${(100 * across(first)).toFixed(2)}%`;
  const node = element(
    "section",
    { class: "training", "aria-label": "Training" },
    element("div", { class: "training-head" }, play, words, legend, close),
    element(
      "div",
      { class: "training-body" },
      film.images && element("div", {}, pictures, caption),
      element("div", { class: "training-track" }, curve, input, film.images && row),
    ),
  );
  /** What is said of an epoch. @param {number} epoch */
  function wordsAt(epoch) {
    const near = history.reduce((best, one) => (Math.abs(one.epoch - epoch) < Math.abs(best.epoch - epoch) ? one : best), history[0]);
    const parts = [`Epoch ${Math.round(epoch)} of ${end}`];
    if (near) parts.push(`loss ${formatNumber(near.trainLoss)}`);
    if (near?.valLoss !== null && near) parts.push(`validation ${formatNumber(near.valLoss)}`);
    if (near?.valKnn !== null && near) parts.push(`kNN ${formatNumber(near.valKnn)}`);
    return parts.join(" · ");
  }
  return {
    node,
    /** @param {{frame: number, isPlaying: boolean}} state */
    show({ frame, isPlaying }) {
      const epoch = valueAt(epochs, frame);
      const said = wordsAt(epoch);
      input.value = String(epoch);
      input.setAttribute("aria-valuetext", said);
      const x = (WIDE * across(epoch)).toFixed(1);
      now.setAttribute("x1", x);
      now.setAttribute("x2", x);
      words.textContent = said;
      play.textContent = isPlaying ? "Pause" : "Play";
      [...row.children].forEach((button, i) => button.setAttribute("aria-pressed", String(Math.abs(frame - i) < 0.5)));
    },
    /** @param {number} index @param {number} row @param {string} name @param {number} frame */
    showImage(index, row, name, frame) {
      if (!shape || !film.images) return;
      original?.show(row);
      if (current) paintImage(current, mixedImage(film, index, frame), shape);
      if (caption.textContent === name) return;
      caption.textContent = name;
      strip.forEach((canvas, i) => paintImage(canvas, mixedImage(film, index, i), shape));
    },
  };
}
