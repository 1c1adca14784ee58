/**
 * Interpolate mode: two references, the straight path between their latents and the regrounded
 * one. The marker is at the projection of E(D(z_t)), the large picture is D(E(D(z_t))).
 *
 *   const interpolation = interpolateMode(context);   as probe.js
 *   interpolation.legend                              node for the stage
 *   interpolation.pick(end, reference)                0 start, 1 end
 */

import { endpointSection } from "./endpoints.js";
import { STEPS, filmstrip } from "./filmstrip.js";
import { lossWords, things } from "./flow_words.js";
import { isPair, sensiblePair } from "./pair.js";
import { pathLegend } from "./path_legend.js";
import { startPlayer } from "./player.js";
import { pathLines, pathMarkers } from "./scene.js";
import { settlingSection } from "./settling.js";
import { driftWords, probeSentence } from "./words.js";

/** @typedef {import("./main.js").Context} Context */
/** @typedef {import("../messages.js").Interpolated} Interpolated */
/** @typedef {import("../messages.js").Path} Path */
/** @typedef {import("../messages.js").Trail} Trail */

const MOST_REGROUNDINGS = 100;

/** @param {Context} context */
export function interpolateMode(context) {
  const { assets, classes, client, address, stage, readouts, announcer } = context;
  const shape = assets.imageShape;
  let isActive = false;
  let active = 0;
  /** @type {[number, number] | null} */
  let usual = null;
  let shownPair = "";
  /** @type {Path | null} */
  let path = null;
  /** @type {Trail | null} */
  let trail = null;
  /** @type {Interpolated | null} */
  let last = null;

  const film = filmstrip(shape, {
    onT(t) {
      player.stop();
      address.slide({ t });
      setT(t);
    },
    onPlay: () => player.toggle(),
  });
  const player = startPlayer({ get: () => address.state.t, set: setT, onChange: film.showPlaying });
  const endpoints = endpointSection(assets, classes, {
    onPick: pick,
    onActive(end) {
      active = end;
      endpoints.update(ends(), active);
    },
    onSwap() {
      const [from, to] = ends();
      step({ from: to, to: from, t: Number((1 - address.state.t).toFixed(3)) });
    },
    onAnother() {
      const [from, to] = anotherPair();
      step({ from, to });
    },
  });
  const lines = pathLegend();
  const settling = settlingSection(shape, MOST_REGROUNDINGS, { onSettle: settle, onClear: () => setTrail(null) });

  /** @returns {[number, number]} */
  function ends() {
    const { from, to } = address.state;
    if (from !== null && to !== null && isPair(from, to, assets.count)) return [from, to];
    usual ??= sensiblePair(assets.rawLatents, assets.labels, assets.latentDim);
    return usual;
  }

  /** @returns {[number, number]} of two classes, if there are two */
  function anotherPair() {
    const any = () => Math.floor(Math.random() * assets.count);
    const from = any();
    let to = any();
    for (let tries = 0; tries < 50 && assets.labels[to] === assets.labels[from]; tries++) to = any();
    return [from, to];
  }

  /** @param {number} end @param {number} reference */
  function pick(end, reference) {
    const [from, to] = ends();
    active = 1 - end;
    step(end === 0 ? { from: reference, to } : { from, to: reference });
  }

  /** @param {Partial<import("../state.js").PlaygroundState>} changes */
  function step(changes) {
    address.step(changes);
    follow();
  }

  function follow() {
    const [from, to] = ends();
    endpoints.update([from, to], active);
    film.showT(address.state.t);
    setTrail(null);
    refresh();
    const pair = `${from} ${to}`;
    if (pair !== shownPair) void loadPath(from, to, pair);
  }

  /** @param {number} from @param {number} to @param {string} pair */
  async function loadPath(from, to, pair) {
    shownPair = pair;
    path = null;
    film.showPath(null, context.theme());
    drawLines();
    try {
      const found = await client.path({ from, to, steps: STEPS });
      if (!found || pair !== shownPair) return;
      path = found;
    } catch (error) {
      return context.fail(error);
    }
    film.showPath(path, context.theme());
    lines.show(path.drift, context.theme(), context.scale);
    const size = path.straightDecoded.length / STEPS;
    endpoints.showDecoded(0, path.straightDecoded.subarray(0, size));
    endpoints.showDecoded(1, path.straightDecoded.subarray(-size));
    drawLines();
    context.shown();
  }

  /** @param {number} t */
  function setT(t) {
    address.change({ t });
    film.showT(t);
    if (trail) setTrail(null);
    refresh();
  }

  function refresh() {
    const [from, to] = ends();
    client.interpolate({ from, to, t: address.state.t }).then(show, context.fail);
  }

  /** @param {Interpolated | null} found null: a newer one is under way */
  function show(found) {
    if (!found || !isActive) return;
    last = found;
    readouts.update(found, { drift: found.drift });
    film.showStep(found.straightDecoded, found.decoded, found.drift);
    draw();
    if (!player.isPlaying) {
      announcer.say(() => `${driftWords(found.drift, context.scale)}. ${probeSentence(found, "Regrounded", context.scale, context.spoken)}`);
    }
    context.shown();
  }

  async function settle() {
    player.stop();
    const [from, to] = ends();
    const { t } = address.state;
    try {
      const found = await client.settle({ from, to, t, limit: MOST_REGROUNDINGS });
      if (found && isActive && t === address.state.t) setTrail(found);
    } catch (error) {
      context.fail(error);
    }
  }

  /** @param {Trail | null} next */
  function setTrail(next) {
    if (!trail && !next) return;
    trail = next;
    settling.show(trail, context.scale);
    drawLines();
  }

  function drawLines() {
    if (!stage || !isActive) return;
    stage.cloud.setLines(pathLines({ path, trail }, stage.theme));
    draw();
  }

  function draw() {
    if (!stage || !isActive) return;
    stage.cloud.setMarkers(pathMarkers({ ends: ends(), placed: last, trail }, assets, classes, stage.theme));
    stage.cloud.markSoon();
  }

  function repaint() {
    endpoints.paint(context.theme());
    film.showPath(path, context.theme());
    if (path) lines.show(path.drift, context.theme(), context.scale);
    drawLines();
  }

  return {
    controls: [endpoints.node, settling.node],
    dock: film.node,
    legend: lines.node,
    enter() {
      isActive = true;
      film.measured(context.scale);
      follow();
      drawLines();
      // Without such a file there is nothing to say; the Flow tab says why.
      context.dynamics().then((found) => found?.accuracies && settling.warn(lossWords(found, things(assets))), () => undefined);
    },
    leave() {
      isActive = false;
      player.stop();
    },
    follow,
    refresh() {
      film.measured(context.scale);
      repaint();
      refresh();
    },
    repaint,
    refreshPictures: endpoints.refresh,
    ends,
    /** @param {number} reference */
    choose: (reference) => pick(active, reference),
    pick,
  };
}
