/**
 * The playground once its code is here: ties state, worker and views.
 *
 *   const playground = await startPlayground({shell, address, client, loads, loading});
 *   playground.follow(state)     after back or forward
 *   playground.measured(own)     the worker knows how far references lie from their nearest others
 *
 * `loads` are the promises of assets and models that are under way. The cloud is there with the
 * assets, everything else with the models. Without WebGL everything but the cloud works.
 */

import { classesOf } from "../classes.js";
import { foreground } from "../colors.js";
import { asPageError } from "../errors.js";
import { formatCount } from "../format.js";
import { classNames } from "../names.js";
import { unitOf } from "../projection.js";
import { classLegend } from "../take/legend.js";
import { startStage } from "../stage.js";
import { followShape } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { legend } from "../ui/legend.js";
import { fileNameOf } from "../ui/save.js";
import { loadStory } from "../story/load.js";
import { readStory } from "../story/format.js";
import { ownStory } from "../story/own.js";
import { startStory } from "../story/story.js";
import { isShown, knownOnly } from "../visibility.js";
import { visiblePoints } from "../visible.js";
import { startAnnouncer } from "./announcer.js";
import { planesOf } from "./current.js";
import { cloudPointing } from "./pointing.js";
import { endLabels } from "./end_labels.js";
import { flowMode } from "./flow.js";
import { KEYS, listenToKeys } from "./shortcuts.js";
import { interpolateMode } from "./interpolate.js";
import { pointCard, pointTip } from "./point_card.js";
import { canDraw, sampleReference } from "./base.js";
import { broughtSelection } from "./brought.js";
import { imageIn } from "./own_image.js";
import { typical } from "./pair.js";
import { probeMode } from "./probe.js";
import { readoutSection } from "./readouts.js";
import { sliceMode } from "./slice.js";

/** @typedef {import("../assets.js").InteractiveAssets} InteractiveAssets */
/** @typedef {import("../client.js").Client} Client */
/** @typedef {import("../scene/marks.js").Marker} Marker */
/** @typedef {import("../state.js").PlaygroundState} PlaygroundState */
/** @typedef {{state: PlaygroundState, change: (changes: Partial<PlaygroundState>) => void,
 *   step: (changes: Partial<PlaygroundState>) => void, slide: (changes: Partial<PlaygroundState>) => void}} Address */
/** @typedef {Awaited<ReturnType<typeof startPlayground>>} Playground */

/**
 * @typedef {object} Context what both modes work with
 * @property {InteractiveAssets} assets
 * @property {import("../classes.js").Classes} classes
 * @property {import("./words.js").Scale} scale
 * @property {import("./words.js").NameOf} spoken
 * @property {number} sample the one to begin with
 * @property {Client} client
 * @property {Address} address
 * @property {import("../stage.js").Stage | null} stage
 * @property {ReturnType<typeof readoutSection>} readouts
 * @property {ReturnType<typeof startAnnouncer>} announcer
 * @property {ReturnType<typeof pointCard>} card
 * @property {() => import("../colors.js").Theme} theme
 * @property {(reference: number) => Marker} chosenMarker
 * @property {() => Promise<import("../dynamics.js").Dynamics | null>} dynamics asked for once
 * @property {() => import("../messages.js").Input & {words: string, key: string}} current
 *   what the page is at: a point that was chosen in the slice or in the cloud, or the augmented input; key:
 *   another for another
 * @property {() => void} repaintPoints colours, and who steps back
 * @property {(error: unknown) => void} fail
 * @property {() => void} shown something of the present state can be seen
 */

/**
 * @param {{shell: import("../shell.js").Shell, address: Address, client: Client,
 *   loads: {assets: Promise<InteractiveAssets>, models: Promise<unknown>},
 *   loading: {done: () => void}}} parts
 */
