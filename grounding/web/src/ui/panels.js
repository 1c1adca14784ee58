/**
 * What stands in place of the stage while there is nothing to see.
 *
 *   const panels = stagePanels(overlay);
 *   panels.showError(error)           replaces what stands there
 *   panels.showLoading(delay)         -> {update(progress), done()}; it appears only if it takes long
 *   panels.showWelcome(title, ...children)   what the page needs, when it was opened with nothing
 *   panels.showNotice(text, again)    a quiet line that can be closed; again: what "Try again" does
 *   panels.clear()                    takes error, loading and welcome away
 *   const loading = loadingPanel(delay);  loading.node, loading.update(progress), loading.done()
 *   errorPanel(error)                 -> element for a PageError: what is wrong, what to do next
 *   notice(text, again)               -> a quiet line that can be closed
 *
 * All texts are set as text.
 */

import { asPageError } from "../errors.js";
import { formatProgress } from "../format.js";
import { element } from "./element.js";

/** @typedef {import("../messages.js").Progress} Progress */

/** @type {Record<string, string>} */
const NAMES = {
  points: "Points",
  assets: "References",
  encoder: "Encoder",
  decoder: "Decoder",
  runtime: "Model runtime",
  thumbnails: "Pictures",
  graphics: "Drawing",
};

/** @param {number} [delay] ms until it appears: most pages are there before */
export function loadingPanel(delay = 500) {
  /** @type {Map<string, {bar: HTMLProgressElement, text: HTMLElement}>} */
  const rows = new Map();
  /** @type {Map<string, Progress>} */
  const latest = new Map();
  const timer = setTimeout(() => {
    latest.forEach(show);
    node.hidden = false;
  }, delay);
  // Not read out: it changes many times a second, and can be looked up.
  const list = element("div", { class: "loading-rows", "aria-live": "off" });
  const node = element(
    "div",
    { class: "panel loading", role: "status", "aria-live": "polite", hidden: true },
    element("p", { class: "panel-title" }, "Loading"),
    list,
  );

  /** @param {string} what */
  function row(what) {
    const name = NAMES[what] ?? what;
    // Empty, not indeterminate, until bytes come: that would be drawn anew sixty times a second.
    const bar = element("progress", { "aria-label": name, value: 0 });
    const text = element("span", { class: "loading-bytes" });
    list.append(element("div", { class: "loading-row" }, element("span", {}, name), bar, text));
    const made = { bar, text };
    rows.set(what, made);
    return made;
  }

  /** @param {Progress} progress */
  function show({ what, loaded, total }) {
    const { bar, text } = rows.get(what) ?? row(what);
    if (total !== null) {
      bar.max = total;
      bar.value = Math.min(loaded, total);
    } else if (loaded) bar.removeAttribute("value");
    // Full is not yet there: what has come in is checked, started and drawn.
    text.textContent = !loaded ? "waiting" : loaded === total ? "here" : formatProgress(loaded, total);
  }
  return {
    node,
    /** @param {Progress} progress */
    update(progress) {
      if (node.hidden) latest.set(progress.what, progress);
      else show(progress);
    },
    done() {
      clearTimeout(timer);
      node.remove();
    },
  };
}

/** @param {unknown} thrown @returns {HTMLElement} */
export function errorPanel(thrown) {
  const error = asPageError(thrown);
  return element(
    "div",
    { class: "panel error", role: "alert", "data-code": error.code },
    element("p", { class: "panel-title" }, "This cannot be shown"),
    element("p", { class: "error-message" }, error.message),
    element("p", { class: "error-next" }, error.next),
    // A connection may be there again; what else is wrong stays so.
    error.code === "network" && element("button", { type: "button", class: "primary again", onclick: () => location.reload() }, "Try again"),
  );
}

/** @param {string} text @param {() => void} [again] @returns {HTMLElement} */
export function notice(text, again) {
  const node = element("div", { class: "notice", role: "status" }, element("span", {}, text));
  const tryAgain = () => {
    node.remove();
    again?.();
  };
  if (again) node.append(element("button", { type: "button", class: "small", onclick: tryAgain }, "Try again"));
  node.append(
    element("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => node.remove() }, "×"),
  );
  return node;
}

/** @param {HTMLElement} overlay */
export function stagePanels(overlay) {
  /** @type {HTMLElement | null} */
  let shown = null;
  const notices = element("div", { class: "notices" });
  overlay.append(notices);

  function clear() {
    shown?.remove();
    shown = null;
  }
  /** @param {HTMLElement} node */
  function show(node) {
    clear();
    shown = node;
    overlay.append(node);
  }
  return {
    clear,
    /** @param {unknown} error */
    showError: (error) => show(errorPanel(error)),
    /** @param {number} [delay] */
    showLoading(delay) {
      const { node, update, done } = loadingPanel(delay);
      show(node);
      return {
        update,
        done() {
          if (shown === node) clear();
          done();
        },
      };
    },
    /** @param {string} title @param {...import("./element.js").Child} children */
    showWelcome: (title, ...children) =>
      show(element("div", { class: "panel welcome" }, element("h2", { class: "panel-title" }, title), ...children)),
    /** @param {string} text @param {() => void} [again] */
    showNotice: (text, again) => notices.append(notice(text, again)),
  };
}
