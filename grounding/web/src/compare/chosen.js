/**
 * The chosen image with its nearest others in either latent space.
 *
 *   const chosen = chosenPair(pair, points, classes, names, {onChoose, onClose});   chosen.node
 *   chosen.show(row, theme), chosen.hide(), chosen.refresh(theme)
 *
 * Those that both have are framed. pair: match.js's; points: of the images, as the viewer has them.
 */

import { cssColor } from "../colors.js";
import { element, replaceChildren } from "../ui/element.js";
import { pointPicture } from "../ui/point_picture.js";
import { pointName } from "../viewer/describe.js";
import { sharedOf } from "./match.js";

/**
 * @param {import("./match.js").Matched} pair @param {import("../assets.js").LatentPoints} points
 * @param {import("../classes.js").Classes} classes @param {[string, string]} names
 * @param {{onChoose: (row: number) => void, onClose: () => void}} listeners
 */
export function chosenPair({ near, rowOf }, points, classes, names, { onChoose, onClose }) {
  const picture = pointPicture(points, "The chosen image");
  const title = element("h2");
  const name = element("span", { class: "muted" });
  const words = element("p", { class: "note" });
  const lists = element("div", { class: "near pair" });
  const close = element("button", { type: "button", class: "quiet close", "aria-label": "Close", onclick: onClose }, "×");
  const node = element(
    "section",
    { class: "chosen-pair", "aria-label": "Chosen image", tabindex: -1, hidden: true },
    element("div", { class: "chosen-head", "aria-live": "polite" }, picture?.node, element("div", {}, title, name, words), close),
    lists,
  );
  let shown = -1;
  /** @type {import("../colors.js").Theme} */
  let theme = "light";

  /** @param {number} index @param {boolean} isShared */
  function cell(index, isShared) {
    const row = rowOf.get(index);
    if (row === undefined) return element("li", {}, element("span", { class: "muted small-text" }, `${index}`));
    const image = pointPicture(points, "");
    image?.node.setAttribute("aria-hidden", "true");
    image?.show(row);
    const swatch = element("span", { class: "swatch" });
    swatch.style.backgroundColor = cssColor(classes.color(points.labels[row], theme));
    const label = points.hasLabels ? classes.nameOf(points.labels[row]) : String(index);
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", class: isShared ? "shared" : null, title: pointName(points, row), onclick: () => onChoose(row) },
        element("span", { class: "visually-hidden" }, `${pointName(points, row)}${isShared ? ", in both" : ""}, `),
        image?.node,
        element("span", { class: "cell-line" }, points.hasLabels && swatch, element("span", { class: "cell-label" }, label)),
      ),
    );
  }
  function paint() {
    if (!near) return;
    const both = sharedOf(near, shown);
    replaceChildren(
      lists,
      ...near.flatMap((all, side) => [
        element("h3", {}, `Nearest in ${names[side]}`),
        element("ul", { class: "pair-cells" }, ...Array.from(all[shown], (index) => cell(index, both.includes(index)))),
      ]),
    );
  }
  return {
    node,
    /** @param {number} row @param {import("../colors.js").Theme} next */
    show(row, next) {
      [shown, theme] = [row, next];
      picture?.show(row);
      title.textContent = points.hasLabels ? classes.titleOf(points.labels[row]) : pointName(points, row);
      name.textContent = points.hasLabels ? pointName(points, row) : "";
      words.textContent = near ? `${sharedOf(near, row).length} of its ${near[0][row].length} nearest are the same in both.` : "These files do not say which images are nearest: export the points again.";
      node.hidden = false;
      paint();
    },
    hide() {
      node.hidden = true;
      shown = -1;
    },
    /** @param {import("../colors.js").Theme} [next] */
    refresh(next = theme) {
      theme = next;
      if (shown < 0) return;
      picture?.refresh();
      paint();
    },
  };
}
