/**
 * What a page has before anything is drawn: its markup, colours, panels. Needs no three.js.
 *
 *   const shell = startShell(address.state);
 *   shell.canvas, shell.overlay, shell.side      parts of the markup
 *   shell.corners                                {topLeft, topRight, bottomLeft, bottomRight} of the
 *                                                overlay: flex boxes for what floats on the stage
 *   shell.theme                                  {current: "light" | "dark", set(choice), onChange}
 *   shell.panels                                 {showError(error), showLoading(), showWelcome(node),
 *                                                showNotice(text), clear()}; showLoading returns
 *                                                {update(progress), done()}
 *   shell.stop("empty" | "error", show)          nothing will be drawn: only a panel stands there
 *   shell.ready()                                everything is there; <html data-state> says so
 *   shell.setExperiment(text)                    beside the title, and in the document's title
 *
 * The markup that both pages share: .unstarted (removed here), .page (hidden until here) with
 * .bar (#experiment inside), .stage (canvas and .overlay), .side.
 */

import { COMMON, allowed, unknownParts } from "./state.js";
import { element } from "./ui/element.js";
import { stagePanels } from "./ui/panels.js";
import { followTheme } from "./ui/theme.js";

/** @typedef {import("./state.js").CommonState} CommonState */
/** @typedef {ReturnType<typeof startShell>} Shell */

/** @template {Element} T @param {string} selector @returns {T} */
function find(selector) {
  const found = document.querySelector(selector);
  if (!found) throw new Error(`no ${selector} in the page`);
  return /** @type {T} */ (found);
}

/** @param {Pick<CommonState, "theme" | "embed">} state */
export function startShell({ theme: choice, embed }) {
  document.querySelector(".unstarted")?.remove();
  document.documentElement.classList.toggle("embed", embed.length > 0);
  if (embed.length) document.documentElement.dataset.parts = embed.join(" ");
  /** @type {{current: import("./colors.js").Theme, set: (choice: CommonState["theme"]) => void,
   *   onChange: ((theme: import("./colors.js").Theme) => void) | null}} */
  const theme = {
    get current() {
      return followed.current;
    },
    set: (next) => followed.set(next),
    onChange: null,
  };
  const followed = followTheme(choice, (next) => theme.onChange?.(next));
  find(".page").removeAttribute("hidden");

  /** @type {HTMLElement} */
  const overlay = find(".overlay");
  const corner = (/** @type {string} */ place) => element("div", { class: `corner ${place}` });
  const corners = {
    topLeft: corner("top left"),
    topRight: corner("top right"),
    bottomLeft: corner("bottom left"),
    bottomRight: corner("bottom right"),
  };
  overlay.append(...Object.values(corners));
  if (embed.length) corners.bottomRight.append(fullPageLink());
  const title = document.title;
  const panels = stagePanels(overlay);
  const unknown = unknownParts(location.search);
  // An address may be long, a notice not.
  const named = unknown.slice(0, 5).map((part) => part.slice(0, 40)).join(", ");
  if (unknown.length) panels.showNotice(`The address names parts of the page that there are not: embed=${named}. It takes ${allowed(COMMON.embed)}; the others are shown as it says.`);
  return {
    canvas: /** @type {HTMLCanvasElement} */ (find(".stage > canvas")),
    overlay,
    corners,
    side: /** @type {HTMLElement} */ (find(".side")),
    theme,
    panels,
    /** @param {"empty" | "error"} state @param {() => void} [show] */
    stop(state, show) {
      document.documentElement.classList.add("bare");
      document.documentElement.dataset.state = state;
      show?.();
    },
    ready() {
      document.documentElement.dataset.state = "ready";
    },
    /** @param {string} text */
    setExperiment(text) {
      find("#experiment").textContent = text;
      document.title = text ? `${text} – ${title}` : title;
    },
  };
}

/** The address is read when the link is used: it changes with the view. */
function fullPageLink() {
  const link = element("a", { class: "full-page", href: location.href, target: "_blank", rel: "noopener" }, "Open full page");
  const aim = () => {
    const url = new URL(location.href);
    url.searchParams.delete("embed");
    link.href = url.href;
  };
  link.addEventListener("pointerdown", aim);
  link.addEventListener("focus", aim);
  aim();
  return link;
}
