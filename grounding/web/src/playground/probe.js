/**
 * Probe mode: an input, augmented, encoded, placed among the references, and decoded.
 *
 *   const probe = probeMode(context);   context: main.js's
 *   probe.controls, probe.dock          nodes
 *   probe.enter()                       takes everything from the state and shows it
 *   probe.leave(), probe.refresh(), probe.repaint()
 *   probe.choose(reference)             a point or a neighbour was chosen
 *   probe.openImage(file)               an image file that was dropped or pasted
 *   probe.takeValues(values, name)      an image that the page itself has made
 *   probe.takePlace(place, isFirst)     a place in the cloud; isFirst: of a drag, or by itself
 *   probe.marker()                      where the probe is drawn, or null
 *   probe.input()                       messages.js's Input of the present state, and words for it
 */

import { NEUTRAL, augment } from "../augment.js";
import { foreground } from "../colors.js";
import { asPageError } from "../errors.js";
import { formatNumber } from "../format.js";
import { imageFields, nextSeed } from "../rng.js";
import { augmentationSection } from "./augmentation.js";
import { baseImage, baseWords, meanSquaredError, ownReference, possibleSource } from "./base.js";
import { latentBars } from "./bars.js";
import { latentEdits, offsetsToText } from "./edits.js";
import { readImage } from "./own_image.js";
import { previews } from "./previews.js";
import { probeScene } from "./scene.js";
import { sourceSection } from "./source.js";
import { strokesFromText, strokesToText } from "./strokes.js";
import { probeSentence } from "./words.js";

/** @typedef {import("./main.js").Context} Context */
/** @typedef {import("../client.js").ProbedInParts} ProbedInParts */

/** Another input is not where the last one was moved to. */
const FRESH = { at: null, place: null, axes: "" };

