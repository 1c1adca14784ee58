/**
 * The references that carry a latent's place: thumbnail, label, number, pull and distance.
 *
 *   const list = neighborList(assets, classes, {onChoose});   list.node
 *   list.measured(scale); list.update(placed); list.paint(theme); list.refresh()
 *
 * Rows are made once and written again; a thumbnail is painted only when its row gets another
 * reference.
 */

import { cssColor } from "../colors.js";
import { pointPicture } from "../ui/point_picture.js";
import { element } from "../ui/element.js";
import { cell, write } from "../ui/write.js";
import { distanceWords } from "./words.js";

/** @typedef {import("../colors.js").Theme} Theme */
/** @typedef {import("../messages.js").Placed} Placed */

const MOST_ROWS = 30;

/**
 * @param {import("../assets.js").InteractiveAssets} assets @param {import("../classes.js").Classes} classes
 * @param {{onChoose: (reference: number) => void}} listeners
 */
export function neighborList(assets, classes, { onChoose }) {
  const count = Math.min(assets.projectionK, MOST_ROWS);
  /** @type {Theme} */
  let theme = "light";
  /** @type {import("./words.js").Scale} */
  let scale = null;
  const rows = Array.from({ length: count }, makeRow);
  const node = element(
    "section",
    { "aria-labelledby": "neighbors-title" },
    element(
      "div",
      { class: "section-head" },
      element("h2", { id: "neighbors-title" }, "Nearest references"),
      element("span", { class: "muted small-text" }, "distance"),
    ),
    element("ol", { class: assets.hasLabels ? "neighbors" : "neighbors without-labels" }, ...rows.map(({ item }) => item)),
  );

  // Their columns are as wide as the longest number needs.
  node.style.setProperty("--digits", String(String(assets.count - 1).length));

  function makeRow() {
    const picture = pointPicture(assets, "");
    for (const name of ["role", "aria-label"]) picture?.node.removeAttribute(name);
    picture?.node.setAttribute("aria-hidden", "true");
    const [swatch, label, number, bar, distance] = ["swatch", "label", "muted number", "pull", "number"].map((name) =>
      element("span", { class: name }),
    );
    const pull = element("i");
    bar.append(pull);
    bar.setAttribute("aria-hidden", "true");
    const texts = { label: cell(label), number: cell(number), distance: cell(distance) };
    const row = { reference: -1, picture, swatch, pull, ...texts };
    const button = element(
      "button",
      { type: "button", class: "neighbor", onclick: () => row.reference >= 0 && onChoose(row.reference) },
      picture?.node,
      assets.hasLabels && swatch,
      assets.hasLabels && label,
      number,
      bar,
      distance,
    );
    return Object.assign(row, { item: element("li", { hidden: true }, button) });
  }

  /** @param {ReturnType<typeof makeRow>} row @param {number} reference */
  function take(row, reference) {
    row.reference = reference;
    const label = assets.labels[reference];
    row.picture?.show(reference);
    row.swatch.style.backgroundColor = cssColor(classes.color(label, theme));
    write(row.label, classes.nameOf(label));
    write(row.number, `#${reference}`);
  }
  return {
    node,
    /** @param {Placed} placed */
    update({ indices, distances, weights }) {
      for (let i = 0; i < count; i++) {
        const row = rows[i];
        row.item.hidden = i >= indices.length;
        if (i >= indices.length) continue;
        if (row.reference !== indices[i]) take(row, indices[i]);
        row.pull.style.transform = `scaleX(${(weights[i] / weights[0]).toFixed(3)})`;
        write(row.distance, distanceWords(distances[i], scale));
      }
    },
    /** @param {import("./words.js").Scale} found */
    measured(found) {
      scale = found;
    },
    /** More thumbnails have come in. */
    refresh() {
      for (const { picture } of rows) picture?.refresh();
    },
    /** @param {Theme} next */
    paint(next) {
      theme = next;
      for (const row of rows) if (row.reference >= 0) row.swatch.style.backgroundColor = cssColor(classes.color(assets.labels[row.reference], next));
    },
  };
}