export async function startPlayground({ shell, address, client, loads, loading }) {
  /** @type {ReturnType<typeof buildPage> | null} */
  let page = null;
  let experiment = "";
  const written = storyOf(address.state);
  const stage = startStage(shell, address, {
    keys: KEYS,
    fileName: () => fileNameOf(experiment),
    about: () => /** @type {NonNullable<typeof page>} */ (page).about(),
    only: () => page?.only(),
    onHover: (index, x, y) => page?.hover(index, x, y),
    onClick: (index) => page?.click(index),
    onTheme: () => page?.paint(),
    onDraw: () => page?.placeLabels(),
  });
  const assets = await loads.assets;
  experiment = assets.about.experiment;
  shell.setExperiment(experiment);
  followShape(assets.imageShape);
  const classes = classesOf(assets, address.state.palette);
  if (stage) {
    stage.cloud.setPoints(assets.points, classes.ranks, classes.glyphs);
    stage.cloud.setColors(classes.colors(stage.theme));
    stage.cloud.draw();
    stage.settings.offer(assets, classes, address.state);
  }
  page = buildPage({ shell, address, client, assets, classes, stage });
  await loads.models;
  await page.chooseSample(await written);
  if (stage) loading.done();
  page.start();
  return page;
}

/** A file of a story, or what is wrong with it. @param {PlaygroundState} state */
async function storyOf({ story, embed }) {
  if (!story || embed.length) return null;
  try {
    return { value: await loadStory(story), problem: "" };
  } catch (error) {
    const { message, next } = asPageError(error);
    return { value: null, problem: `${message} ${next}` };
  }
}

/**
 * @param {{shell: import("../shell.js").Shell, address: Address, client: Client, assets: InteractiveAssets,
 *   classes: import("../classes.js").Classes, stage: import("../stage.js").Stage | null}} parts
 */
