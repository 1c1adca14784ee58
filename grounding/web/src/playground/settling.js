/**
 * Repeated regrounding: a button, what came of it in words, and the image it came to.
 *
 *   const section = settlingSection([C, H, W], limit, {onSettle, onClear});   section.node
 *   section.show(trail | null, scale)      limit: most steps; scale: words.js's
 *   section.warn(sentence)                 what it does to the images of this run
 */

import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { distanceWords, trailWords } from "./words.js";

/** @param {readonly number[]} shape @param {number} limit @param {{onSettle: () => void, onClear: () => void}} listeners */
export function settlingSection(shape, limit, { onSettle, onClear }) {
  const picture = imageCanvas(shape, "Decoded from where it came to");
  const words = element("p", { role: "status" });
  const drifts = element("p", { class: "muted number small-text" });
  const clear = element("button", { type: "button", class: "small", onclick: onClear }, "Clear trail");
  const result = element("div", { class: "settled", hidden: true }, picture, element("div", {}, words, drifts));
  const loss = element("p", { class: "small-text loss", hidden: true });
  const node = element(
    "section",
    { "aria-labelledby": "settle-title" },
    element("div", { class: "section-head" }, element("h2", { id: "settle-title" }, "Regrounding again and again"), clear),
    element("p", { class: "muted small-text" }, `From z at t: decode and encode, up to ${limit} times or until a step is shorter than 0.01 ×. Some come to rest, some do not. All points do so in the Flow tab.`),
    loss,
    element("button", { type: "button", onclick: onSettle }, `Reground up to ${limit} times`),
    result,
  );
  /** @param {import("../messages.js").Trail | null} trail @param {import("./words.js").Scale} scale */
  function show(trail, scale) {
    result.hidden = clear.hidden = !trail;
    words.textContent = trail ? trailWords(trail, scale) : "";
    if (!trail) return;
    paintImage(picture, trail.decoded, shape);
    const some = trail.drifts.slice(0, 4).map((drift) => distanceWords(drift, scale)).join(", ");
    drifts.textContent = `Steps of ${some}${trail.drifts.length > 4 ? ", …" : ""}`;
  }
  show(null, null);
  return {
    node,
    show,
    /** @param {string} sentence */
    warn(sentence) {
      loss.hidden = !sentence;
      loss.textContent = sentence;
    },
  };
}
