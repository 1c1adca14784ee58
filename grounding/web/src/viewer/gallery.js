/**
 * The images of a selection below the stage, in an order of choice, with their mean and their medoid.
 *
 *   const gallery = memberGallery(points, classes, {onChoose, onPoint, onClose});   gallery.node
 *   gallery.show(rows, theme); gallery.hide(); gallery.isOpen
 *   gallery.refresh(theme)          more thumbnails, or other colours
 *
 * onChoose(row), onPoint(row | null): the member under the cursor or the focus.
 */

import { cssColor } from "../colors.js";
import { formatCount, formatNumber } from "../format.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { pointPicture } from "../ui/point_picture.js";
import { virtualGrid } from "../ui/virtual_grid.js";
import { pointName, wordsOf } from "./describe.js";
import { distancesTo, inOrder, meanImage, medoidOf } from "./members.js";

/** @typedef {import("../colors.js").Theme} Theme */

const ERROR = "reconstruction_error";
const CELL = { width: 84, height: 104, plainHeight: 56 };

/**
 * @param {import("../assets.js").LatentPoints} points @param {import("../classes.js").Classes} classes
 * @param {{onChoose: (row: number) => void, onPoint: (row: number | null) => void, onClose: () => void}} listeners
 */
export function memberGallery(points, classes, { onChoose, onPoint, onClose }) {
  const { numbers, thumbnails, hasLabels } = points;
  /** @type {Int32Array} */
  let rows = new Int32Array();
  let medoid = -1;
  /** @type {Float32Array | null} */
  let away = null;
  /** @type {Theme} */
  let theme = "light";

  const sort = element(
    "select",
    { onchange: paint },
    ...[...numbers.keys()].sort((a, b) => Number(b === ERROR) - Number(a === ERROR)).map((key) => element("option", { value: key }, `${wordsOf(key)}, largest first`)),
    element("option", { value: "medoid" }, "Distance to the medoid"),
    element("option", { value: "index" }, "Position in the file"),
  );
  const count = element("h2", { id: "gallery-title" });
  const mean = thumbnails && imageCanvas(thumbnails.shape, "Mean image of the selection");
  const middle = thumbnails && pointPicture(points, "Medoid of the selection");
  const middleButton = element("button", { type: "button", class: "small", title: "The member whose mean distance to the others, in the picture, is smallest", onclick: () => onChoose(medoid) }, "Medoid");
  const grid = virtualGrid({
    label: "Members of the selection",
    width: CELL.width,
    height: thumbnails ? CELL.height : CELL.plainHeight,
    make: cell,
    onChoose,
    onPoint,
  });
  const node = element(
    "section",
    { class: "gallery", "aria-labelledby": "gallery-title", hidden: true },
    element(
      "div",
      { class: "gallery-head" },
      mean && element("figure", {}, mean, element("figcaption", {}, "Mean")),
      middle ? element("figure", {}, middle.node, element("figcaption", {}, middleButton)) : middleButton,
      element("div", { class: "gallery-words" }, count, element("label", { class: "choice" }, "Order", sort)),
      element("button", { type: "button", class: "quiet close", "aria-label": "Close the gallery", onclick: onClose }, "×"),
    ),
    grid.node,
  );
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onClose();
  });

  /** @param {number} row */
  function cell(row) {
    const picture = pointPicture(points, "");
    picture?.node.setAttribute("aria-hidden", "true");
    picture?.show(row);
    const swatch = element("span", { class: "swatch" });
    swatch.style.backgroundColor = cssColor(classes.color(points.labels[row], theme));
    const value = sort.value === "medoid" ? away?.[row] : numbers.get(sort.value)?.[row];
    return [
      element("span", { class: "visually-hidden" }, `${pointName(points, row)}, `),
      picture?.node,
      element("span", { class: "cell-line" }, hasLabels && swatch, element("span", { class: "cell-label" }, hasLabels ? classes.nameOf(points.labels[row]) : pointName(points, row))),
      value !== undefined && element("span", { class: "cell-value number muted" }, formatNumber(value)),
    ];
  }

  function paint() {
    away = sort.value === "medoid" ? distancesTo(points.points, medoid) : null;
    grid.set(inOrder(points, rows, sort.value, medoid));
  }
  function paintMean() {
    if (!mean || !thumbnails) return;
    paintImage(mean, meanImage(thumbnails, rows).values, thumbnails.shape);
    middle?.show(medoid);
  }
  return {
    node,
    get isOpen() {
      return !node.hidden;
    },
    /** @param {Int32Array} next at least one @param {Theme} now */
    show(next, now) {
      [rows, theme] = [next, now];
      medoid = medoidOf(points.points, rows);
      count.textContent = `${formatCount(rows.length)} ${points.imageShape ? "image" : "row"}${rows.length === 1 ? "" : "s"}`;
      node.hidden = false;
      paint();
      paintMean();
    },
    hide() {
      node.hidden = true;
      onPoint(null);
    },
    /** @param {Theme} [now] */
    refresh(now = theme) {
      theme = now;
      if (node.hidden) return;
      grid.refresh();
      paintMean();
    },
  };
}
