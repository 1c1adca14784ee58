/**
 * The playground once its code is here: ties state, worker and views.
 *
 *   const playground = await startPlayground({shell, address, client, loads, loading});
 *   playground.follow(state)     after back or forward
 *   playground.measured()        the worker knows how far references lie from each other
 *
 * `loads` are the promises of assets and models that are under way. The cloud is there with the
 * assets, everything else with the models. Without WebGL everything but the cloud works.
 */

import { classColor, colorsByClass, cssColor, foreground } from "../colors.js";
import { startStage } from "../stage.js";
import { element } from "../ui/element.js";
import { legend } from "../ui/legend.js";
import { fileNameOf } from "../ui/save.js";
import { isShown } from "../visibility.js";
import { startAnnouncer } from "./announcer.js";
import { endLabels } from "./end_labels.js";
import { interpolateMode } from "./interpolate.js";
import { pointCard, pointTip } from "./point_card.js";
import { probeMode } from "./probe.js";
import { readoutSection } from "./readouts.js";

/** @typedef {import("../assets.js").InteractiveAssets} InteractiveAssets */
/** @typedef {import("../client.js").Client} Client */
/** @typedef {import("../scene/marks.js").Marker} Marker */
/** @typedef {import("../state.js").PlaygroundState} PlaygroundState */
/** @typedef {{state: PlaygroundState, change: (changes: Partial<PlaygroundState>) => void,
 *   step: (changes: Partial<PlaygroundState>) => void}} Address */
/** @typedef {Awaited<ReturnType<typeof startPlayground>>} Playground */

/**
 * @typedef {object} Context what both modes work with
 * @property {InteractiveAssets} assets
 * @property {Client} client
 * @property {Address} address
 * @property {import("../stage.js").Stage | null} stage
 * @property {ReturnType<typeof readoutSection>} readouts
 * @property {ReturnType<typeof startAnnouncer>} announcer
 * @property {ReturnType<typeof pointCard>} card
 * @property {() => import("../colors.js").Theme} theme
 * @property {(reference: number) => Marker} chosenMarker
 * @property {(error: unknown) => void} fail
 * @property {() => void} shown something of the present state can be seen
 */

/** @type {[keys: string, what: string][]} */
const KEYS = [
  ["Click a point", "Show it; in interpolate mode, make it an end of the path"],
  ["Arrow keys on a slider", "One step; Page Up and Page Down ten"],
  ["Delete on a slider", "Back to its start"],
];

/**
 * @param {{shell: import("../shell.js").Shell, address: Address, client: Client,
 *   loads: {assets: Promise<InteractiveAssets>, models: Promise<unknown>},
 *   loading: {done: () => void}}} parts
 */
export async function startPlayground({ shell, address, client, loads, loading }) {
  /** @type {ReturnType<typeof buildPage> | null} */
  let page = null;
  let experiment = "";
  const stage = startStage(shell, address, {
    keys: KEYS,
    fileName: () => fileNameOf(experiment),
    only: () => page?.only(),
    onHover: (index, x, y) => page?.hover(index, x, y),
    onClick: (index) => page?.click(index),
    onTheme: () => page?.paint(),
    onDraw: () => page?.placeLabels(),
  });
  const assets = await loads.assets;
  experiment = assets.about.experiment;
  shell.setExperiment(experiment);
  if (stage) {
    stage.cloud.setPoints(assets.points, assets.labels);
    stage.cloud.setColors(colorsByClass(assets.labels, stage.theme));
    stage.cloud.draw();
  }
  page = buildPage({ shell, address, client, assets, stage });
  await loads.models;
  if (stage) loading.done();
  page.start();
  return page;
}

/**
 * @param {{shell: import("../shell.js").Shell, address: Address, client: Client,
 *   assets: InteractiveAssets, stage: import("../stage.js").Stage | null}} parts
 */
