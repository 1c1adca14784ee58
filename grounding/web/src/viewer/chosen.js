/**
 * The panel of the chosen point: its image, class and numbers, and its nearest neighbours, in the
 * latent space and in the picture.
 *
 *   const panel = chosenPanel(points, classes, {onChoose, onClose});
 *   panel.node
 *   panel.show(row, theme)
 *   panel.setNeighbors(near)          near.js's Near for that row
 *   panel.hide()
 *   panel.refresh(theme)              more thumbnails, or other colours
 */

import { cssColor } from "../colors.js";
import { formatNumber } from "../format.js";
import { element, replaceChildren } from "../ui/element.js";
import { pointPicture } from "../ui/point_picture.js";
import { numbersOf, pointName, wordsOf } from "./describe.js";

/** @typedef {import("../assets.js").LatentPoints} LatentPoints */
/** @typedef {import("../classes.js").Classes} Classes */
/** @typedef {import("../colors.js").Theme} Theme */

/**
 * @param {LatentPoints} points @param {Classes} classes
 * @param {{onChoose: (row: number) => void, onClose: () => void}} listeners
 */
export function chosenPanel(points, classes, { onChoose, onClose }) {
  const picture = pointPicture(points, `${points.isDigits ? "Digit" : "Image"} of the chosen point`);
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
    element("div", {}, element("div", { class: "class-line" }, swatch, title), points.hasLabels && name),
  );
  const node = element("section", { class: "chosen float", "aria-label": "Chosen point", tabindex: -1, hidden: true }, close, head, numbers, near);
  /** @type {ReturnType<typeof neighborRow>[]} */
  let rows = [];
  let shown = -1;
  let isOpen = false;
  /** @type {Theme} */
  let theme = "light";

  function paint() {
    swatch.style.backgroundColor = cssColor(classes.color(points.labels[shown], theme));
    picture?.refresh();
    for (const row of rows) row.paint(theme);
  }

  /** @param {ArrayLike<number>} indices @param {ArrayLike<number>} [distances] */
  function list(indices, distances) {
    const made = Array.from(indices, (row, i) => neighborRow(points, classes, row, distances?.[i], onChoose));
    rows.push(...made);
    return element("ul", { class: "near-rows" }, ...made.map((row) => row.node));
  }

  /** "6 of 8 are dog" @param {ArrayLike<number>} indices */
  function ofClass(indices) {
    const label = points.labels[shown];
    const same = Array.from(indices).filter((row) => points.labels[row] === label).length;
    return points.hasLabels ? `${same} of ${indices.length} ${same === 1 ? "is" : "are"} ${classes.nameOf(label)}.` : "";
  }
  return {
    node,
    /** @param {Theme} [next] */
    refresh(next = theme) {
      theme = next;
      if (shown >= 0) paint();
    },
    hide() {
      node.hidden = true;
      shown = -1;
    },
    /** @param {number} row @param {Theme} next */
    show(row, next) {
      theme = next;
      shown = row;
      picture?.show(row);
      name.textContent = pointName(points, row);
      title.textContent = points.hasLabels ? classes.titleOf(points.labels[row]) : pointName(points, row);
      const values = numbersOf(points, row);
      numbers.hidden = !values.length;
      replaceChildren(numbers, ...values.flatMap(([key, value]) => [element("dt", {}, wordsOf(key)), element("dd", { class: "number" }, value)]));
      rows = [];
      replaceChildren(near);
      node.hidden = false;
      paint();
    },
    /** @param {import("./near.js").Near} found */
    setNeighbors({ latent, picture: { indices, distances }, isOne, shared }) {
      rows = [];
      if (!indices.length) return replaceChildren(near, element("p", { class: "note muted" }, "There is no other point."));
      if (!latent) {
        const words = isOne
          ? "The latents themselves are drawn."
          : "Distances between the drawn points: this file does not say which points are nearest in the latent space. Export it again.";
        const heading = isOne ? "Nearest in the latent space" : "Nearest in the picture";
        replaceChildren(near, element("h3", {}, heading), element("p", { class: "note muted" }, `${ofClass(indices)} ${words}`.trim()), list(indices, distances));
      } else {
        const same = `${shared} of ${indices.length} ${shared === 1 ? "is" : "are"} also nearest in the latent space.`;
        const folded = element(
          "details",
          { open: isOpen, ontoggle: () => (isOpen = folded.open) },
          element("summary", {}, "Nearest in the picture"),
          element("p", { class: "note muted" }, `${ofClass(indices)} ${same} Numbers are distances between drawn points.`.trim()),
          list(indices, distances),
        );
        replaceChildren(near, element("h3", {}, "Nearest in the latent space"), element("p", { class: "note muted" }, ofClass(latent)), list(latent), folded);
      }
      paint();
    },
  };
}

/**
 * @param {LatentPoints} points @param {Classes} classes @param {number} row @param {number | undefined} distance
 * @param {(row: number) => void} onChoose
 */
function neighborRow(points, classes, row, distance, onChoose) {
  const picture = pointPicture(points, "");
  picture?.node.setAttribute("aria-hidden", "true");
  picture?.show(row);
  const swatch = element("span", { class: "swatch" });
  const label = points.labels[row];
  const called = classes.nameOf(label);
  const button = element(
    "button",
    { type: "button", class: "near-row", title: pointName(points, row), onclick: () => onChoose(row) },
    picture?.node,
    swatch,
    points.hasLabels && element("span", { class: "visually-hidden" }, "Class "),
    points.hasLabels && element("span", { class: "near-label", title: called }, called),
    element("span", { class: "near-name muted" }, pointName(points, row)),
    distance !== undefined && element("span", { class: "visually-hidden" }, ", distance "),
    distance !== undefined && element("span", { class: "number" }, formatNumber(distance)),
  );
  return {
    node: element("li", {}, button),
    /** @param {Theme} theme */
    paint(theme) {
      picture?.refresh();
      swatch.style.backgroundColor = cssColor(classes.color(label, theme));
    },
  };
}
