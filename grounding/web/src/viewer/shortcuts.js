/**
 * The viewer's keys, wherever the focus is, but for fields and dialogs.
 *
 *   listenToKeys({onTool, onFind, onGallery, onEscape});   KEYS: rows for the list of keys
 */

import { isForPage } from "../ui/keys.js";

/** @type {[keys: string, what: string][]} */
export const KEYS = [
  ["B, L", "Select with a box or a lasso"],
  ["Shift, Alt while selecting", "Add to the selection, take away from it"],
  ["Shift or Alt + click, + Enter", "Add a point, take one away"],
  ["T, M", "Turn or move again"],
  ["G", "Gallery of the selection"],
  ["/", "Find a point"],
  ["Click a class", "Dim it"],
  ["Double-click, Shift + Enter", "Show a class alone"],
  ["Esc", "Leave tool, selection, chosen point"],
];

/** @type {Record<string, import("../controls.js").Tool>} */
const TOOLS = { b: "box", l: "lasso", t: "orbit", m: "pan" };

/** @param {{onTool: (tool: import("../controls.js").Tool) => void, onFind: () => void, onGallery: () => void, onEscape: () => void}} listeners */
export function listenToKeys({ onTool, onFind, onGallery, onEscape }) {
  addEventListener("keydown", (event) => {
    if (!isForPage(event)) return;
    const key = event.key.toLowerCase();
    if (Object.hasOwn(TOOLS, key)) onTool(TOOLS[key]);
    else if (key === "/") onFind();
    else if (key === "g") onGallery();
    else if (key === "escape") onEscape();
    else return;
    event.preventDefault();
  });
}
