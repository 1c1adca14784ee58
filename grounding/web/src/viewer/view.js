/**
 * The viewer's parts, tied to each other and to the address.
 *
 *   const show = prepareView(shell, address, client);   null without WebGL: its panel is shown
 *   const view = show(points);
 *   view.follow(state)        after back or forward
 *   view.progress(progress)   of the thumbnails
 *   view.refresh()            more of them have come
 */

import { accent, classColor, cssColor, foreground } from "../colors.js";
import { formatProgress } from "../format.js";
import { insideBox, insideLasso } from "../picking.js";
import { startStage } from "../stage.js";
import { element } from "../ui/element.js";
import { isTyping } from "../ui/keys.js";
import { legend } from "../ui/legend.js";
import { fileNameOf } from "../ui/save.js";
import { isShown } from "../visibility.js";
import { chosenPanel } from "./chosen.js";
import { colorChoice } from "./coloring.js";
import { countClasses, countText } from "./describe.js";
import { factsSection } from "./facts.js";
import { hoverCard } from "./hover.js";
import { searchField } from "./search.js";
import { pointSelection } from "./selection.js";

/** @typedef {import("../assets.js").LatentPoints} LatentPoints */
/** @typedef {import("../state.js").ViewerState} ViewerState */
/** @typedef {import("../shell.js").Shell} Shell */
/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {{state: ViewerState, change: (changes: Partial<ViewerState>) => void, step: (changes: Partial<ViewerState>) => void}} Address */
/** @typedef {ReturnType<typeof pointsView>} View */

const NEIGHBORS = 8;
const WARM_MS = 100;
const MOST_LABELS = 1_000;
const MARKS = { chosen: 24, hovered: 18, neighbor: 13 };

/** @type {[keys: string, what: string][]} */
const KEYS = [
  ["B, L", "Select with a box or a lasso"],
  ["T, M", "Turn or move again"],
  ["/", "Find a point"],
  ["Click, double-click a class", "Dim it, show it alone (Shift + Enter)"],
  ["Esc", "Undo: tool, selection, chosen point"],
];

/** @param {Shell} shell @param {Address} address @param {import("../client.js").Client} client */
export function prepareView(shell, address, client) {
  /** @type {View | null} */
  let view = null;
  const stage = startStage(shell, address, {
    keys: KEYS,
    fileName: () => view?.fileName ?? "picture",
    only: () => view?.canPick,
    onHover: (row, x, y) => view?.hover(row, x, y),
    onClick: (row) => view?.choose(row < 0 ? null : row),
    onSelect: (shape, outline, isDone) => view?.draw(shape, outline, isDone),
    onTheme: () => view?.paint(),
    onCamera: () => view?.hover(-1, 0, 0),
    onReset: () => view?.reset(),
  });
  return stage && ((/** @type {LatentPoints} */ points) => (view = pointsView(shell, stage, address, client, points)));
}

/**
 * @param {Shell} shell @param {Stage} stage @param {Address} address
 * @param {import("../client.js").Client} client @param {LatentPoints} points
 */
