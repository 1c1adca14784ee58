/**
 * Two runs side by side: the same images in two latent spaces, with one selection, one hover, one chosen image.
 *
 *   const comparison = await startComparison(address, left);   left: how many more runs were asked for
 *   comparison.follow(state)     after back or forward; null where nothing can be compared
 *
 * Only images that both files draw are shown, and how many are not is told. The rows of everything here are
 * those of match.js; the address names the chosen one by its row in the first file, as the viewer does.
 */

import { cameraFromVector, cameraToVector } from "../camera.js";
import { classesOf } from "../classes.js";
import { startClient } from "../client.js";
import { createCloud } from "../cloud.js";
import { colorsByNumber } from "../colors.js";
import { attachControls } from "../controls.js";
import { PageError } from "../errors.js";
import { formatCount, formatNumber } from "../format.js";
import { startShell } from "../shell.js";
import { startStage } from "../stage.js";
import { followShape } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { legend } from "../ui/legend.js";
import { fileNameOf } from "../ui/save.js";
import { colorScale } from "../ui/scale.js";
import { visiblePoints } from "../visible.js";
import { classLegend, numberLegend } from "../take/legend.js";
import { hoverCard } from "../viewer/hover.js";
import { selectionLink } from "../viewer/linked.js";
import { pointMarks } from "../viewer/marks.js";
import { filesBeside } from "../viewer/playground_link.js";
import { pointSelection } from "../viewer/selection.js";
import { KEYS, listenToKeys } from "../viewer/shortcuts.js";
import { chosenPair } from "./chosen.js";
import { dataProblem, matched, sharedNeighbors } from "./match.js";
import { pairProbe } from "./probe.js";
import { secondStage } from "./second_stage.js";

/** @typedef {import("../assets.js").LatentPoints} LatentPoints */
/** @typedef {import("../state.js").ViewerState} ViewerState */
/** @typedef {{follow: (state: ViewerState) => void, progress?: undefined, refresh?: undefined}} Comparison */

const VIEWER_PAGE = "latent_space_viewer.html";

/** @param {import("../viewer/view.js").Address} address @param {number} left @returns {Promise<Comparison | null>} */
export async function startComparison(address, left) {
  const shell = startShell(address.state);
  const { showLoading, showNotice, showError } = shell.panels;
  const loading = showLoading();
  /** @type {(() => void)[]} */
  const refreshes = [];
  const clients = ["First run", "Second run"].map((what) =>
    startClient({
      onProgress: (progress) => progress.what === "points" && loading.update({ ...progress, what }),
      onNotice: showNotice,
      onCrash: showError,
      onThumbnails: () => refreshes.forEach((refresh) => refresh()),
    }),
  );
  try {
    const urls = [address.state.data, address.state.other];
    const [a, b] = await Promise.all(clients.map((client, i) => client.loadPoints({ url: urls[i] })));
    clients[1].stop();
    const pair = matched(a, b);
    const problem = dataProblem(a, b, pair);
    if (problem) {
      clients[0].stop();
      shell.stop("error", () => showDifferent(shell, problem, urls));
      return null;
    }
    loading.done();
    if (left) showNotice(`${left + 2} runs were ticked: the first two are compared.`);
    return compared(shell, address, a, b, pair, refreshes);
  } catch (error) {
    clients.forEach((client) => client.stop());
    shell.stop("error", () => showError(error));
    return null;
  }
}

/** @param {import("../shell.js").Shell} shell @param {string} problem @param {string[]} urls */
function showDifferent(shell, problem, urls) {
  shell.panels.showError(new PageError("mismatch", `These two cannot be compared. ${problem}`, "Tick two runs of the same data in the index, or open each by itself:"));
  const links = urls.map((url) => element("li", {}, element("a", { href: `${VIEWER_PAGE}?data=${encodeURIComponent(url)}` }, url.split("/").pop() ?? url)));
  shell.overlay.querySelector(".panel.error")?.append(element("ul", { class: "error-links" }, ...links));
}

