/**
 * A polite line for screen readers, said once things have come to rest.
 *
 *   const announcer = startAnnouncer();   announcer.say(() => "…"); announcer.node
 *
 * The text is only made when it is said.
 */

import { atRest } from "../scheduling.js";
import { element } from "../ui/element.js";

const REST_MS = 900;

export function startAnnouncer() {
  const node = element("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  /** @type {(() => string) | null} */
  let latest = null;
  const rest = atRest(() => (node.textContent = latest?.() ?? ""), REST_MS);
  return {
    node,
    /** @param {() => string} words */
    say(words) {
      latest = words;
      rest.changed();
    },
  };
}
