/**
 * The card beside the cursor: digit, class and index of the point under it.
 *
 *   const card = hoverCard(overlay, points);
 *   card.show(row, x, y, color, key); card.hide(); card.refresh()
 */

import { formatNumber } from "../format.js";
import { element } from "../ui/element.js";
import { pointName, wordsOf } from "./describe.js";
import { digitPicture } from "../ui/digit_picture.js";

const AWAY = 14;

/** @param {HTMLElement} overlay @param {import("../assets.js").LatentPoints} points */
export function hoverCard(overlay, points) {
  const picture = digitPicture(points, "Digit under the cursor");
  const swatch = element("span", { class: "swatch" });
  const title = element("strong");
  const name = element("span", { class: "muted" });
  const number = element("span", { class: "muted number" });
  // The cursor's own: what it says can be had by the keyboard from the chosen point.
  const node = element(
    "div",
    { class: "hover float", "aria-hidden": "true", hidden: true },
    picture?.node,
    element("div", {}, element("div", { class: "class-line" }, swatch, title), name, number),
  );
  overlay.append(node);
  let shown = -1;

  return {
    node,
    refresh: () => void picture?.refresh(),
    hide() {
      node.hidden = true;
      shown = -1;
    },
    /**
     * @param {number} row @param {number} x @param {number} y @param {string} color
     * @param {string} key of the number that is coloured by, or ""
     */
    show(row, x, y, color, key) {
      if (row !== shown) {
        shown = row;
        picture?.show(row);
        swatch.style.backgroundColor = color;
        title.textContent = `Class ${points.labels[row]}`;
        name.textContent = pointName(points, row);
        const values = points.numbers.get(key);
        number.textContent = values ? `${wordsOf(key)} ${formatNumber(values[row])}` : "";
      }
      node.hidden = false;
      const isRight = x + AWAY + node.offsetWidth < overlay.clientWidth;
      const left = isRight ? x + AWAY : x - AWAY - node.offsetWidth;
      const top = Math.min(Math.max(4, y - node.offsetHeight / 2), overlay.clientHeight - node.offsetHeight - 4);
      node.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
    },
  };
}
