/**
 * The line that tells a story, in the page's header; at the foot of the screen on a phone.
 *
 *   const bar = storyBar({onGo, onShow, onFind, onClose});   bar.node
 *   bar.show({title, count, step, text, canShow, canFind})   step: 1 for the first
 *   bar.hide()
 *   bar.focus()                                 the button that goes on
 */

import { element } from "../ui/element.js";

/** @param {{onGo: (way: number) => void, onShow: () => void, onFind: () => void, onClose: () => void}} listeners */
export function storyBar({ onGo, onShow, onFind, onClose }) {
  const place = element("span", { class: "story-place number" });
  const text = element("p", { class: "story-text", id: "story-text", role: "status" });
  const find = element("button", { type: "button", onclick: onFind, title: "Go to the control that is marked" }, "Go there");
  const show = element("button", { type: "button", onclick: onShow }, "Show me");
  const back = element("button", { type: "button", onclick: () => onGo(-1) }, "Back");
  const next = element("button", { type: "button", class: "primary story-next", onclick: () => onGo(1) }, "Next");
  const close = element("button", { type: "button", class: "quiet", "aria-label": "Close the story", title: "Close (Esc)", onclick: onClose }, "×");
  const node = element(
    "section",
    { class: "story", "aria-label": "Story", hidden: true },
    place,
    text,
    element("div", { class: "story-buttons" }, find, show, back, next, close),
  );
  return {
    node,
    /** @param {{title: string, count: number, step: number, text: string, canShow: boolean, canFind: boolean}} step */
    show({ title, count, step, text: words, canShow, canFind }) {
      node.hidden = false;
      node.setAttribute("aria-label", title || "Story");
      place.textContent = `${step} of ${count}`;
      text.textContent = words;
      show.hidden = !canShow;
      find.hidden = !canFind;
      back.disabled = step === 1;
      next.textContent = step === count ? "Done" : "Next";
    },
    hide() {
      node.hidden = true;
    },
    focus: () => next.focus(),
  };
}
