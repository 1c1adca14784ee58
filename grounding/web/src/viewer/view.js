/**
 * The viewer's parts, tied to each other and to the address.
 *
 *   const show = prepareView(shell, address, client);   null without WebGL: its panel is shown
 *   const view = show(points);
 *   view.follow(state)        after back or forward
 *   view.progress(progress)   of the thumbnails
 *   view.refresh()            more of them have come
 */

import { classesOf } from "../classes.js";
import { formatProgress } from "../format.js";
import { classNames } from "../names.js";
import { startStage } from "../stage.js";
import { followShape } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { legend } from "../ui/legend.js";
import { fileNameOf } from "../ui/save.js";
import { isShown, knownOnly } from "../visibility.js";
import { visiblePoints } from "../visible.js";
import { selectionActions } from "./actions.js";
import { pointChoice } from "./choice.js";
import { colorChoice } from "./coloring.js";
import { classLegend, numberLegend } from "../take/legend.js";
import { countText, wordsOf } from "./describe.js";
import { factsSection } from "./facts.js";
import { memberGallery } from "./gallery.js";
import { filmMode } from "./film.js";
import { hoverCard } from "./hover.js";
import { selectionLink } from "./linked.js";
import { pointMarks } from "./marks.js";
import { playgroundOf } from "./playground_link.js";
import { searchField } from "./search.js";
import { pointSelection } from "./selection.js";
import { KEYS, listenToKeys } from "./shortcuts.js";

/** @typedef {import("../assets.js").LatentPoints} LatentPoints */
/** @typedef {import("../client.js").Client} Client */
/** @typedef {import("../state.js").ViewerState} ViewerState */
/** @typedef {import("../shell.js").Shell} Shell */
/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {{state: ViewerState, change: (changes: Partial<ViewerState>) => void, step: (changes: Partial<ViewerState>) => void,
 *   slide: (changes: Partial<ViewerState>) => void}} Address */
/** @typedef {ReturnType<typeof pointsView>} View */

/** @param {Shell} shell @param {Address} address @param {Client} client */
export function prepareView(shell, address, client) {
  /** @type {View | null} */
  let view = null;
  const stage = startStage(shell, address, {
    keys: KEYS,
    fileName: () => view?.fileName ?? "picture",
    about: () => /** @type {View} */ (view).about(),
    only: () => view?.canPick,
    onHover: (row, x, y) => view?.hover(row, x, y),
    onClick: (row, x, y, event) => view?.click(row, x, y, event),
    onSelect: (shape, outline, isDone, event) => view?.draw(shape, outline, isDone, event),
    onTheme: () => view?.paint(),
    onCamera: () => view?.hover(-1, 0, 0),
    onReset: () => view?.reset(),
    onFlat: (isFlat) => view?.setFlat(isFlat),
  });
  return stage && ((/** @type {LatentPoints} */ points) => (view = pointsView(shell, stage, address, client, points)));
}