function pointsView(shell, stage, address, client, points) {
  const { cloud } = stage;
  const { labels, about, count } = points;
  const classes = countClasses(labels);
  const shown = new Uint8Array(MOST_LABELS);
  let hovered = -1;
  /** @type {ArrayLike<number>} */
  let near = [];

  const coloring = colorChoice(points, {
    initial: address.state.color,
    onChange(color) {
      address.step({ color });
      paint();
    },
  });
  cloud.setPoints(points.points, labels);
  cloud.setColors(coloring.colors(stage.theme));
  cloud.draw();
  requestAnimationFrame(() => performance.mark("picture"));

  const rows = legend([], {
    initial: address.state,
    onChange({ dim, isolate }, { replaces }) {
      address[replaces ? "change" : "step"]({ dim: [...dim], isolate });
      paintDimmed();
    },
  });
  const selection = pointSelection(shell.overlay, shell.corners.topLeft, labels, {
    onTool: stage.controls.setTool,
    onChange: () => paintDimmed(),
    all: () => insideBox(cloud.screen(), 0, 0, shell.canvas.clientWidth, shell.canvas.clientHeight, { only: isClassShown }),
  });
  const search = searchField(points, { onFound: (row) => choose(row, true) });
  const card = hoverCard(shell.overlay, points);
  const panel = chosenPanel(points, {
    onChoose(row) {
      choose(row, true);
      panel.node.focus();
    },
    onClose() {
      choose(null);
      shell.canvas.focus();
    },
  });
  const coming = element("p", { class: "muted" });

  /** @param {number} label */
  const colorOf = (label) => cssColor(classColor(label, stage.theme));
  /** @param {number} row */
  const isClassShown = (row) => shown[labels[row]] === 1;
  /** @param {number} row */
  const canPick = (row) => shown[labels[row]] === 1 && selection.has(row);

  function paint() {
    document.documentElement.classList.toggle("by-number", coloring.key !== "");
    cloud.setColors(coloring.colors(stage.theme));
    rows.update({ classes: classes.map((one) => ({ ...one, color: colorOf(one.label) })) });
    selection.update(colorOf);
    panel.refresh(colorOf);
    paintMarks();
  }
  function paintDimmed() {
    for (const { label } of classes) shown[label] = isShown(rows.shown, label) ? 1 : 0;
    const isWhole = !selection.rows && classes.every(({ label }) => shown[label]);
    cloud.setDimmed(isWhole ? null : (row) => !canPick(row));
  }
  function paintMarks() {
    const { select } = address.state;
    /** @param {number} row @param {number} size @param {readonly number[]} color */
    const mark = (row, size, color) => ({
      position: [...points.points.subarray(3 * row, 3 * row + 3)],
      color,
      size,
      shape: /** @type {const} */ ("ring"),
    });
    const marks = Array.from(near, (row) => mark(row, MARKS.neighbor, foreground(stage.theme)));
    if (select !== null && select < count) marks.push(mark(select, MARKS.chosen, accent(stage.theme)));
    if (hovered >= 0) marks.push(mark(hovered, MARKS.hovered, accent(stage.theme)));
    cloud.setMarkers(marks);
  }

  /** @param {number | null} row @param {boolean} [goes] whether the camera goes there */
  function choose(row, goes = false) {
    if (row === address.state.select && row === null) return;
    address.step({ select: row });
    paintChosen();
    if (row !== null && goes) stage.goTo([...points.points.subarray(3 * row, 3 * row + 3)]);
  }
  function paintChosen() {
    const { select } = address.state;
    near = [];
    if (select === null || select >= count) panel.hide();
    else {
      panel.show(select, colorOf);
      void client.neighbors({ index: select, k: NEIGHBORS }).then((found) => {
        if (!found || address.state.select !== select) return;
        near = found.indices;
        panel.setNeighbors(found);
        paintMarks();
      }, stage.showError);
    }
    paintMarks();
  }

  /** @param {number} row @param {number} x @param {number} y */
  function hover(row, x, y) {
    if (row >= 0) card.show(row, x, y, colorOf(labels[row]), coloring.key);
    else card.hide();
    shell.canvas.classList.toggle("over-point", row >= 0);
    if (row === hovered) return;
    hovered = row;
    paintMarks();
  }

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const tools = /** @type {const} */ ({ b: "box", l: "lasso", t: "orbit", m: "pan" });
    const key = event.key.toLowerCase();
    if (key in tools) selection.choose(tools[/** @type {keyof typeof tools} */ (key)]);
    else if (key === "/") search.input.focus();
    else if (key === "escape") {
      if (!selection.endTool() && selection.rows) selection.clear();
      else if (!selection.rows) choose(null);
    } else return;
    event.preventDefault();
  });

  shell.corners.bottomLeft.append(element("p", { class: "count" }, countText(points)), coming);
  coming.hidden = true;
  shell.setExperiment(about.experiment);
  shell.side.before(panel.node);
  shell.side.append(
    ...[search.node, coloring.node, rows.node, selection.node, stage.settings, factsSection(points)].filter((node) => node !== null),
  );
  paintDimmed();
  paint();
  paintChosen();
  void Promise.resolve(points.thumbnails?.complete).then(() => performance.mark("pictures"));
  shell.ready();
  // The first mark would wait for its shader.
  setTimeout(cloud.warm, WARM_MS);

  return {
    canPick,
    choose,
    hover,
    paint,
    fileName: fileNameOf(`${about.experiment} ${about.split} latent points`),
    /** @param {"box" | "lasso"} shape @param {number[]} outline @param {boolean} isDone */
    draw(shape, outline, isDone) {
      selection.drawn(shape, outline, isDone, () => {
        const screen = cloud.screen();
        const [x0, y0, x1, y1] = outline;
        const choice = { only: isClassShown };
        return shape === "box" ? insideBox(screen, x0, y0, x1, y1, choice) : insideLasso(screen, outline, choice);
      });
    },
    reset() {
      selection.choose("orbit");
    },
    /** @param {ViewerState} state */
    follow(state) {
      stage.follow(state);
      coloring.set(state.color);
      rows.update(state);
      paintDimmed();
      paint();
      paintChosen();
    },
    /** @param {import("../messages.js").Progress} progress */
    progress({ loaded, total }) {
      coming.hidden = loaded === total;
      coming.textContent = `Pictures: ${formatProgress(loaded, total)}`;
    },
    refresh() {
      card.refresh();
      panel.refresh();
    },
  };
}
