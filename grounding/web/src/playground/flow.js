/**
 * Flow mode: all references move along their trails under f = E∘D, the current image flows live with the
 * models in the page, and gathers with them in attractors.
 *
 *   const flow = flowMode(context);        as probe.js; flow.results: its readouts
 *   flow.overlay                           nodes for the stage
 *   flow.placeLabels(view)                 after each drawing
 *   flow.isSelected() -> ((reference) => boolean) | null; flow.colors(theme) -> colours or null
 */

import { accent, background, foreground } from "../colors.js";
import { attractorOf, stopsOf } from "../dynamics.js";
import { placeOf, valueAt } from "../stops.js";
import { asPageError } from "../errors.js";
import { formatNumber } from "../format.js";
import { element } from "../ui/element.js";
import { attractorLabels } from "./attractor_labels.js";
import { attractorList } from "./attractor_list.js";
import { basinsOf } from "./basins.js";
import { startFlowPlayer } from "./flow_player.js";
import { flowStrip } from "./flow_strip.js";
import { howWords, keptWords, liveWords, lossWords, things } from "./flow_words.js";

/** @typedef {import("./main.js").Context} Context */
/** @typedef {import("../messages.js").Flowed} Flowed */

/** A step this short leads nowhere: of the scale; without a file, of the latents' own length. */
const REST = 1e-4;
/** While it plays, the dock is written so often: painting it takes as long as moving all points. */
const DOCK_MS = 150;
/** A trail that leaves the picture between two stops is drawn straight. */
const TRAIL_WIDTH = 2;

