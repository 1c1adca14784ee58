/**
 * A way back from an empty stage.
 *
 *   const lost = lostView(overlay, cloud, {only, onShow});
 *   lost.look()        once the view has come to rest: tells when nothing is to be seen, and offers to show all
 *
 * only() says which points count, as controls.js's; where it names none at all, every point counts.
 */

import { element } from "./ui/element.js";

/**
 * @param {HTMLElement} overlay @param {import("./cloud.js").Cloud} cloud
 * @param {{only?: () => ((index: number) => boolean) | undefined, onShow: () => void}} options
 */
export function lostView(overlay, cloud, { only, onShow }) {
  const button = element("button", { type: "button", onclick: onShow }, "Show all");
  const words = element("span", {}, "Nothing in view");
  const node = element("div", { class: "lost float", role: "status", hidden: true });
  overlay.append(node);
  return {
    look() {
      const counts = only?.();
      const isLost = cloud.count > 0 && !cloud.isAnySeen(counts) && (!cloud.isAnySeen() || Boolean(counts && cloud.hasAny(counts)));
      if (node.hidden !== isLost) return;
      node.replaceChildren(...(isLost ? [words, button] : []));
      node.hidden = !isLost;
    },
  };
}
