/**
 * The selection in the address, as positions in the split: they stay the same when points are exported
 * again, where rows do not.
 *
 *   const link = selectionLink(points, {tell});      tell(text): what of a link does not fit this file
 *   link.textOf(rows | null)                          for the address, "" for no selection
 *   link.read(text)                                   -> rows | null
 *   link.follow(selection, text)                      selects them; link.isFollowing meanwhile: the address has them
 */

import { formatCount } from "../format.js";
import { indicesFromText, indicesToText } from "../indices.js";
import { LONGEST_SELECTION } from "../state.js";
import { indicesOf, rowsOf } from "./members.js";

/**
 * @param {Pick<import("../assets.js").LatentPoints, "indices" | "count" | "imageShape">} points
 * @param {{tell: (text: string) => void}} listeners
 */
export function selectionLink(points, { tell }) {
  let told = "";
  let isFollowing = false;
  /** Going back and forward says nothing twice. @param {string} text */
  function say(text) {
    if (text && text !== told) tell(text);
    told = text;
  }
  const noun = points.imageShape ? "image" : "row";
  /** @param {number} count */
  const some = (count) => `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
  const self = {
    get isFollowing() {
      return isFollowing;
    },
    /** @param {{set: (rows: Int32Array | null) => void}} selection @param {string} text */
    follow(selection, text) {
      isFollowing = true;
      selection.set(self.read(text));
      isFollowing = false;
    },
    /** @param {Int32Array | null} rows */
    textOf(rows) {
      const text = rows ? indicesToText(indicesOf(points, rows)) : "";
      const isLong = text.length > LONGEST_SELECTION;
      say(isLong ? "This selection is too large for a link: the address does not hold it. Save it as a list." : "");
      return isLong ? "" : text;
    },
    /** @param {string} text @returns {Int32Array | null} */
    read(text) {
      if (!text) return null;
      const found = indicesFromText(text);
      if (!found) {
        say("The selection in this link cannot be read: nothing is selected.");
        return null;
      }
      const { rows, missing } = rowsOf(points, found.indices);
      const left = rows.length ? (rows.length === 1 ? "the other one is selected" : `the other ${formatCount(rows.length)} are selected`) : "nothing is selected";
      if (found.lost) say(`This link is cut off: ${some(found.lost)} of its selection cannot be read; ${left}.`);
      else if (missing) say(`${some(missing)} of this link's selection ${missing === 1 ? "is" : "are"} not among these ${formatCount(points.count)} points; ${left}.`);
      return rows.length || !(found.lost || missing) ? rows : null;
    },
  };
  return self;
}