/**
 * @param {import("../shell.js").Shell} shell @param {import("../viewer/view.js").Address} address
 * @param {LatentPoints} a @param {LatentPoints} b @param {import("./match.js").Matched} pair @param {(() => void)[]} refreshes
 */
function compared(shell, address, a, b, pair, refreshes) {
  const shared = sharedNeighbors(pair);
  const points = commonPoints(a, pair, () => refreshes.forEach((refresh) => refresh()));
  const classes = classesOf(points, address.state.palette);
  /** @type {[string, string]} */
  const names = [a.about.experiment || "the first", b.about.experiment || "the second"];
  if (names[0] === names[1]) [names[0], names[1]] = [`${names[0]} (1)`, `${names[1]} (2)`];
  if (points.imageShape) followShape(points.imageShape);
  const second = secondStage(shell, names);

  /** Size, glyphs and theme are those of both. */
  const both = {
    get state() {
      return address.state;
    },
    /** @param {any} changes */
    change(changes) {
      address.change(changes);
      styleSecond();
    },
    /** @param {any} changes */
    slide(changes) {
      address.slide(changes);
      styleSecond();
    },
  };
  /** @type {ReturnType<typeof attach> | null} */
  let page = null;
  const pointing = (/** @type {0 | 1} */ side) => ({
    only: () => page?.canPick,
    onHover: (/** @type {number} */ row, /** @type {number} */ x, /** @type {number} */ y) => page?.hover(side, row, x, y),
    onClick: (/** @type {number} */ row, /** @type {number} */ x, /** @type {number} */ y, /** @type {PointerEvent | KeyboardEvent} */ event) => page?.click(side, row, x, y, event),
    onSelect: (/** @type {"box" | "lasso"} */ shape, /** @type {number[]} */ outline, /** @type {boolean} */ isDone, /** @type {PointerEvent} */ event) => page?.draw(shape, outline, isDone, event, side),
  });
  const stage = startStage(shell, both, {
    keys: KEYS.filter(([keys]) => keys !== "G" && keys !== "/"),
    about: () => ({
      title: `${names[0]}: the images that ${names[1]} draws, too`,
      legend: address.state.color === "class" || !shared ? classLegend(classes, shell.theme.current, () => true) : numberLegend(shared, shell.theme.current),
      file: address.state.data,
      experiment: names[0],
      checkpoint: a.about.checkpointSha256,
      flow: null,
    }),
    fileName: () => fileNameOf(`${names[0]} beside ${names[1]}`),
    ...pointing(0),
    onTheme: () => page?.paint(),
    onCamera: () => page?.hover(0, -1, 0, 0),
    onReset: () => page?.reset(),
  });
  if (!stage) {
    shell.stop("error");
    return null;
  }
  const cloud2 = createCloud(second.canvas, {
    onCamera: (camera) => address.change({ camera2: camera && cameraToVector(camera) }),
    onLost: shell.panels.showError,
    onRestored: shell.panels.clear,
  });
  const controls2 = attachControls(second.canvas, cloud2, pointing(1));
  const camera2 = cameraFromVector(address.state.camera2);
  if (camera2) cloud2.setCamera(camera2);
  function styleSecond() {
    const { size, glyphs } = address.state;
    cloud2.setStyle({ size, glyphs, theme: shell.theme.current });
  }
  page = attach(stage);
  return { follow: page.follow };

  /** @param {import("../stage.js").Stage} first */
  function attach(first) {
    const clouds = [first.cloud, cloud2];
    const canvases = [shell.canvas, second.canvas];
    const overlays = [shell.overlay, second.overlay];
    clouds.forEach((cloud, side) => cloud.setPoints(pair.points[side], classes.ranks, classes.glyphs));
    const visible = clouds.map((cloud) => visiblePoints(cloud, classes));
    const cards = overlays.map((overlay) => hoverCard(overlay, points, classes));
    const marks = clouds.map((cloud) => pointMarks(cloud, first.theme));

    const rows = legend(classes, {
      initial: address.state,
      theme: first.theme,
      onChange({ dim, isolate }, { replaces }) {
        address[replaces ? "change" : "step"]({ dim: [...dim], isolate });
        paintVisible();
      },
    });
    const link = selectionLink(points, { tell: shell.panels.showNotice });
    const stages = clouds.map((cloud, side) => ({ cloud, overlay: overlays[side], isShown: visible[side].isClassShown }));
    const selection = pointSelection(stages, shell.corners.topLeft, points, classes, {
      onTool(tool) {
        first.controls.setTool(tool);
        controls2.setTool(tool);
      },
      onChange() {
        paintVisible();
        zoom.hidden = !selection.rows?.length;
        if (!link.isFollowing) address.step({ selected: link.textOf(selection.rows) });
      },
    });
    const zoom = element("button", { type: "button", class: "small", hidden: true, onclick: zoomBoth }, "Zoom to it");
    selection.node.append(element("div", { class: "actions" }, element("div", { class: "buttons" }, zoom)));
    function zoomBoth() {
      first.fit(selection.has);
      cloud2.setCamera(cloud2.fitted(selection.has));
    }
    const chosen = chosenPair(pair, points, classes, names, {
      onChoose(row) {
        choose(row);
        for (const cloud of clouds) cloud.setCamera({ ...cloud.camera, target: cloud.place(row) });
        chosen.node.focus();
      },
      onClose() {
        choose(-1);
        shell.canvas.focus();
      },
    });
    const probe = pairProbe(names, pair, {
      thumbnails: points.thumbnails,
      files: Promise.all([filesBeside(address.state.data, a), filesBeside(address.state.other, b)]),
      onPlaced: (found) => marks.forEach((one, side) => one.set({ probe: found[side] })),
    });
    const color = element(
      "select",
      { onchange: () => recolor(color.value) },
      shared && element("option", { value: "shared" }, "Shared neighbours"),
      element("option", { value: "class" }, points.hasLabels ? "Class" : "Nothing"),
    );
    const scale = colorScale();

    /** @returns {number} the row of the chosen image, -1 for none */
    const chosenRow = () => (address.state.select === null ? -1 : pair.rows[0].indexOf(address.state.select));
    /** @param {number} row */
    function choose(row) {
      const select = row < 0 ? null : pair.rows[0][row];
      if (select !== address.state.select) address.step({ select });
      paintChosen();
    }
    function paintChosen() {
      const row = chosenRow();
      if (row < 0) chosen.hide();
      else chosen.show(row, first.theme);
      probe.offer(row);
      marks.forEach((one, side) => one.set({ chosen: row, near: nearOf(side, row) }));
    }
    /** @param {string} value */
    function recolor(value) {
      address.step({ color: value === "shared" ? "" : "class" });
      paint();
    }
    const isShared = () => shared !== null && address.state.color !== "class";

    /** Its nearest others in the latent space of a side, of those that are drawn. @param {number} side @param {number} row @returns {number[]} */
    const nearOf = (side, row) => (row < 0 || !pair.near ? [] : Array.from(pair.near[side][row], (index) => pair.rowOf.get(index)).filter((one) => one !== undefined));
    function paintVisible() {
      for (const one of visible) one.paint(rows.shown, selection.rows && selection.has);
    }
    function paint() {
      const theme = first.theme;
      styleSecond();
      const byShared = shared && isShared() ? colorsByNumber(shared, theme) : null;
      for (const cloud of clouds) cloud.setColors(byShared?.colors ?? classes.colors(theme));
      color.value = isShared() ? "shared" : "class";
      scale.hide();
      document.documentElement.classList.toggle("by-number", isShared());
      if (byShared && shared && pair.near) {
        const mean = shared.reduce((sum, value) => sum + value, 0) / shared.length;
        scale.show(byShared, theme, `How many of the ${pair.near[0][0].length} nearest others of an image are the same in both latent spaces: ${formatNumber(mean)} on average.`);
      }
      rows.update({ theme });
      selection.update(theme);
      chosen.refresh(theme);
      for (const one of marks) one.paint(theme);
    }
    first.settings.offer(points, classes, address.state);
    listenToKeys({
      onTool: selection.choose,
      onFind: () => undefined,
      onGallery: () => undefined,
      onEscape() {
        if (selection.endTool()) return;
        if (selection.rows) selection.clear();
        else choose(-1);
      },
    });
    refreshes.push(() => chosen.refresh(), ...cards.map((card) => () => void card.refresh()));
    shell.setExperiment(`${names[0]} beside ${names[1]}`);
    const total = formatCount(pair.indices.length);
    const facts = element("p", { class: "note" }, `${total} ${points.imageShape ? "images" : "rows"} in both${pair.left ? `; ${formatCount(pair.left)} that only one of them draws are left out` : ""}.`);
    const choice = element("section", { "aria-label": "Colour" }, facts, element("label", { class: "choice" }, element("strong", {}, "Colour by"), color), scale.node);
    shell.side.append(...[choice, chosen.node, probe.node, rows.node, selection.node, first.settings.node].filter((node) => node !== null));
    link.follow(selection, address.state.selected);
    paint();
    paintChosen();
    shell.ready();
    return {
      canPick: visible[0].canPick,
      paint,
      reset() {
        selection.choose("orbit");
        cloud2.resetCamera();
        paint();
      },
      /** @param {number} side @param {number} row @param {number} x @param {number} y */
      hover(side, row, x, y) {
        cards[1 - side].hide();
        if (row >= 0) {
          cards[side].show(row, x, y, first.theme, "");
          const { x: across, y: down } = clouds[1 - side].screen();
          cards[1 - side].show(row, across[row], down[row], first.theme, "");
        } else cards[side].hide();
        canvases[side].classList.toggle("over-point", row >= 0);
        for (const one of marks) one.set({ hovered: row });
      },
      /** @param {number} side @param {number} row @param {number} x @param {number} y @param {PointerEvent | KeyboardEvent} event */
      click(side, row, x, y, event) {
        if (!selection.touched(x, y, event, side)) choose(row);
      },
      draw: selection.drawn,
      /** @param {ViewerState} state */
      follow(state) {
        first.follow(state);
        const camera = cameraFromVector(state.camera2);
        if (camera) cloud2.setCamera(camera);
        else cloud2.resetCamera();
        classes.usePalette(state.palette);
        rows.update({ dim: state.dim, isolate: state.isolate });
        link.follow(selection, state.selected);
        paint();
        paintChosen();
      },
    };
  }
}