function buildPage({ shell, address, client, assets, stage }) {
  const theme = () => shell.theme.current;
  const announcer = startAnnouncer();
  const card = pointCard(assets, {
    onTake: (reference) => {
      setMode("probe");
      probe.take(reference);
    },
    onEnd: (end, reference) => {
      card.hide();
      setMode("interpolate");
      interpolate.pick(end, reference);
    },
    onClose() {
      card.hide();
      mode().repaint();
      shell.canvas.focus();
    },
  });
  const tip = pointTip(assets);
  const names = endLabels(assets);
  const readouts = readoutSection(assets, { onChoose: (reference) => mode().choose(reference) });
  /** @type {Context} */
  const context = {
    assets,
    client,
    address,
    stage,
    readouts,
    announcer,
    card,
    theme,
    chosenMarker: (reference) => ({
      position: [...assets.points.subarray(3 * reference, 3 * reference + 3)],
      color: foreground(theme()),
      size: 22,
      shape: "ring",
    }),
    fail: shell.panels.showError,
    shown() {
      if (document.documentElement.dataset.state === "ready") return;
      performance.mark("probe");
      shell.ready();
    },
  };
  const probe = probeMode(context);
  const interpolate = interpolateMode(context);
  const modes = { probe, interpolate };
  const mode = () => modes[address.state.mode];

  const tabs = Object.keys(modes).map((name) =>
    element("button", { type: "button", onclick: () => setMode(/** @type {"probe" | "interpolate"} */ (name)) }, name === "probe" ? "Probe" : "Interpolate"),
  );
  const classes = legend(classRows(), {
    initial: { dim: address.state.dim, isolate: address.state.isolate },
    onChange(shown, { replaces }) {
      address[replaces ? "change" : "step"]({ dim: [...shown.dim], isolate: shown.isolate });
      dim();
    },
  });
  const view = element("details", { class: "view" }, element("summary", {}, "Classes and view"), classes.node, stage?.settings);
  const dock = /** @type {HTMLElement} */ (document.querySelector(".dock"));
  const aside = /** @type {HTMLElement} */ (document.querySelector(".results"));
  const modeSection = element("div", { class: "segments modes", role: "group", "aria-label": "Mode" }, ...tabs);
  shell.side.append(modeSection, ...Object.values(modes).flatMap(({ controls }) => controls), view);
  dock.append(...Object.values(modes).map(({ dock: node }) => node));
  aside.append(readouts.node, readouts.list.node);
  shell.overlay.append(tip.node, ...names.nodes);
  shell.corners.bottomLeft.append(interpolate.legend, card.node);
  document.body.append(announcer.node);
  interpolate.legend.hidden = true;
  let isStarted = false;

  function classRows() {
    /** @type {Map<number, number>} */
    const counts = new Map();
    for (const label of assets.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    return [...counts]
      .sort(([a], [b]) => a - b)
      .map(([label, count]) => ({ label, count, color: cssColor(classColor(label, theme())) }));
  }
  function dim() {
    const { dim: dimmed, isolate } = address.state;
    const isAll = !dimmed.length && isolate === null;
    stage?.cloud.setDimmed(isAll ? null : (index) => !isShown({ dim: dimmed, isolate }, assets.labels[index]));
  }
  /** @param {"probe" | "interpolate"} next */
  function setMode(next) {
    if (next === address.state.mode) return;
    mode().leave();
    card.hide();
    address.step({ mode: next });
    showMode();
  }
  function showMode() {
    const { mode: present } = address.state;
    tabs.forEach((tab, i) => tab.setAttribute("aria-pressed", String(Object.keys(modes)[i] === present)));
    for (const [name, { controls, dock: node }] of Object.entries(modes)) {
      for (const part of [...controls, node]) part.hidden = name !== present;
    }
    interpolate.legend.hidden = present !== "interpolate";
    mode().enter();
  }
  function paint() {
    stage?.cloud.setColors(colorsByClass(assets.labels, theme()));
    classes.update({ classes: classRows() });
    readouts.paint(theme());
    mode().repaint();
  }
  return {
    start() {
      isStarted = true;
      // Hidden in the markup: until here they hold both modes, and empty readouts.
      for (const part of [shell.side, dock, aside]) part.hidden = false;
      readouts.paint(theme());
      interpolate.repaint();
      dim();
      showMode();
    },
    /** @param {PlaygroundState} state */
    follow(state) {
      for (const one of Object.values(modes)) one.leave();
      card.hide();
      stage?.follow(state);
      if (!stage) shell.theme.set(state.theme);
      classes.update({ dim: state.dim, isolate: state.isolate });
      dim();
      showMode();
    },
    measured: () => mode().refresh(),
    /** More thumbnails have come in. */
    thumbnails() {
      readouts.list.refresh();
      card.refresh();
      for (const one of Object.values(modes)) one.refreshPictures();
    },
    paint,
    placeLabels: () => names.place(mode().ends(), stage?.cloud.view()),
    only() {
      const { dim: dimmed, isolate } = address.state;
      return (/** @type {number} */ index) => isShown({ dim: dimmed, isolate }, assets.labels[index]);
    },
    /** @param {number} index @param {number} x @param {number} y */
    hover(index, x, y) {
      shell.canvas.style.cursor = index >= 0 ? "pointer" : "";
      if (index >= 0) tip.show(index, x, y, shell.canvas.clientWidth);
      else tip.hide();
    },
    /** @param {number} index */
    click(index) {
      tip.hide();
      if (!isStarted) return;
      if (index >= 0) mode().choose(index);
      else if (card.reference >= 0) {
        card.hide();
        mode().repaint();
      }
    },
  };
}
