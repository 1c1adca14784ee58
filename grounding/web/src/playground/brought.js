/**
 * A selection that was brought along from the viewer: its members stand in front, one of them is the input.
 *
 *   const brought = broughtSelection(assets, address, {onChange, tell});   brought.node
 *   brought.isMember()      -> (row) => boolean, or null for all
 *   brought.follow()        everything anew from the address
 *
 * The address names images by their position in the split, because rows are others in every export:
 * `image` becomes the reference that it is.
 */

import { formatCount } from "../format.js";
import { indicesFromText } from "../indices.js";
import { element } from "../ui/element.js";
import { rowsOf } from "../viewer/members.js";

/**
 * @param {import("../assets.js").InteractiveAssets} assets @param {import("./main.js").Address} address
 * @param {{onChange: () => void, tell: (text: string) => void}} listeners
 */
export function broughtSelection(assets, address, { onChange, tell }) {
  const words = element("span");
  const all = element("button", { type: "button", class: "small", onclick: leave }, "Show all");
  const node = element("p", { class: "brought", hidden: true }, words, all);
  /** @type {Uint8Array | null} */
  let member = null;

  function leave() {
    address.step({ selected: "" });
    follow();
    onChange();
  }
  function follow() {
    const { selected, image } = address.state;
    const found = selected ? indicesFromText(selected) : null;
    const { rows, missing } = rowsOf(assets, found?.indices ?? []);
    const total = rows.length + missing + (found?.lost ?? 0);
    member = rows.length ? new Uint8Array(assets.count) : null;
    for (const row of rows) if (member) member[row] = 1;
    node.hidden = !selected;
    all.hidden = !selected;
    words.textContent = !found
      ? "The selection in this link cannot be read."
      : rows.length
        ? `${rows.length === total ? "" : `${formatCount(rows.length)} of `}${formatCount(total)} selected ${total === 1 ? "image is" : "images are"} among these references.`
        : `None of ${formatCount(total)} selected images is among these references.`;
    if (image === null) return;
    const [row] = rowsOf(assets, [image]).rows;
    const other = rows[0];
    address.change({ image: null, ...((row ?? other) === undefined ? { source: "digit" } : { reference: row ?? other }) });
    if (row !== undefined) return;
    tell(`Image ${formatCount(image)} is not among these references${other === undefined ? ": this is a sample." : `: this is another of the selection.`}`);
  }
  follow();
  return {
    node,
    follow,
    /** @returns {((row: number) => boolean) | null} */
    isMember: () => (member ? (row) => member?.[row] === 1 : null),
  };
}