/** @param {Context} context */
export function flowMode(context) {
  const { assets, classes, client, address, stage, card, announcer } = context;
  const what = things(assets);
  let isActive = false;
  /** @type {import("../dynamics.js").Dynamics | null} */
  let dynamics = null;
  /** @type {import("./basins.js").Basins | null} */
  let basins = null;
  let isAsked = false;
  let stops = stopsOf();
  let place = 0;
  /** @type {Flowed | null} */
  let flowed = null;
  let asked = "";
  let dockAt = 0;
  let currentWords = "";

  const strip = flowStrip(assets.imageShape, {
    onPlace(next) {
      player.stop();
      address.slide({ steps: valueAt(stops, next) });
      setPlace(next);
    },
    onPlay() {
      if (player.isPlaying) player.stop();
      else player.to(place < stops.length - 1 ? stops.length - 1 : 0);
    },
  });
  const player = startFlowPlayer({ get: () => place, set: setPlace, onChange: () => showPlace() });
  const list = attractorList(assets, classes, {
    onChoose: choose,
    onReference: (reference) => {
      card.show(reference);
      draw();
    },
  });
  const labels = attractorLabels(assets.imageShape, { onChoose: (attractor) => choose(attractor === chosen() ? -1 : attractor) });

  const loss = element("p", { class: "loss", role: "status" }, "Reading the run’s dynamics …");
  const how = element("p", { class: "muted small-text" });
  const missing = element("p", { class: "small-text missing", hidden: true });
  const byClass = element("button", { type: "button", onclick: () => setColor("class") }, assets.hasLabels ? "Class" : "One colour");
  const byBasin = element("button", { type: "button", onclick: () => setColor("basin") }, "Where it ends");
  const coloring = element(
    "section",
    { "aria-labelledby": "color-title", hidden: true },
    element("h2", { id: "color-title" }, "Colour of the points"),
    element("div", { class: "segments", role: "group", "aria-labelledby": "color-title" }, byClass, byBasin),
    element("p", { class: "muted small-text" }, "Points with one attractor are its basin. A basin has the colour of its most frequent class, if no larger one has it."),
  );
  const intro = element(
    "section",
    { "aria-labelledby": "flow-title" },
    element("h2", { id: "flow-title" }, "Decode, encode again"),
    element("p", {}, "f turns a latent z into a picture and encodes that picture again:"),
    element("p", { class: "formula" }, "z ← f(z) = E(D(z))"),
    element("p", {}, "Repeated, every point flows. Where f changes nothing any more is an attractor: one picture, in which many end."),
    loss,
    how,
    missing,
    element("p", { class: "muted small-text" }, `The current ${assets.isDigits ? "digit" : "image"} flows live below; the Probe tab chooses it, or a point of the cloud that is taken as input.`),
  );

  const isAtEnd = () => place >= stops.length - 1;
  const chosen = () => (dynamics && address.state.attractor !== null && address.state.attractor <= dynamics.attractors.length ? address.state.attractor - 1 : -1);

  async function load() {
    if (isAsked) return;
    isAsked = true;
    try {
      dynamics = await context.dynamics();
      if (!dynamics) return without(`Only the current ${assets.isDigits ? "digit" : "image"} flows: there is no file of this run’s dynamics, which “grounding dynamics --config ${assets.about.experiment || "NAME"}” writes.`);
    } catch (error) {
      const { message, next } = asPageError(error);
      return without(`Only the current ${assets.isDigits ? "digit" : "image"} flows. ${message} ${next.replaceAll("NAME", assets.about.experiment || "NAME")}`);
    }
    basins = basinsOf(dynamics, assets, classes);
    stops = dynamics.stops;
    loss.textContent = lossWords(dynamics, what);
    how.textContent = howWords(dynamics, what);
    stage?.cloud.setTrails(dynamics.places);
    if (isActive) enter();
  }

  /** @param {string} text */
  function without(text) {
    loss.hidden = true;
    missing.hidden = false;
    missing.textContent = text;
    list.tell("Attractors come with the file of the run’s dynamics.");
    context.shown();
  }

  /** @param {number} next */
  function setPlace(next) {
    place = next;
    address.change({ steps: valueAt(stops, place) });
    showPlace();
  }
  function showPlace() {
    const now = performance.now();
    if (!player.isPlaying || now - dockAt > DOCK_MS) {
      dockAt = now;
      const steps = valueAt(stops, place);
      strip.showPlace(place, steps);
      strip.showPlaying(player.isPlaying, isAtEnd());
      strip.say(dynamics ? keptWords(dynamics, steps, what) : "");
    }
    if (dynamics) stage?.cloud.setFlow(place);
    draw();
  }

  /** @param {number} attractor */
  function choose(attractor) {
    card.hide();
    address.step({ attractor: attractor < 0 ? null : attractor + 1 });
    showChosen();
  }
  function showChosen() {
    list.choose(chosen());
    labels.mark(chosen());
    context.repaintPoints();
    draw();
  }
  /** @param {"class" | "basin"} color */
  function setColor(color) {
    address.step({ color });
    showColor();
    context.repaintPoints();
  }
  function showColor() {
    byClass.setAttribute("aria-pressed", String(address.state.color === "class"));
    byBasin.setAttribute("aria-pressed", String(address.state.color === "basin"));
  }

  async function ask() {
    const { image, latent, offset, words, key } = context.current();
    const question = `${key} ${stops}`;
    if (question === asked && flowed) return showLive();
    asked = question;
    currentWords = words;
    flowed = null;
    strip.showFlowed(null, classes.nameOf);
    strip.tell("");
    draw();
    const rest = REST * (dynamics?.scale ?? Math.hypot(...assets.rawLatents.subarray(0, assets.latentDim)));
    try {
      const found = await client.flow({ image, latent, offset, times: stops, rest });
      if (!found || asked !== question) return;
      flowed = found;
    } catch (error) {
      return context.fail(error);
    }
    if (!isActive) return;
    showLive();
    context.shown();
  }
  function showLive() {
    if (!flowed) return;
    strip.showFlowed(flowed, classes.nameOf);
    const last = flowed.latents.slice(-assets.latentDim);
    const end = dynamics ? attractorOf(dynamics, last) : -1;
    const words = liveWords(flowed, currentWords, end < 0 ? "" : `attractor ${end + 1}`);
    strip.tell(`${words.charAt(0).toUpperCase()}${words.slice(1)} One step of f takes ${formatNumber(flowed.milliseconds, 2)} ms here.`);
    announcer.say(() => words);
    draw();
  }

  function draw() {
    if (!stage || !isActive) return;
    /** @type {import("../scene/marks.js").Marker[]} */
    const markers = [];
    /** @type {import("../scene/marks.js").Line[]} */
    const lines = [];
    if (flowed) {
      const { positions } = flowed;
      const count = positions.length / 3;
      const fill = (/** @type {import("../colors.js").Rgb} */ color) => new Uint8Array(3 * count).map((_, i) => color[i % 3]);
      lines.push({ positions, colors: fill(background(stage.theme)), width: TRAIL_WIDTH + 3 });
      lines.push({ positions, colors: fill(accent(stage.theme)), width: TRAIL_WIDTH });
      const at = Math.min(count - 2, Math.floor(place));
      const share = Math.min(1, place - at);
      const position = [0, 1, 2].map((axis) => positions[3 * at + axis] * (1 - share) + positions[3 * at + 3 + axis] * share);
      for (let i = 1; i < count; i++) markers.push({ position: [...positions.subarray(3 * i, 3 * i + 3)], color: accent(stage.theme), size: 9, shape: "disc" });
      markers.push({ position, color: foreground(stage.theme), size: 22, shape: "disc" }, { position, color: accent(stage.theme), size: 16, shape: "disc" });
    }
    if (card.reference >= 0) {
      markers.push({ ...context.chosenMarker(card.reference), position: stage.cloud.place(card.reference) });
    }
    stage.cloud.setMarkers(markers);
    stage.cloud.setLines(lines);
  }

  function enter() {
    isActive = true;
    coloring.hidden = !stage || !dynamics?.attractors.some(({ count }) => count);
    void load();
    strip.showStops(stops);
    place = placeOf(stops, address.state.steps);
    if (dynamics) {
      labels.show(dynamics, basins, context.theme());
      list.show(dynamics, basins, context.theme());
    }
    showColor();
    showChosen();
    showPlace();
    flowed = null;
    void ask();
  }

  return {
    controls: [intro, coloring],
    dock: strip.node,
    results: [list.node],
    overlay: [labels.node],
    enter,
    leave() {
      isActive = false;
      player.stop();
      labels.show(null, null, context.theme());
      stage?.cloud.setFlow(0);
    },
    follow: enter,
    refresh() {},
    repaint() {
      if (!isActive) return;
      basins?.forget();
      if (dynamics) {
        labels.show(dynamics, basins, context.theme());
        labels.mark(chosen());
        list.show(dynamics, basins, context.theme());
      }
      draw();
    },
    refreshPictures() {
      list.refresh();
      if (isActive) void ask();
    },
    ends: () => null,
    /** What moves all points, for a film. */
    film() {
      if (!isActive || !dynamics) return null;
      return (/** @type {number} */ share) => {
        player.stop();
        place = share * (stops.length - 1);
        showPlace();
      };
    },
    /** @param {number} reference */
    choose(reference) {
      card.show(reference);
      draw();
    },
    /** @param {Parameters<typeof labels.place>[0]} view */
    placeLabels: (view) => labels.place(isActive ? view : undefined),
    isSelected() {
      const attractor = chosen();
      return isActive && dynamics && attractor >= 0 ? (/** @type {number} */ reference) => dynamics?.members[reference] === attractor : null;
    },
    /** @param {import("../colors.js").Theme} theme */
    colors: (theme) => (isActive && basins && address.state.color === "basin" ? basins.colors(theme) : null),
  };
}
