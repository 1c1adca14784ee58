/**
 * The viewer's keys, wherever the focus is, but for fields and dialogs.
 *
 *   listenToKeys({onTool, onFind, onEscape});   KEYS: rows for the list of keys
 */

import { isTyping } from "../ui/keys.js";

/** @type {[keys: string, what: string][]} */
export const KEYS = [
  ["B, L", "Select with a box or a lasso"],
  ["T, M", "Turn or move again"],
  ["/", "Find a point"],
  ["Click a class", "Dim it"],
  ["Double-click, Shift + Enter", "Show a class alone"],
  ["Esc", "Leave tool, selection, chosen point"],
];

/** @type {Record<string, import("../controls.js").Tool>} */
const TOOLS = { b: "box", l: "lasso", t: "orbit", m: "pan" };

/** @param {{onTool: (tool: import("../controls.js").Tool) => void, onFind: () => void, onEscape: () => void}} listeners */
export function listenToKeys({ onTool, onFind, onEscape }) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (Object.hasOwn(TOOLS, key)) onTool(TOOLS[key]);
    else if (key === "/") onFind();
    else if (key === "escape") onEscape();
    else return;
    event.preventDefault();
  });
}
