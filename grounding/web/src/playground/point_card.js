/**
 * A card on the stage about one reference, and the tip that follows the cursor.
 *
 *   const card = pointCard(assets, classes, {onTake, onEnd, onClose});   card.node
 *   card.show(reference); card.hide(); card.refresh(); card.reference   -1 while hidden
 *   const tip = pointTip(assets, classes);   tip.node; tip.show(reference, x, y, stage); tip.hide()
 */

import { placeBeside } from "../ui/beside.js";
import { element } from "../ui/element.js";
import { pointPicture } from "../ui/point_picture.js";

/** The tip, of its point, in pixels. */
const ABOVE = 8;

/** @typedef {import("../assets.js").InteractiveAssets} InteractiveAssets */
/** @typedef {import("../classes.js").Classes} Classes */

/**
 * @param {InteractiveAssets} assets @param {Classes} classes
 * @param {{onTake: (reference: number) => void, onEnd: (end: number, reference: number) => void,
 *   onClose: () => void}} listeners
 */
export function pointCard(assets, classes, { onTake, onEnd, onClose }) {
  const picture = pointPicture(assets, "The reference's image");
  const title = element("b");
  const facts = element("span", { class: "muted" });
  const card = { reference: -1, node: document.createElement("div"), show, hide, refresh: () => picture?.refresh() };
  const button = (/** @type {string} */ text, /** @type {() => void} */ onclick, className = "small") =>
    element("button", { type: "button", class: className, onclick }, text);
  const close = element("button", { type: "button", class: "quiet small close", "aria-label": "Close", onclick: onClose }, "×");
  card.node = element(
    "div",
    { class: "card", role: "group", "aria-label": "Chosen reference", hidden: true },
    picture?.node,
    element("div", { class: "card-words" }, title, facts),
    close,
    element(
      "div",
      { class: "card-buttons" },
      picture && button("Take as input", () => onTake(card.reference), "small primary"),
      button("Start here", () => onEnd(0, card.reference)),
      button("End here", () => onEnd(1, card.reference)),
    ),
  );
  card.node.addEventListener("keydown", (event) => event.key === "Escape" && onClose());

  /** @param {number} reference */
  function show(reference) {
    card.reference = reference;
    card.node.hidden = false;
    const image = assets.indices ? `, image ${assets.indices[reference]}` : "";
    const words = `Reference ${reference}${image}`;
    title.textContent = assets.hasLabels ? classes.titleOf(assets.labels[reference]) : words;
    facts.textContent = assets.hasLabels ? words : "";
    picture?.show(reference);
  }
  function hide() {
    card.reference = -1;
    card.node.hidden = true;
  }
  return card;
}

/** @param {InteractiveAssets} assets @param {Classes} classes */
export function pointTip(assets, classes) {
  const picture = pointPicture(assets, "");
  picture?.node.removeAttribute("aria-label");
  const text = element("span");
  const node = element("div", { class: "tip", "aria-hidden": "true", hidden: true }, picture?.node, text);
  return {
    node,
    /** @param {number} reference @param {number} x @param {number} y @param {HTMLElement} stage */
    show(reference, x, y, stage) {
      node.hidden = false;
      picture?.show(reference);
      text.textContent = `${assets.hasLabels ? `${classes.nameOf(assets.labels[reference])} · ` : ""}#${reference}`;
      placeBeside(node, x, y, stage, { top: y - node.offsetHeight - ABOVE });
    },
    hide() {
      node.hidden = true;
    },
  };
}
