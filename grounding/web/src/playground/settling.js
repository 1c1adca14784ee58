/**
 * Repeated regrounding: a button, what came of it in words, and the digit it came to.
 *
 *   const section = settlingSection([C, H, W], {onSettle, onClear});   section.node
 *   section.show(trail | null)
 */

import { formatNumber } from "../format.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { trailWords } from "./words.js";

/** @param {readonly number[]} shape @param {{onSettle: () => void, onClear: () => void}} listeners */
export function settlingSection(shape, { onSettle, onClear }) {
  const picture = imageCanvas(shape, "Decoded from where it settled");
  const words = element("p", { role: "status" });
  const drifts = element("p", { class: "muted number small-text" });
  const clear = element("button", { type: "button", class: "small", onclick: onClear }, "Clear trail");
  const result = element("div", { class: "settled", hidden: true }, picture, element("div", {}, words, drifts));
  const node = element(
    "section",
    { "aria-labelledby": "settle-title" },
    element("div", { class: "section-head" }, element("h2", { id: "settle-title" }, "Settling"), clear),
    element("p", { class: "muted small-text" }, "Decode and encode again and again, from z at t, until a step is shorter than 0.1 % of |z|."),
    element("button", { type: "button", onclick: onSettle }, "Reground until it settles"),
    result,
  );
  /** @param {import("../messages.js").Trail | null} trail */
  function show(trail) {
    result.hidden = clear.hidden = !trail;
    words.textContent = trail ? trailWords(trail, trail.distance) : "";
    if (!trail) return;
    paintImage(picture, trail.decoded, shape);
    const some = trail.drifts.slice(0, 4).map((drift) => formatNumber(drift)).join(", ");
    drifts.textContent = `Steps of ${some}${trail.drifts.length > 4 ? ", …" : ""}`;
  }
  show(null);
  return { node, show };
}
