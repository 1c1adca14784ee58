/**
 * Where the second cloud is drawn: beside the first, or below it on a phone.
 *
 *   const {canvas, overlay} = secondStage(shell, [name, name]);
 */

import { element } from "../ui/element.js";

/** What stands on a stage. @param {string} text */
const nameTag = (text) => element("p", { class: "count stage-name" }, text);

/** @param {import("../shell.js").Shell} shell @param {[string, string]} names */
export function secondStage(shell, names) {
  document.documentElement.classList.add("comparing");
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": `Cloud of latent points of ${names[1]}. Arrow keys turn it, Enter chooses a point.` });
  shell.canvas.setAttribute("aria-label", `Cloud of latent points of ${names[0]}. Arrow keys turn it, Enter chooses a point.`);
  const corner = element("div", { class: "corner bottom left" }, nameTag(names[1]));
  const overlay = element("div", { class: "overlay" }, corner);
  shell.corners.bottomLeft.append(nameTag(names[0]));
  /** @type {HTMLElement} */ (shell.canvas.parentElement).after(element("section", { class: "stage other", "aria-label": names[1] }, canvas, overlay));
  return { canvas, overlay };
}