function buildPage({ shell, address, client, assets, classes, stage }) {
  const theme = () => shell.theme.current;
  const announcer = startAnnouncer();
  const card = pointCard(assets, classes, {
    onTake: (reference) => {
      const isFlow = address.state.mode === "flow";
      if (!isFlow) setMode("probe");
      probe.take(reference);
      if (isFlow) flow.follow();
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
  const tip = pointTip(assets, classes);
  const names = endLabels(assets);
  const readouts = readoutSection(assets, classes, { onChoose: (reference) => mode().choose(reference) });
  /** @type {Promise<import("../dynamics.js").Dynamics | null> | null} */
  let dynamics = null;
  /** @type {Context} */
  const context = {
    assets,
    classes,
    scale: null,
    spoken: assets.hasLabels ? classes.nameOf : null,
    sample: 0,
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
    dynamics: () => (dynamics ??= client.loadDynamics({ url: address.state.dynamics })),
    current() {
      const latent = planes.point(address.state);
      if (latent) return { image: null, latent, offset: null, words: "a point of the slice", key: latent.join() };
      const { words, ...input } = probe.input();
      return { ...input, words, key: Object.values(input).map((part) => part?.join()).join(";") };
    },
    repaintPoints() {
      stage?.cloud.setColors(flow.colors(theme()) ?? classes.colors(theme()));
      visible.paint(rows.shown, inFront());
      paintNames();
    },
    fail: shell.panels.showError,
    shown() {
      if (document.documentElement.dataset.state === "ready") return;
      performance.mark("probe");
      shell.ready();
    },
  };
  const brought = broughtSelection(assets, address, { onChange: context.repaintPoints, tell: shell.panels.showNotice });
  /** Of an attractor's members, or of a selection's. */
  const inFront = () => flow.isSelected() ?? brought.isMember();
  const probe = probeMode(context);
  const interpolate = interpolateMode(context);
  const planes = planesOf(assets, interpolate.ends);
  const flow = flowMode(context);
  const slice = sliceMode(context, planes, {
    onTake(values) {
      probe.takeValues(values, "decoded from the slice");
      setMode("probe");
    },
    onFlow() {
      address.change({ steps: 0 });
      setMode("flow");
    },
  });
  const modes = { probe, interpolate, flow, slice };
  /** @type {Record<keyof typeof modes, string>} */
  const TITLES = { probe: "Probe", interpolate: "Interpolate", flow: "Flow", slice: "Slice" };
  const mode = () => modes[address.state.mode];

  const tabs = /** @type {(keyof typeof modes)[]} */ (Object.keys(modes)).map((name) =>
    element("button", { type: "button", onclick: () => setMode(name) }, TITLES[name]),
  );
  const visible = visiblePoints(stage?.cloud, classes);
  const pointing = cloudPointing(context, shell, {
    isOn: () => isStarted && address.state.mode === "probe",
    marker: probe.marker,
    only: () => visible.canPick,
    onTake: probe.takePlace,
  });
  const named = knownOnly(address.state, classes.list.map(({ label }) => label));
  if (named.problem) shell.panels.showNotice(named.problem);
  const classLabels = stage && classNames(stage.cloud, classes, assets.points);
  /** The pictures of attractors have their place, and say what they are. */
  function paintNames() {
    if (address.state.mode === "flow") classLabels?.hide();
    else classLabels?.paint({ theme: theme(), isShown: (label) => isShown(rows.shown, label), isColored: true });
  }
  const rows = legend(classes, {
    initial: named.shown,
    theme: theme(),
    onChange(shown, { replaces }) {
      address[replaces ? "change" : "step"]({ dim: [...shown.dim], isolate: shown.isolate });
      visible.paint(shown, inFront());
      paintNames();
    },
  });
  const view = element("details", { class: "view", open: address.state.embed.includes("legend") }, element("summary", {}, rows.node ? "Classes and view" : "View"), rows.node, stage?.settings.node);
  const dock = /** @type {HTMLElement} */ (document.querySelector(".dock"));
  const aside = /** @type {HTMLElement} */ (document.querySelector(".results"));
  const modeSection = element("div", { class: "segments modes", role: "group", "aria-label": "Mode" }, ...tabs);
  shell.side.append(modeSection, ...Object.values(modes).flatMap(({ controls }) => controls), view);
  dock.append(...Object.values(modes).map(({ dock: node }) => node));
  aside.append(readouts.node, readouts.list.node, ...flow.results);
  shell.overlay.prepend(slice.stage, ...flow.overlay);
  shell.overlay.append(tip.node, ...names.nodes);
  shell.corners.bottomLeft.append(interpolate.legend, card.node);
  shell.corners.topLeft.append(brought.node);
  document.body.append(announcer.node);
  interpolate.legend.hidden = true;
  let isStarted = false;
  /** @type {unknown} the story of a file */
  let written = null;
  /** Samples, the best reconstructed first. @type {readonly number[]} */
  let order = [0];
  const story = startStory({
    address,
    header: /** @type {HTMLElement} */ (document.querySelector(".bar")),
    read: () => readStory(written ?? ownStory(assets, classes, canDraw(assets.imageShape)), { canDraw: canDraw(assets.imageShape), rowOf }),
    follow,
    tell: shell.panels.showNotice,
  });

  /** What stands for a class. @param {string} key @param {string} name */
  function rowOf(key, name) {
    const one = classes.list.find((known) => known.name === name);
    if (!one) return null;
    if (key !== "digit") return typical(assets.rawLatents, assets.labels, assets.latentDim, one.label);
    return order.find((sample) => assets.sampleLabels?.[sample] === one.label) ?? null;
  }

  /** @param {keyof typeof modes} next */
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
    for (const part of flow.results) part.hidden = present !== "flow";
    for (const part of [readouts.node, readouts.list.node]) part.hidden = present === "flow";
    document.documentElement.dataset.mode = present;
    mode().enter();
    pointing.update();
    context.repaintPoints();
  }
  /** @param {PlaygroundState} state */
  function follow(state) {
    for (const one of Object.values(modes)) one.leave();
    card.hide();
    brought.follow();
    stage?.follow(state);
    if (!stage) shell.theme.set(state.theme);
    if (classes.usePalette(state.palette)) paint();
    rows.update(knownOnly(state, classes.list.map(({ label }) => label)).shown);
    showMode();
    story.follow(state);
  }
  function paint() {
    context.repaintPoints();
    rows.update({ theme: theme() });
    readouts.paint(theme());
    mode().repaint();
  }
  listenToKeys({
    onEscape() {
      if (card.reference >= 0) {
        card.hide();
        mode().repaint();
      } else if (!story.close()) return false;
      return true;
    },
    mainButton: () => (mode() === interpolate || mode() === flow ? mode().dock.querySelector("button") : null),
  });
  listenToImages((file) => {
    if (!isStarted) return;
    setMode("probe");
    void probe.openImage(file);
  });
  return {
    /**
     * One that is reconstructed right, unless the address says what to begin with; a story goes through several.
     * @param {Awaited<ReturnType<typeof storyOf>>} file
     */
    async chooseSample(file) {
      const { source, digit } = address.state;
      if (file?.problem) shell.panels.showNotice(`The story cannot be told: ${file.problem}`);
      written = file?.value ?? null;
      if (!story.isWanted && (digit !== null || (source !== "digit" && source !== "image"))) return;
      const of = Int32Array.from({ length: assets.digits }, (_, sample) => sampleReference(assets, sample));
      ({ order } = await client.bestSample({ rows: of }));
      context.sample = order[0];
      if (!file?.problem) story.begin();
    },
    start() {
      isStarted = true;
      // Hidden in the markup: until here they hold both modes, and empty readouts.
      for (const part of [shell.side, dock, aside]) part.hidden = false;
      readouts.paint(theme());
      interpolate.repaint();
      showMode();
      story.follow(address.state);
      stage?.begin();
      void Promise.resolve(assets.thumbnails?.complete).then((areThere) => {
        if (areThere && assets.thumbnails) stage?.cloud.setPictures(assets.thumbnails);
      });
    },
    follow,
    /** @param {Float64Array} own */
    measured(own) {
      context.scale = { own, unit: unitOf(own) };
      readouts.measured(context.scale);
      if (isStarted) mode().refresh();
    },
    /** More thumbnails have come in. */
    thumbnails() {
      readouts.list.refresh();
      card.refresh();
      for (const one of Object.values(modes)) one.refreshPictures();
    },
    paint,
    /** @returns {import("../stage.js").About} */
    about() {
      const { experiment, checkpointSha256: checkpoint } = assets.about;
      const byBasin = flow.colors(theme()) !== null;
      return {
        title: `${experiment || "Latent space"}: ${formatCount(assets.count)} references`,
        legend: byBasin ? [] : classLegend(classes, theme(), (label) => isShown(rows.shown, label)),
        file: address.state.assets,
        experiment,
        checkpoint,
        flow: flow.film(),
      };
    },
    placeLabels() {
      names.place(mode().ends(), stage?.cloud.view());
      flow.placeLabels(stage?.cloud.view());
    },
    only: () => visible.canPick,
    /** @param {number} index @param {number} x @param {number} y */
    hover(index, x, y) {
      shell.canvas.style.cursor = index >= 0 ? "pointer" : "";
      if (index >= 0) tip.show(index, x, y, shell.canvas);
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

/** Image files that are dropped on the page or pasted. @param {(file: File) => void} onFile */
function listenToImages(onFile) {
  const { classList } = document.documentElement;
  const isFile = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    classList.add("dropping");
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && classList.remove("dropping"));
  addEventListener("drop", (event) => {
    classList.remove("dropping");
    if (!isFile(event)) return;
    event.preventDefault();
    const file = imageIn(event.dataTransfer);
    if (file) onFile(file);
  });
  addEventListener("paste", (event) => {
    const file = imageIn(event.clipboardData);
    if (file) onFile(file);
  });
}
