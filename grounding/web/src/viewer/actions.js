/**
 * What can be done with a selection, and selections that are ready made.
 *
 *   const actions = selectionActions(points, classes, {onFound, onGallery, onZoom, selected, playground});
 *   actions.nodes              [ready-made ones, what can be done], for the selection's section
 *   actions.update(rows)       after another selection; rows or null
 *   actions.pressed(isOpen)    whether the gallery is open
 *
 * selected(): the address's text for the selection; playground(): playground_link.js's, asked for once.
 */

import { formatCount } from "../format.js";
import { copyText } from "../ui/copy.js";
import { element } from "../ui/element.js";
import { fileNameOf, saveBlob } from "../ui/save.js";
import { csvOf, disagreeingRows, indicesOf, medoidOf, pythonList, worstRows } from "./members.js";

const WORST = 50;

/**
 * @param {import("../assets.js").LatentPoints} points @param {import("../classes.js").Classes} classes
 * @param {{onFound: (rows: Int32Array) => void, onGallery: () => void, onZoom: () => void,
 *   selected: () => string, playground: () => Promise<import("./playground_link.js").PlaygroundAddress | null>}} parts
 */
export function selectionActions(points, classes, { onFound, onGallery, onZoom, selected, playground }) {
  /** @type {Int32Array} */
  let rows = new Int32Array();
  /** @type {Int32Array | null} */
  let disagreeing = null;
  const button = (/** @type {string} */ text, /** @type {() => void} */ onclick, title = "") => element("button", { type: "button", class: "small", title: title || null, onclick }, text);
  const said = element("output", { class: "note" });

  const worst = button(`${WORST} worst reconstructions`, () => onFound(worstRows(points, WORST) ?? rows), "The points of the largest reconstruction errors");
  worst.hidden = !points.numbers.has("reconstruction_error");
  const others = button("Neighbours disagree", () => onFound((disagreeing ??= disagreeingRows(points)) ?? rows), "Points most of whose nearest others in the latent space have another label");
  others.hidden = !points.neighbors?.each || !points.hasLabels;
  const ready = element("div", { class: "ready-made buttons", role: "group", "aria-label": "Ready-made selections" }, worst, others);
  ready.hidden = worst.hidden && others.hidden;

  const gallery = button("Gallery", onGallery, "Show its members below the stage (G)");
  const name = () => fileNameOf(`${points.about.experiment} ${points.about.split} selection`);
  async function copy() {
    const isDone = await copyText(pythonList(points, rows));
    said.textContent = isDone ? `${formatCount(rows.length)} copied.` : "This browser does not let the page copy: save the CSV.";
  }
  const link = element("a", { class: "as-button small", href: "#", hidden: true, title: "Begins with the medoid; the other members stand in front" }, "Open in playground");
  /** @type {import("./playground_link.js").PlaygroundAddress | null} */
  let addressOf = null;
  // When it is used: its medoid may not have been asked for.
  function aim() {
    if (!addressOf || !rows.length) return;
    link.href = addressOf(indicesOf(points, Int32Array.of(medoidOf(points.points, rows)))[0], selected());
  }
  for (const event of ["pointerdown", "focus", "click"]) link.addEventListener(event, aim);
  let isAsked = false;
  async function findPlayground() {
    isAsked = true;
    addressOf = await playground();
    link.hidden = !addressOf;
  }
  const node = element(
    "div",
    { class: "actions", hidden: true },
    element(
      "div",
      { class: "buttons" },
      gallery,
      button("Zoom to it", onZoom, "Bring the selection into view"),
      button("Copy list", () => void copy(), "The positions in the split, as a Python list"),
      button("Save CSV", () => saveBlob(new Blob([csvOf(points, classes, rows)], { type: "text/csv" }), `${name()}.csv`), "Position, class, numbers and place of each member"),
      link,
    ),
    said,
  );
  return {
    nodes: [ready, node],
    /** @param {Int32Array | null} next */
    update(next) {
      rows = next ?? new Int32Array();
      if (rows.length && !isAsked) void findPlayground();
      node.hidden = !rows.length;
      said.textContent = "";
    },
    /** @param {boolean} isOpen */
    pressed(isOpen) {
      gallery.setAttribute("aria-pressed", String(isOpen));
    },
  };
}
