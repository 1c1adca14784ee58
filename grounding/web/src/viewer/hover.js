/**
 * The card beside the cursor: image, class and index of the point under it.
 *
 *   const card = hoverCard(overlay, points, classes);
 *   card.show(row, x, y, theme, key); card.hide(); card.refresh()
 */

import { cssColor } from "../colors.js";
import { formatNumber } from "../format.js";
import { placeBeside } from "../ui/beside.js";
import { element } from "../ui/element.js";
import { pointName, wordsOf } from "./describe.js";
import { pointPicture } from "../ui/point_picture.js";

/** @param {HTMLElement} overlay @param {import("../assets.js").LatentPoints} points @param {import("../classes.js").Classes} classes */
export function hoverCard(overlay, points, classes) {
  const picture = pointPicture(points, `${points.isDigits ? "Digit" : "Image"} under the cursor`);
  const swatch = element("span", { class: "swatch" });
  const title = element("strong");
  const name = element("span", { class: "muted" });
  const number = element("span", { class: "muted number" });
  // The cursor's own: what it says can be had by the keyboard from the chosen point.
  const node = element(
    "div",
    { class: "hover float", "aria-hidden": "true", hidden: true },
    picture?.node,
    element("div", {}, element("div", { class: "class-line" }, swatch, title), points.hasLabels && name, number),
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
     * @param {number} row @param {number} x @param {number} y @param {import("../colors.js").Theme} theme
     * @param {string} key of the number that is coloured by, or ""
     */
    show(row, x, y, theme, key) {
      if (row !== shown) {
        shown = row;
        picture?.show(row);
        swatch.style.backgroundColor = cssColor(classes.color(points.labels[row], theme));
        name.textContent = pointName(points, row);
        title.textContent = points.hasLabels ? classes.titleOf(points.labels[row]) : pointName(points, row);
        const values = points.numbers.get(key);
        number.textContent = values ? `${wordsOf(key)} ${formatNumber(values[row])}` : "";
      }
      node.hidden = false;
      placeBeside(node, x, y, overlay);
    },
  };
}
