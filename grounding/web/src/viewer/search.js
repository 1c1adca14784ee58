/**
 * Finding a point by its index.
 *
 *   const search = searchField(points, {onFound});   search.node
 */

import { element } from "../ui/element.js";
import { findPoint, searchText } from "./describe.js";

/**
 * @param {import("../assets.js").LatentPoints} points
 * @param {{onFound: (row: number) => void}} listeners
 */
export function searchField(points, { onFound }) {
  const { label, hint } = searchText(points);
  const input = element("input", {
    type: "text",
    id: "find",
    inputmode: "numeric",
    autocomplete: "off",
    placeholder: hint,
    "aria-describedby": "find-message",
    onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && find(),
  });
  const message = element("p", { id: "find-message", class: "note", role: "status" });
  function find() {
    const found = findPoint(points, input.value);
    message.textContent = "message" in found ? found.message : "";
    input.setAttribute("aria-invalid", String("message" in found));
    if ("row" in found) onFound(found.row);
  }
  const node = element(
    "section",
    { class: "search", "aria-label": "Find a point" },
    element("label", { for: "find" }, label),
    element("div", { class: "field-row" }, input, element("button", { type: "button", onclick: find }, "Find")),
    message,
  );
  return { node, input };
}