/**
 * The images of both as the viewer has them, with the first file's places.
 * @param {LatentPoints} a @param {import("./match.js").Matched} pair @param {() => void} onPictures
 * @returns {LatentPoints}
 */
function commonPoints(a, { indices, rows: [rows], points }, onPictures) {
  const isWhole = rows.length === a.count;
  return {
    ...a,
    count: rows.length,
    points: points[0],
    labels: rows.map((row) => a.labels[row]),
    indices,
    neighbors: null,
    numbers: new Map(),
    thumbnails: isWhole || !a.thumbnails ? a.thumbnails : someThumbnails(a.thumbnails, rows, onPictures),
  };
}

/** Once all have come. @param {import("../assets.js").Thumbnails} all @param {Int32Array} rows @param {() => void} onPictures */
function someThumbnails(all, rows, onPictures) {
  const size = all.shape[0] * all.shape[1] * all.shape[2];
  const some = { data: new Uint8Array(), shape: all.shape, loaded: 0 };
  void Promise.resolve(all.complete).then((areThere) => {
    if (!areThere) return;
    some.data = new Uint8Array(size * rows.length);
    rows.forEach((row, i) => some.data.set(all.data.subarray(row * size, (row + 1) * size), i * size));
    some.loaded = rows.length;
    onPictures();
  });
  return some;
}