/** @param {Context} context */
export function probeMode(context) {
  const { assets, classes, client, address, stage, readouts, announcer, card } = context;
  const shape = assets.imageShape;
  const pictures = previews(shape, [
    { title: "Input", formula: "" },
    { title: "Augmented", formula: "x" },
    { title: "Decoded", formula: "D(E(x))" },
  ]);
  pictures.note(1, "goes into E");
  let isActive = false;
  /** @type {import("./base.js").Own} */
  const own = { strokes: strokesFromText(address.state.strokes), image: null, sample: 0 };
  /** @type {File | null} */
  let file = null;
  let strokesText = address.state.strokes;
  let base = baseImage(address.state, assets, own);
  let shownSource = possibleSource(address.state, assets, own);
  /** The reference that the picture itself is: it is no neighbour of its own. */
  let exclude = -1;
  /** @type {Float32Array} */
  let image = base;
  let fields = { seed: -1, of: imageFields(0, 0) };
  /** @type {ProbedInParts | null} */
  let last = null;

  const source = sourceSection(assets, classes, {
    onSample: (digit) => step({ ...FRESH, source: "digit", digit }),
    onSource: (kind) => step({ ...FRESH, source: kind }),
    onNormalize: (normalize) => step({ normalize }),
    onDrawing(next, isDone) {
      own.strokes = [...next];
      if (isDone) address.step({ strokes: (strokesText = strokesToText(next)) });
      rebase();
    },
    onFile: openImage,
    onInvert: () => file && void openImage(file),
  });
  const sliders = augmentationSection({
    onSlide(name, value) {
      address.slide({ [name]: value, ...(address.state.at && { at: null }), ...(address.state.place && { place: null }) });
      sliders.update(address.state);
      refresh();
    },
    onReset: () => step(NEUTRAL),
    onReroll: () => step({ seed: nextSeed(address.state.seed) }),
  });

  const edits = latentEdits(assets, address);
  const bars = latentBars(edits, assets.latentDim, {
    onMove(offsets) {
      address.change({ at: null, axes: offsetsToText(offsets) });
      refresh();
    },
    onHome: () => step(FRESH),
  });

  /** @param {Partial<import("../state.js").PlaygroundState>} changes */
  function step(changes) {
    address.step({ at: null, place: null, ...changes });
    follow();
  }

  /** Everything anew from the state. */
  function follow() {
    const { state } = address;
    const isOther = state.strokes !== strokesText;
    if (isOther) {
      strokesText = state.strokes;
      own.strokes = strokesFromText(strokesText);
    }
    own.sample = context.sample;
    source.update(state, own, isOther || !isActive ? own.strokes : undefined);
    sliders.update(state);
    rebase();
  }

  function rebase() {
    base = baseImage(address.state, assets, own);
    shownSource = possibleSource(address.state, assets, own);
    exclude = ownReference(address.state, assets, own);
    pictures.paint(0, base);
    pictures.note(0, baseWords(address.state, assets, own, classes));
    refresh();
  }

  /** @param {File} chosen */
  async function openImage(chosen) {
    try {
      const image = await readImage(chosen, shape, { invert: source.invert });
      [file, own.image] = [chosen, image];
      source.tell(`Now: ${image.name}`);
      address.step({ ...FRESH, source: "image" });
      if (isActive) follow();
    } catch (error) {
      const { message, next } = asPageError(error);
      source.tell(`${message} ${next}`);
      if (address.state.source !== "image") step({ source: "image" });
    }
  }

  function augmented() {
    const { state } = address;
    if (fields.seed !== state.seed) fields = { seed: state.seed, of: imageFields(state.seed, base.length) };
    return augment(base, shape, state, fields.of);
  }

  function refresh() {
    image = augmented();
    const asked = image;
    const { offsets, isPlace, isMoved } = edits;
    // Asked first: the worker encodes while this thread paints.
    client
      .probe({ ...edits.input(image), exclude: isPlace ? -1 : exclude })
      .then((probed) => show(probed, isPlace || isMoved ? null : asked, offsets), context.fail);
    pictures.paint(1, image);
    pictures.note(1, isPlace ? "not in use" : "goes into E");
    pictures.formula(2, isPlace || isMoved ? "D(z)" : "D(E(x))");
    bars.update();
  }

  /**
   * @param {ProbedInParts | null} probed null: a newer one is under way
   * @param {Float32Array | null} asked null: z is not that of an image @param {ReadonlyMap<number, number>} offsets
   */
  function show(probed, asked, offsets) {
    if (!probed || !isActive) return;
    last = probed;
    readouts.update(probed, { drift: null });
    draw();
    bars.show(probed.latent, offsets);
    probed.decoded.then((decoded) => showDecoded(decoded, asked), context.fail);
    announcer.say(() => probeSentence(probed, "The probe", context.scale, context.spoken));
  }

  /** @param {Float32Array} decoded @param {Float32Array | null} asked */
  function showDecoded(decoded, asked) {
    if (!isActive) return;
    pictures.paint(2, decoded);
    pictures.note(2, asked ? `MSE ${formatNumber(meanSquaredError(asked, decoded))}` : edits.isPlace ? (edits.isMoved ? "from a place, then moved" : "from a place in the cloud") : "moved along its axes");
    context.shown();
  }

  function draw() {
    if (!stage || !last) return;
    const { markers, lines } = probeScene(last, assets, classes, stage.theme);
    const { place } = address.state;
    if (place) markers.push({ position: place, color: foreground(stage.theme), size: 14, shape: "cross" });
    if (card.reference >= 0) markers.push(context.chosenMarker(card.reference));
    stage.cloud.setMarkers(markers);
    stage.cloud.setLines(lines);
    stage.cloud.markSoon();
  }

  return {
    controls: [source.node, sliders.node, bars.node],
    dock: pictures.node,
    enter() {
      follow();
      isActive = true;
    },
    leave() {
      isActive = false;
    },
    follow,
    refresh,
    repaint: draw,
    /** The reference that the address names may only now have its thumbnail. */
    refreshPictures() {
      const isOther = possibleSource(address.state, assets, own) !== shownSource || ownReference(address.state, assets, own) !== exclude;
      if (isActive && isOther) follow();
    },
    ends: () => null,
    /** @param {number} reference */
    choose(reference) {
      card.show(reference);
      draw();
    },
    openImage,
    /** @param {Float32Array} values @param {string} name */
    takeValues(values, name) {
      own.image = { values, name };
      address.step({ ...FRESH, source: "image" });
      source.tell(`Now: ${name}`);
      if (isActive) follow();
    },
    input() {
      own.sample = context.sample;
      if (strokesText !== address.state.strokes) own.strokes = strokesFromText((strokesText = address.state.strokes));
      base = baseImage(address.state, assets, own);
      const words = edits.isPlace ? "a place in the cloud" : baseWords(address.state, assets, own, classes);
      return { ...edits.input(augmented()), words: edits.isMoved ? `${words}, moved along its axes` : words };
    },
    /** @param {number} reference */
    take(reference) {
      step({ ...FRESH, source: "reference", reference });
    },
    marker: () => last?.position ?? null,
    /** @param {number[]} place @param {boolean} isFirst */
    takePlace(place, isFirst) {
      address[isFirst ? "step" : "change"]({ ...FRESH, place });
      refresh();
    },
  };
}
