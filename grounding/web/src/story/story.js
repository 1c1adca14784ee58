/**
 * The story on the page: which step stands in the address, what it sets, what it points to.
 *
 *   const story = startStory({address, header, read, follow, tell});
 *       header: where its line and its button go; read(): format.js's Story, asked for once models are
 *       there; follow(state): the page shows what a step has set; tell(text): a quiet line
 *   story.begin()            the state of a bare link to a step; call before the page shows anything
 *   story.follow(state)      after start, back and forward
 *   story.close()            whether it was open
 *   story.isWanted           the address asks for one, or this is a first visit
 *
 * A step is an entry of the history: `step` in the address, with all that it sets. Closed once, it
 * opens again only when it is asked for.
 */

import { FILES, LOOKS, PLAYGROUND, readState, writeState } from "../state.js";
import { element } from "../ui/element.js";
import { storyBar } from "./bar.js";
import { PLACES } from "./format.js";

/** @typedef {import("../state.js").PlaygroundState} PlaygroundState */
/** @typedef {import("./format.js").Story} Story */

const KEPT = "grounding.story";
/** What a link to a run may hold and still be a first visit. */
const PLAIN = [...FILES, ...LOOKS, "size", "step", "story"];

/** @param {PlaygroundState} state whether nothing was chosen yet */
export function isBare(state) {
  const start = readState(PLAYGROUND, "");
  const own = Object.fromEntries(Object.entries(state).map(([name, value]) => [name, PLAIN.includes(name) ? start[name] : value]));
  return writeState(PLAYGROUND, own) === "";
}

/** Without a memory it would open again and again: then it waits to be asked for. */
function wasClosed() {
  try {
    return localStorage.getItem(KEPT) !== null;
  } catch {
    return true;
  }
}
function keepClosed() {
  try {
    localStorage.setItem(KEPT, "closed");
  } catch {
    // A frame without storage.
  }
}

/**
 * @param {{address: import("../playground/main.js").Address, header: HTMLElement, read: () => Story,
 *   follow: (state: PlaygroundState) => void, tell: (text: string) => void}} parts
 */
export function startStory({ address, header, read, follow, tell }) {
  /** @type {Story | null} */
  let story = null;
  /** @type {HTMLElement | null} */
  let marked = null;
  let shown = 0;
  const { embed } = address.state;
  const isOffered = !embed.length;
  const isFirst = isOffered && address.state.step === null && !address.state.story && isBare(address.state) && !wasClosed();
  const isWanted = isOffered && (isFirst || address.state.step !== null || address.state.story !== "");
  const bar = storyBar({
    onGo(way) {
      const next = (address.state.step ?? 1) + way;
      if (next > told().steps.length) close();
      else go(Math.max(1, next));
    },
    onShow() {
      const { show } = told().steps[shown - 1];
      if (show) change(show, shown);
    },
    onFind: find,
    onClose: close,
  });
  const button = element("button", { type: "button", class: "small story-open", title: "What this page shows, step by step", onclick: () => (shown ? close() : go(1, true)) }, "Story");

  function told() {
    if (story) return story;
    story = read();
    for (const problem of story.problems) tell(problem);
    return story;
  }
  /** @param {Partial<PlaygroundState>} changes @param {number} step */
  function change(changes, step) {
    address.step({ ...changes, step });
    follow(address.state);
  }
  /** @param {number} step @param {boolean} [isAsked] */
  function go(step, isAsked) {
    const one = told().steps[step - 1];
    if (!one) return;
    change(one.set, step);
    if (isAsked) bar.focus();
  }
  function close() {
    keepClosed();
    const hadFocus = bar.node.contains(document.activeElement);
    address.step({ step: null });
    show(null);
    if (hadFocus) button.focus();
  }
  function find() {
    if (!marked) return;
    marked.scrollIntoView({ block: "center" });
    const inner = marked.matches("input, button, canvas") ? marked : marked.querySelector("input:not([type=file]), button, canvas[tabindex]");
    if (inner instanceof HTMLElement) inner.focus();
  }
  function mark(/** @type {string} */ place) {
    marked?.classList.remove("story-at");
    marked?.removeAttribute("aria-describedby");
    const found = place ? PLACES[place].split(", ").map((one) => document.querySelector(one)) : [];
    const seen = found.find((node) => node instanceof HTMLElement && node.getClientRects().length > 0);
    marked = seen instanceof HTMLElement ? seen : null;
    marked?.classList.add("story-at");
    marked?.setAttribute("aria-describedby", "story-text");
  }
  /** @param {number | null} step */
  function show(step) {
    const isOther = step !== shown;
    const steps = step === null ? [] : told().steps;
    const at = step === null ? 0 : Math.min(step, steps.length);
    const one = steps[at - 1];
    button.setAttribute("aria-pressed", String(Boolean(one)));
    document.documentElement.classList.toggle("has-story", Boolean(one));
    shown = one ? at : 0;
    mark(one?.at ?? "");
    if (!one) return bar.hide();
    bar.show({ title: story?.title ?? "", count: steps.length, step: at, text: one.text, canShow: one.show !== null, canFind: marked !== null });
    if (isOther) marked?.scrollIntoView({ block: "nearest" });
  }
  if (isOffered) {
    header.append(button, bar.node);
  }
  return {
    isWanted,
    /** @returns {boolean} whether it was open */
    close() {
      if (!shown) return false;
      close();
      return true;
    },
    begin() {
      if (!isWanted) return;
      const step = Math.max(1, Math.min(address.state.step ?? 1, told().steps.length));
      const one = told().steps[step - 1];
      if (!one) return address.change({ step: null });
      address.change({ ...(isBare(address.state) ? one.set : {}), step });
    },
    /** @param {PlaygroundState} state */
    follow: ({ step }) => isOffered && show(step),
  };
}
