/**
 * A polite line for screen readers, said once things have come to rest.
 *
 *   const announcer = startAnnouncer();   announcer.say(() => "…"); announcer.node
 *
 * The text is only made when it is said.
 */

import { element } from "../ui/element.js";

const REST_MS = 900;

export function startAnnouncer() {
  const node = element("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  let timer = 0;
  let changed = 0;
  /** @type {(() => string) | null} */
  let latest = null;

  function sayOnceAtRest() {
    const left = changed + REST_MS - performance.now();
    timer = left > 0 ? window.setTimeout(sayOnceAtRest, left) : 0;
    if (left <= 0) node.textContent = latest?.() ?? "";
  }
  return {
    node,
    /** @param {() => string} words */
    say(words) {
      latest = words;
      changed = performance.now();
      timer ||= window.setTimeout(sayOnceAtRest, REST_MS);
    },
  };
}
