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
  /** @type {(() => string) | null} */
  let latest = null;
  return {
    node,
    /** @param {() => string} words */
    say(words) {
      latest = words;
      clearTimeout(timer);
      timer = window.setTimeout(() => (node.textContent = latest?.() ?? ""), REST_MS);
    },
  };
}
