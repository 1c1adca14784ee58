/**
 * The two ends of the path: which references, and which of them the next click chooses.
 *
 *   const section = endpointSection(assets, classes, {title, names, onPick, onActive, onSwap, onAnother});   section.node
 *   section.update([from, to], active)      active: which of the names
 *   section.showDecoded(0, values)          where there are no thumbnails
 *   section.paint(theme); section.refresh()
 */

import { cssColor } from "../colors.js";
import { formatCount } from "../format.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { pointPicture } from "../ui/point_picture.js";
import { element } from "../ui/element.js";

/** @typedef {import("../colors.js").Theme} Theme */

/**
 * @param {import("../assets.js").InteractiveAssets} assets @param {import("../classes.js").Classes} classes
 * @param {{onPick: (end: number, reference: number) => void, onActive: (end: number) => void,
 *   onSwap?: () => void, onAnother?: () => void, title?: string, names?: readonly string[]}} listeners
 */
export function endpointSection(assets, classes, { onPick, onActive, onSwap, onAnother, title = "Ends of the path", names = ["Start", "End"] }) {
  const { thumbnails, labels, hasLabels, count, imageShape } = assets;
  /** @type {readonly number[]} */
  let ends = names.map(() => 0);
  /** @type {Theme} */
  let theme = "light";

  const cards = names.map((name, end) => {
    const thumbnail = pointPicture(assets, `${name} of the path`);
    const picture = thumbnail?.node ?? imageCanvas(imageShape, `${name} of the path, decoded`);
    const swatch = element("span", { class: "swatch" });
    const label = element("span");
    const field = element("input", {
      type: "number",
      min: 0,
      max: count - 1,
      step: 1,
      "aria-label": `${name}: number of the reference`,
      onchange: () => {
        const chosen = field.valueAsNumber;
        if (Number.isInteger(chosen) && chosen >= 0 && chosen < count) onPick(end, chosen);
        else field.value = String(ends[end]);
      },
    });
    const pick = element("button", { type: "button", class: "small", title: "The next point chosen in the cloud becomes this end", onclick: () => onActive(end) }, "Choose");
    const node = element(
      "div",
      { class: "endpoint", role: "group", "aria-label": name },
      picture,
      element("div", { class: "endpoint-name" }, element("b", {}, `${"ABC"[end]} · ${name}`), hasLabels && element("span", { class: "endpoint-label" }, swatch, label)),
      field,
      pick,
    );
    return { node, thumbnail, picture, swatch, label, field, pick };
  });
  const node = element(
    "section",
    { "aria-label": title },
    element("h2", {}, title),
    ...cards.map(({ node }) => node),
    element("p", { class: "hint muted" }, `Click a point or a neighbour, or type a number up to ${formatCount(count - 1)}.`),
    element(
      "div",
      { class: "buttons" },
      onSwap && element("button", { type: "button", onclick: onSwap }, "Swap"),
      onAnother && element("button", { type: "button", onclick: onAnother }, names.length > 2 ? "Another three" : "Another pair"),
    ),
  );

  function paintSwatches() {
    cards.forEach(({ swatch }, end) => (swatch.style.backgroundColor = cssColor(classes.color(labels[ends[end]], theme))));
  }
  return {
    node,
    /** @param {readonly number[]} next @param {number} active */
    update(next, active) {
      ends = next;
      cards.forEach(({ thumbnail, label, field, pick, node: card }, end) => {
        const reference = ends[end];
        thumbnail?.show(reference);
        label.textContent = classes.titleOf(labels[reference]).replace("Class", "labelled");
        field.value = String(reference);
        pick.setAttribute("aria-pressed", String(end === active));
        card.classList.toggle("active", end === active);
      });
      paintSwatches();
    },
    /** @param {number} end @param {Float32Array} values */
    showDecoded(end, values) {
      if (!thumbnails) paintImage(cards[end].picture, values, imageShape);
    },
    /** More thumbnails have come in. */
    refresh() {
      for (const { thumbnail } of cards) thumbnail?.refresh();
    },
    /** @param {Theme} next */
    paint(next) {
      theme = next;
      paintSwatches();
    },
  };
}
