/**
 * The playground's keys, wherever the focus is, but for fields and dialogs.
 *
 *   listenToKeys({onEscape, mainButton});   KEYS: rows for the list of keys
 *
 * onEscape() closes what is open, the last first, and says whether anything was. Enter presses
 * mainButton(), if the focus is on nothing that takes it.
 */

import { isForPage } from "../ui/keys.js";

/** @type {[keys: string, what: string][]} */
export const KEYS = [
  ["Click a point", "Show it; in interpolate mode, make it an end of the path"],
  ["Drag the marker", "Take it to another place of the cloud"],
  ["C", "A crosshair: arrow keys move it, Shift finely, Enter takes the place, Esc leaves"],
  ["Arrow keys on a slider", "One step; Page Up and Page Down ten"],
  ["Delete on a slider", "Back to its start"],
  ["Enter", "Play the path or the flow; next step of the story"],
  ["Esc", "Close the chosen point, then the story"],
];

/** @param {{onEscape: () => boolean, mainButton: () => HTMLElement | null}} listeners */
export function listenToKeys({ onEscape, mainButton }) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || !isForPage(event)) return;
    if (event.key === "Escape") {
      if (onEscape()) event.preventDefault();
    } else if (event.key === "Enter" && event.target === document.body) {
      const next = /** @type {HTMLElement | null} */ (document.querySelector(".story:not([hidden]) .story-next"));
      (next ?? mainButton())?.click();
    }
  });
}
