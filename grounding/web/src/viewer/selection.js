/**
 * Many points chosen at once: tools on the stage, and what they hold by class.
 *
 *   const selection = pointSelection(stages, corner, points, classes, {onTool, onChange});
 *   selection.drawn(shape, outline, isDone, event, side)   from controls.js; side: on which of the stages
 *   selection.touched(x, y, event, side)            whether this click adds a point, or takes one away
 *   selection.apply(rows)                           as chosen: instead, added or taken away
 *   selection.choose(tool); selection.endTool()
 *   selection.set(rows | null); selection.clear(); selection.rows
 *   selection.has(row)                              true for every row when nothing is selected
 *   selection.node                                  a section for the side bar
 *   selection.update(theme)                         after a change of colours
 *   selection.setFlat(isFlat)                       a flat cloud is moved, not turned
 *
 * stages: of the same points, each {cloud, overlay, isShown(row)}: points of classes that step back are not
 * meant. onTool(tool) tells controls.js, onChange() that other rows are selected.
 */

import { cssColor } from "../colors.js";
import { formatCount, formatPercent } from "../format.js";
import { inside, nearestOnScreen } from "../picking.js";
import { element, replaceChildren } from "../ui/element.js";
import { countClasses } from "./describe.js";
import { combine } from "./members.js";
import { selectionOutline } from "./outline.js";

/** @typedef {import("../controls.js").Tool} Tool */
/** @typedef {import("../colors.js").Theme} Theme */
/** @typedef {import("./members.js").How} How */
/** @typedef {{cloud: import("../cloud.js").Cloud, overlay: HTMLElement, isShown: (row: number) => boolean}} SelectionStage */

const MOST_BARS = 15;
/** How far a click that adds or takes away may miss, in pixels. */
const REACH = 24;

/** @type {[Tool, string, string][]} */
const TOOLS = [
  ["orbit", "Turn", "Drag turns the cloud"],
  ["pan", "Move", "Drag moves the cloud"],
  ["box", "Box", "Drag a box around points to select them"],
  ["lasso", "Lasso", "Draw around points to select them"],
];

/** @type {[How, string, string][]} */
const HOWS = [
  ["new", "New", "What is drawn is the selection"],
  ["add", "Add", "What is drawn or tapped joins the selection; so it does with Shift held"],
  ["subtract", "Subtract", "What is drawn or tapped leaves the selection; so it does with Alt or Ctrl held"],
];

/**
 * @param {readonly SelectionStage[]} stages @param {HTMLElement} corner
 * @param {Pick<import("../assets.js").LatentPoints, "labels" | "hasLabels">} points @param {import("../classes.js").Classes} classes
 * @param {{onTool: (tool: Tool) => void, onChange: () => void}} listeners
 */
