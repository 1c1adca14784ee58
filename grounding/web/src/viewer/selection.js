/**
 * Many points chosen at once: tools on the stage, and what they hold by class.
 *
 *   const selection = pointSelection(overlay, corner, points, classes, {onTool, onChange, all});
 *   selection.drawn(shape, outline, isDone, find, event)   from controls.js; find(): the rows inside
 *   selection.howOf(event)                          "new", "add" or "subtract": by the keys held, or as chosen
 *   selection.apply(rows, how)                      by default as chosen
 *   selection.choose(tool); selection.endTool()
 *   selection.set(rows | null); selection.clear(); selection.rows
 *   selection.has(row)                              true for every row when nothing is selected
 *   selection.node                                  a section for the side bar
 *   selection.update(theme)                         after a change of colours
 *   selection.setFlat(isFlat)                       a flat cloud is moved, not turned
 *
 * onTool(tool) tells controls.js, onChange() that other rows are selected, all() gives the rows that
 * can be seen, which the keyboard selects.
 */

import { cssColor } from "../colors.js";
import { formatCount, formatPercent } from "../format.js";
import { element, replaceChildren } from "../ui/element.js";
import { countClasses } from "./describe.js";
import { combine } from "./members.js";
import { selectionOutline } from "./outline.js";

/** @typedef {import("../controls.js").Tool} Tool */
/** @typedef {import("../colors.js").Theme} Theme */
/** @typedef {import("./members.js").How} How */

const MOST_BARS = 15;

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
 * @param {HTMLElement} overlay @param {HTMLElement} corner
 * @param {Pick<import("../assets.js").LatentPoints, "labels" | "hasLabels">} points @param {import("../classes.js").Classes} classes
 * @param {{onTool: (tool: Tool) => void, onChange: () => void, all: () => Int32Array}} listeners
 */
export function pointSelection(overlay, corner, { labels, hasLabels }, classes, { onTool, onChange, all }) {
  const outline = selectionOutline(overlay);
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
    { type: "button", class: "small", title: "Select all points in the picture", onclick: () => apply(all()) },
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
    outline.hide();
    offerWays();
    paint();
    onChange();
  }
  const apply = (/** @type {Int32Array | null} */ found, /** @type {How} */ by = how) => set(found && combine(rows, found, by, labels.length));

  choose(home);
  paint();
  return {
    node,
    set,
    apply,
    howOf,
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
    /** @param {"box" | "lasso"} shape @param {number[]} corners @param {boolean} isDone @param {() => Int32Array} find @param {PointerEvent} event */
    drawn(shape, corners, isDone, find, event) {
      if (isDone) {
        const found = find();
        const by = howOf(event);
        // Nothing inside is nothing selected: all points would step back. What joins or leaves may be none.
        if (found.length || by === "new") apply(found.length ? found : null, by);
        else outline.hide();
        if (!found.length) count.textContent = "No point lies in it.";
      }
      else outline.show(shape, corners);
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
