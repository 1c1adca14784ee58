/**
 * The panel of the chosen point: its digit, class and numbers, and its nearest neighbours.
 *
 *   const panel = chosenPanel(points, {onChoose, onClose});
 *   panel.node
 *   panel.show(row, colorOf)          colorOf(label) -> CSS text
 *   panel.setNeighbors(neighbors)     client.neighbors()'s answer for that row
 *   panel.hide(); panel.refresh()     refresh: more thumbnails, or other colours
 */

import { formatNumber } from "../format.js";
import { element, replaceChildren } from "../ui/element.js";
import { numbersOf, pointName, wordsOf } from "./describe.js";
import { digitPicture } from "../ui/digit_picture.js";

/** @typedef {import("../assets.js").LatentPoints} LatentPoints */
/** @typedef {(label: number) => string} ColorOf */

/**
 * @param {LatentPoints} points
 * @param {{onChoose: (row: number) => void, onClose: () => void}} listeners
 */
export function chosenPanel(points, { onChoose, onClose }) {
  const picture = digitPicture(points, "Digit of the chosen point");
  const swatch = element("span", { class: "swatch" });
  const title = element("h2");
  const name = element("span", { class: "muted" });
  const numbers = element("dl", { class: "facts" });
  const near = element("div", { class: "near" });
  const close = element("button", { type: "button", class: "quiet close", "aria-label": "Close", onclick: onClose }, "×");
  const head = element(
    "div",
    { class: "chosen-head", "aria-live": "polite" },
    picture?.node,
    element("div", {}, element("div", { class: "class-line" }, swatch, title), name),
  );
  const node = element("section", { class: "chosen float", "aria-label": "Chosen point", tabindex: -1, hidden: true }, close, head, numbers, near);
  /** @type {ReturnType<typeof neighborRow>[]} */
  let rows = [];
  let shown = -1;
  /** @type {ColorOf} */
  let colorOf = () => "";

  function paint() {
    swatch.style.backgroundColor = colorOf(points.labels[shown]);
    picture?.refresh();
    for (const row of rows) row.paint(colorOf);
  }
  return {
    node,
    /** @param {ColorOf} [colors] */
    refresh(colors = colorOf) {
      colorOf = colors;
      if (shown >= 0) paint();
    },
    hide() {
      node.hidden = true;
      shown = -1;
    },
    /** @param {number} row @param {ColorOf} colors */
    show(row, colors) {
      colorOf = colors;
      shown = row;
      picture?.show(row);
      title.textContent = `Class ${points.labels[row]}`;
      name.textContent = pointName(points, row);
      const list = numbersOf(points, row);
      numbers.hidden = !list.length;
      replaceChildren(numbers, ...list.flatMap(([key, value]) => [element("dt", {}, wordsOf(key)), element("dd", { class: "number" }, value)]));
      node.hidden = false;
      paint();
    },
    /** @param {import("../messages.js").PointNeighbors} neighbors */
    setNeighbors({ indices, distances }) {
      rows = Array.from(indices, (row, i) => neighborRow(points, row, distances[i], onChoose));
      const label = points.labels[shown];
      const same = Array.from(indices).filter((row) => points.labels[row] === label).length;
      replaceChildren(
        near,
        element("h3", {}, `Nearest ${indices.length}: ${same} of class ${label}`),
        element("p", { class: "note muted" }, "Distances between the drawn points, not in the latent space."),
        element("ul", { class: "near-rows" }, ...rows.map((row) => row.node)),
      );
      paint();
    },
  };
}

/**
 * @param {LatentPoints} points @param {number} row @param {number} distance
 * @param {(row: number) => void} onChoose
 */
function neighborRow(points, row, distance, onChoose) {
  const picture = digitPicture(points, "");
  picture?.node.setAttribute("aria-hidden", "true");
  picture?.show(row);
  const swatch = element("span", { class: "swatch" });
  const label = points.labels[row];
  const button = element(
    "button",
    { type: "button", class: "near-row", title: pointName(points, row), onclick: () => onChoose(row) },
    picture?.node,
    swatch,
    element("span", { class: "visually-hidden" }, "Class "),
    element("span", {}, String(label)),
    element("span", { class: "near-name muted" }, pointName(points, row)),
    element("span", { class: "visually-hidden" }, ", distance "),
    element("span", { class: "number" }, formatNumber(distance)),
  );
  return {
    node: element("li", {}, button),
    /** @param {ColorOf} colorOf */
    paint(colorOf) {
      picture?.refresh();
      swatch.style.backgroundColor = colorOf(label);
    },
  };
}