export function pointSelection(stages, corner, { labels, hasLabels }, classes, { onTool, onChange }) {
  const outlines = stages.map(({ overlay }) => selectionOutline(overlay));
  const hideOutlines = () => outlines.forEach((outline) => outline.hide());
  /** @type {Int32Array | null} */
  let rows = null;
  let member = new Uint8Array();
  /** @type {How} */
  let how = "new";
  /** What a drag does when nothing is chosen. @type {Tool} */
  let home = "orbit";
  /** @type {Theme} */
  let theme = "light";
  const buttons = TOOLS.map(([tool, text, title]) =>
    element("button", { type: "button", title, "data-tool": tool, onclick: () => choose(tool) }, text),
  );
  const ways = HOWS.map(([one, text, title]) => element("button", { type: "button", title, "aria-pressed": String(one === how), onclick: () => setHow(one) }, text));
  const waysGroup = element("div", { class: "segments", role: "group", "aria-label": "What becomes of the selection", hidden: true }, ...ways);
  corner.append(element("div", { class: "segments", role: "group", "aria-label": "What a drag does" }, ...buttons), waysGroup);

  const count = element("p", { role: "status" });
  const bars = element("ul", { class: "bars" });
  const clearButton = element("button", { type: "button", class: "small", onclick: () => set(null) }, "Clear");
  const allButton = element(
    "button",
    { type: "button", class: "small", title: "Select all points in the picture", onclick: () => apply(inView()) },
    "All in view",
  );
  const node = element(
    "section",
    { class: "selection", "aria-label": "Selection" },
    element("div", { class: "section-head" }, element("h2", {}, "Selection"), element("div", { class: "buttons" }, allButton, clearButton)),
    count,
    bars,
  );

  /** @param {Tool} wanted */
  function choose(wanted) {
    const tool = wanted === "orbit" ? home : wanted;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    onTool(tool);
    offerWays();
  }
  /** @param {How} next */
  function setHow(next) {
    how = next;
    ways.forEach((way, i) => way.setAttribute("aria-pressed", String(HOWS[i][0] === how)));
  }
  const isOn = (/** @type {Tool} */ tool) => buttons.some((button) => button.dataset.tool === tool && button.getAttribute("aria-pressed") === "true");
  function offerWays() {
    waysGroup.hidden = !rows && !isOn("box") && !isOn("lasso");
    if (waysGroup.hidden) setHow("new");
  }
  /** @param {{shiftKey: boolean, altKey: boolean, ctrlKey: boolean, metaKey: boolean}} event @returns {How} */
  const howOf = ({ shiftKey, altKey, ctrlKey, metaKey }) => (shiftKey ? "add" : altKey || ctrlKey || metaKey ? "subtract" : how);

  function paint() {
    clearButton.hidden = !rows;
    count.classList.toggle("muted", !rows);
    count.textContent = rows
      ? `${formatCount(rows.length)} of ${formatCount(labels.length)} points`
      : "Draw a box or a lasso on the stage.";
    const found = rows && hasLabels ? countClasses(labels, rows) : [];
    const left = found.length - MOST_BARS;
    replaceChildren(
      bars,
      ...found.slice(0, MOST_BARS).map(({ label, count }) => bar(classes.nameOf(label), count, rows?.length ?? 1, cssColor(classes.color(label, theme)))),
      left > 0 && element("li", { class: "muted more-bars" }, `and ${formatCount(left)} more ${left === 1 ? "class" : "classes"}`),
    );
  }

  /** @param {Int32Array | null} next */
  function set(next) {
    rows = next;
    member = new Uint8Array(labels.length);
    for (const row of rows ?? []) member[row] = 1;
    hideOutlines();
    offerWays();
    paint();
    onChange();
  }
  const apply = (/** @type {Int32Array | null} */ found, /** @type {How} */ by = how) => set(found && combine(rows, found, by, labels.length));

  /** @param {number} side @param {"box" | "lasso"} shape @param {number[]} outline */
  const within = (side, shape, outline) => inside(shape, stages[side].cloud.screen(), outline, { only: stages[side].isShown });
  function inView() {
    const { width, height } = stages[0].cloud.view();
    return within(0, "box", [0, 0, width, height]);
  }

  choose(home);
  paint();
  return {
    node,
    set,
    apply,
    choose,
    clear: () => set(null),
    /** Back to turning. @returns {boolean} whether another tool was chosen */
    endTool() {
      const wasOther = buttons.every((button) => button.dataset.tool !== home || button.getAttribute("aria-pressed") !== "true");
      if (wasOther) choose(home);
      return wasOther;
    },
    /** @param {boolean} isFlat */
    setFlat(isFlat) {
      buttons[0].hidden = isFlat;
      home = isFlat ? "pan" : "orbit";
      choose(home);
    },
    get rows() {
      return rows;
    },
    /** @param {number} row */
    has: (row) => !rows || member[row] === 1,
    /** @param {"box" | "lasso"} shape @param {number[]} corners @param {boolean} isDone @param {PointerEvent} event */
    drawn(shape, corners, isDone, event, side = 0) {
      if (!isDone) return outlines[side].show(shape, corners);
      const found = within(side, shape, corners);
      const by = howOf(event);
      // Nothing inside is nothing selected: all points would step back. What joins or leaves may be none.
      if (found.length || by === "new") apply(found.length ? found : null, by);
      else hideOutlines();
      if (!found.length) count.textContent = "No point lies in it.";
    },
    /** @param {number} x @param {number} y @param {PointerEvent | KeyboardEvent} event */
    touched(x, y, event, side = 0) {
      const by = howOf(event);
      if (by === "new") return false;
      const { cloud, isShown } = stages[side];
      // Also of those that step back because they are not selected.
      const found = nearestOnScreen(cloud.screen(), x, y, REACH, { only: isShown });
      if (found >= 0) apply(Int32Array.of(found), by);
      return true;
    },
    /** @param {Theme} next */
    update(next) {
      theme = next;
      paint();
    },
  };
}

/** @param {string} name @param {number} count @param {number} total @param {string} color */
function bar(name, count, total, color) {
  const fill = element("span", { class: "bar-fill" });
  fill.style.width = `${(100 * count) / total}%`;
  fill.style.backgroundColor = color;
  return element(
    "li",
    {},
    element("span", { class: "visually-hidden" }, "Class "),
    element("span", { class: "bar-label", title: name }, name),
    element("span", { class: "bar-track" }, fill),
    element("span", { class: "number" }, formatCount(count)),
    element("span", { class: "number muted" }, 200 * count < total ? "< 1 %" : formatPercent(count / total)),
  );
}