/** @param {Shell} shell @param {Stage} stage @param {Address} address @param {Client} client @param {LatentPoints} points */
function pointsView(shell, stage, address, client, points) {
  const { cloud } = stage;
  const { about } = points;
  const classes = classesOf(points, address.state.palette);
  const coloring = colorChoice(points, classes, {
    initial: address.state.color,
    onChange(color) {
      address.step({ color });
      paint();
    },
  });
  // The picture first; everything around it can wait for it.
  cloud.setPoints(points.points, classes.ranks, classes.glyphs);
  cloud.setColors(coloring.colors(stage.theme));
  cloud.draw();
  requestAnimationFrame(() => performance.mark("picture"));

  if (points.imageShape) followShape(points.imageShape);
  const visible = visiblePoints(cloud, classes);
  const names = classNames(cloud, classes, points.points);
  const marks = pointMarks(cloud, stage.theme);
  const card = hoverCard(shell.overlay, points, classes);
  const choice = pointChoice({ stage, shell, address, client, points, classes, marks, onPaint: () => film?.refresh() });
  /** @type {ReturnType<typeof filmMode> | undefined} */
  const film = filmMode({ stage, shell, address, client, points, chosen: () => choice.row, onMove: () => marks.paint() });
  const named = knownOnly(address.state, classes.list.map(({ label }) => label));
  if (named.problem) stage.showNotice(named.problem);
  const rows = legend(classes, {
    initial: named.shown,
    theme: stage.theme,
    onChange({ dim, isolate }, { replaces }) {
      address[replaces ? "change" : "step"]({ dim: [...dim], isolate });
      paintVisible();
    },
  });
  const selection = pointSelection([{ cloud, overlay: shell.overlay, isShown: visible.isClassShown }], shell.corners.topLeft, points, classes, {
    onTool: stage.controls.setTool,
    onChange() {
      paintVisible();
      showMembers();
      if (!link.isFollowing) address.step({ selected: link.textOf(selection.rows) });
      tellSelection();
    },
  });
  const link = selectionLink(points, { tell: shell.panels.showNotice });
  const gallery = memberGallery(points, classes, {
    onChoose: (row) => choice.choose(row, { goes: true }),
    onPoint: (row) => marks.set({ hovered: row ?? -1 }),
    onClose: () => toggleGallery(false),
  });
  const actions = selectionActions(points, classes, {
    onFound: selection.apply,
    onGallery: () => toggleGallery(!gallery.isOpen),
    onZoom: () => stage.fit(selection.has),
    selected: () => address.state.selected,
    playground: () => playgroundOf(address.state.data, points),
  });
  /** @param {boolean} isOpen */
  function toggleGallery(isOpen) {
    const hadFocus = gallery.node.contains(document.activeElement);
    if (isOpen && selection.rows?.length) gallery.show(selection.rows, stage.theme);
    else gallery.hide();
    actions.pressed(gallery.isOpen);
    if (hadFocus && !gallery.isOpen) shell.canvas.focus();
  }
  function showMembers() {
    actions.update(selection.rows);
    if (gallery.isOpen) toggleGallery(true);
  }
  /** Whoever embeds the page may read and set it: notebook/viewer.js does. */
  const tellSelection = () => document.dispatchEvent(new CustomEvent("selection", { detail: selection }));
  stage.settings.offer(points, classes, address.state);
  const search = searchField(points, { onFound: (row) => choice.choose(row, { goes: true }) });
  const coming = element("p", { class: "muted", hidden: true });

  function paint() {
    cloud.setColors(coloring.colors(stage.theme));
    paintAround();
  }
  function paintAround() {
    document.documentElement.classList.toggle("by-number", coloring.key !== "");
    rows.update({ theme: stage.theme });
    selection.update(stage.theme);
    choice.panel.refresh(stage.theme);
    marks.paint(stage.theme);
    gallery.refresh(stage.theme);
    paintNames();
  }
  function paintVisible() {
    visible.paint(rows.shown, selection.rows && selection.has);
    paintNames();
  }
  function paintNames() {
    names.paint({ theme: stage.theme, isShown: (label) => isShown(rows.shown, label), isColored: coloring.key === "" });
  }
  listenToKeys({
    onTool: selection.choose,
    onFind: () => search.input.focus(),
    onGallery: () => toggleGallery(!gallery.isOpen),
    onEscape() {
      if (selection.endTool()) return;
      if (selection.rows) selection.clear();
      else choice.choose(null);
    },
  });

  shell.corners.bottomLeft.append(element("p", { class: "count" }, countText(points)), coming);
  shell.setExperiment(about.experiment);
  shell.side.before(choice.panel.node, gallery.node);
  selection.node.append(...actions.nodes);
  const sections = [search.node, coloring.node, rows.node, selection.node, film.node, stage.settings.node, factsSection(points)];
  shell.side.append(...sections.filter((node) => node !== null));
  paintVisible();
  paintAround();
  void choice.paint();
  void Promise.resolve(points.thumbnails?.complete).then((areThere) => {
    performance.mark("pictures");
    if (areThere && points.thumbnails) cloud.setPictures(points.thumbnails);
    film.refresh();
  });
  if (address.state.selected) link.follow(selection, address.state.selected);
  film.find().catch(stage.showError);
  tellSelection();
  selection.setFlat(cloud.isFlat);
  shell.ready();
  stage.begin();

  return {
    canPick: visible.canPick,
    paint,
    fileName: fileNameOf(`${about.experiment} ${about.split} latent points`),
    reset: () => void selection.endTool(),
    setFlat: selection.setFlat,
    /** @returns {import("../stage.js").About} */
    about() {
      const values = points.numbers.get(coloring.key);
      const colored = values ? `, coloured by ${wordsOf(coloring.key).toLowerCase()}` : "";
      return {
        title: `${about.experiment || "Latent points"}: ${countText(points)}${colored}`,
        legend: values ? numberLegend(values, stage.theme) : classLegend(classes, stage.theme, (label) => isShown(rows.shown, label)),
        file: address.state.data,
        experiment: about.experiment,
        checkpoint: about.checkpointSha256,
        flow: null,
      };
    },
    /** @param {number} row @param {number} x @param {number} y */
    hover(row, x, y) {
      if (row >= 0) card.show(row, x, y, stage.theme, coloring.key);
      else card.hide();
      shell.canvas.classList.toggle("over-point", row >= 0);
      marks.set({ hovered: row });
    },
    draw: selection.drawn,
    /** @param {number} row @param {number} x @param {number} y @param {PointerEvent | KeyboardEvent} event */
    click(row, x, y, event) {
      if (!selection.touched(x, y, event)) choice.choose(row < 0 ? null : row);
    },
    /** @param {ViewerState} state */
    follow(state) {
      stage.follow(state);
      coloring.set(state.color);
      classes.usePalette(state.palette);
      rows.update(knownOnly(state, classes.list.map(({ label }) => label)).shown);
      link.follow(selection, state.selected);
      paint();
      void choice.paint();
      film.follow(state);
    },
    /** @param {import("../messages.js").Progress} progress */
    progress({ loaded, total }) {
      coming.hidden = loaded === total;
      coming.textContent = `Pictures: ${formatProgress(loaded, total)}`;
    },
    refresh() {
      card.refresh();
      choice.panel.refresh();
      gallery.refresh();
    },
  };
}
