/**
 * Slice mode: a plane of the latent space as 15 x 15 decoded images, the basins as colours, the field
 * f(z) - z as arrows, the path as a straight line, and the current point, which a click chooses.
 *
 *   const slice = sliceMode(context, planes);   as probe.js; planes: current.js's; slice.stage: its picture
 */

import { nearestAttractor } from "../dynamics.js";
import { formatNumber } from "../format.js";
import { cellCentre, gridOf, onPlane } from "../plane.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { write } from "../ui/write.js";
import { basinsOf } from "./basins.js";
import { endpointSection } from "./endpoints.js";
import { slicePicture } from "./slice_picture.js";
import { probeSentence } from "./words.js";

/** @typedef {import("./main.js").Context} Context */

const SIDE = 15;
/** Steps of f before the nearest attractor is taken: each takes as long as decoding all pictures. */
const BASIN_STEPS = 20;
const DIGITS = 4;

/**
 * @param {Context} context @param {import("./current.js").Planes} planes
 * @param {{onTake: (values: Float32Array) => void, onFlow: () => void}} listeners
 */
export function sliceMode(context, planes, { onTake, onFlow }) {
  const { assets, classes, client, address, readouts, announcer, card } = context;
  const dim = assets.latentDim;
  let isActive = false;
  let active = 0;
  /** @type {import("../dynamics.js").Dynamics | null} */
  let dynamics = null;
  /** @type {import("./basins.js").Basins | null} */
  let basins = null;
  let shownPlane = "";
  /** @type {import("../plane.js").Plane | null} */
  let plane = null;
  /** @type {Float32Array | null} */
  let decoded = null;
  /** @type {{x: number, y: number}[] | null} */
  let field = null;
  /** @type {number[] | null} */
  let ends = null;
  /** @type {{x: number, y: number, distance: number} | null} */
  let current = null;
  /** @type {Float32Array | null} */
  let currentPicture = null;
  /** Mean distance of the references from their mean. */
  const scale = scaleOf(assets.rawLatents, dim);

  const picture = slicePicture(assets.imageShape, SIDE, { onPoint: (x, y) => choosePoint(x, y) });
  const byAxes = element("button", { type: "button", onclick: () => step({ plane: "axes", at: null }) }, "Widest directions");
  const byPoints = element("button", { type: "button", onclick: () => step({ plane: "points", at: null }) }, "Three points");
  const about = element("p", { class: "muted small-text" });
  const check = (/** @type {string} */ text) => {
    const box = element("input", { type: "checkbox", checked: true, onchange: paint });
    return { box, node: element("label", { class: "check" }, box, text) };
  };
  const shown = { pictures: check("Pictures"), basins: check("Where they end, as colour"), field: check("One step of f, as arrows") };
  const done = element("p", { class: "muted small-text", role: "status" });
  const legend = element("ul", { class: "basin-legend", "aria-label": "Colours" });
  const intro = element(
    "section",
    { "aria-labelledby": "slice-title" },
    element("h2", { id: "slice-title" }, "A slice of the latent space"),
    element("p", {}, `Each of the ${SIDE} × ${SIDE} pictures is decoded from its place on a plane. A straight path is straight here.`),
    element("div", { class: "segments", role: "group", "aria-label": "Plane" }, byAxes, byPoints),
    about,
  );
  const layers = element("section", { "aria-labelledby": "layers-title" }, element("h2", { id: "layers-title" }, "What is drawn"), shown.pictures.node, shown.basins.node, shown.field.node, done, legend);
  const corners = endpointSection(assets, classes, {
    title: "Corners of the plane",
    names: ["First", "Second", "Third"],
    onPick: pick,
    onActive(corner) {
      active = corner;
      corners.update(planes.corners(address.state), active);
    },
    onAnother() {
      const any = () => Math.floor(Math.random() * assets.count);
      step({ from: any(), to: any(), third: any(), at: null });
    },
  });
  const here = imageCanvas(assets.imageShape, "Decoded here");
  const where = element("p", {});
  const take = element("button", { type: "button", onclick: () => currentPicture && onTake(currentPicture) }, "Take as input");
  const flowHere = element("button", { type: "button", onclick: onFlow }, "Let it flow from here");
  const home = element("button", { type: "button", onclick: () => step({ at: null }) }, "Back to the input");
  const dock = element("div", { class: "slice-dock" }, element("figure", { class: "slice-here" }, here, element("figcaption", {}, element("b", {}, "Decoded here"), " ", element("i", {}, "D(z)"))), element("div", { class: "slice-words" }, where, element("div", { class: "buttons" }, flowHere, take, home)));
  const waiting = element("p", { class: "slice-waiting", role: "status" }, "Decoding …");
  const node = element("div", { class: "slice", hidden: true }, picture.node, waiting);

  /** @param {Partial<import("../state.js").PlaygroundState>} changes */
  function step(changes) {
    address.step(changes);
    follow();
  }
  /** @param {number} corner @param {number} reference */
  function pick(corner, reference) {
    const [from, to, third] = planes.corners(address.state).map((one, i) => (i === corner ? reference : one));
    active = (corner + 1) % 3;
    step({ plane: "points", from, to, third, at: null });
  }
  /** @param {number} x @param {number} y */
  function choosePoint(x, y) {
    address.change({ at: [Number(x.toFixed(DIGITS)), Number(y.toFixed(DIGITS))] });
    void findCurrent();
  }

  function follow() {
    const { state } = address;
    const [a, b, c] = planes.corners(state);
    byAxes.setAttribute("aria-pressed", String(state.plane === "axes"));
    byPoints.setAttribute("aria-pressed", String(state.plane === "points"));
    corners.node.hidden = state.plane !== "points";
    corners.update([a, b, c], active);
    corners.paint(context.theme());
    about.textContent = planes.areOnLine(state)
      ? "These three lie on one line, which is no plane: the widest directions are shown. Choose another third point."
      : state.plane === "points"
        ? "The plane through A, B and C. The line from A to B is the path of the Interpolate tab."
        : "The plane through the mean of all latents, along the two directions in which they spread most. Other latents lie off it: A and B, the ends of the path, are where their feet are.";
    plane = planes.plane(state);
    const key = state.plane === "points" && !planes.areOnLine(state) ? `${a} ${b} ${c}` : "axes";
    if (key !== shownPlane || !decoded) void decodePlane(key, plane);
    void findCurrent();
    paint();
  }

  /** @param {string} key @param {import("../plane.js").Plane} on */
  async function decodePlane(key, on) {
    shownPlane = key;
    [decoded, field, ends] = [null, null, null];
    waiting.hidden = false;
    write(done, "");
    paint();
    const count = SIDE * SIDE;
    const isStale = () => key !== shownPlane || !isActive;
    try {
      const start = gridOf(on, SIDE);
      const first = await client.stepMany({ latents: start, count, pictures: true });
      if (isStale()) return void (shownPlane = key === shownPlane ? "" : shownPlane);
      decoded = first.decoded;
      field = Array.from({ length: count }, (_, i) => {
        const [x, y] = cellCentre(on, SIDE, Math.floor(i / SIDE), i % SIDE);
        const there = onPlane(on, first.next.subarray(i * dim, (i + 1) * dim));
        return { x: there.x - x, y: there.y - y };
      });
      waiting.hidden = true;
      paint();
      context.shown();
      dynamics = await context.dynamics().catch(() => null);
      if (!dynamics?.attractors.length) {
        shown.basins.node.hidden = true;
        return write(done, dynamics ? "No colours: this run has no attractors." : "No colours: this run has no file of its dynamics, or it cannot be read. The Flow tab says more.");
      }
      basins = basinsOf(dynamics, assets, classes);
      let here = first.next;
      for (let steps = 1; ; steps++) {
        const whole = /** @type {import("../dynamics.js").Dynamics} */ (dynamics);
        ends = Array.from({ length: count }, (_, i) => nearestAttractor(whole, here.subarray(i * dim, (i + 1) * dim)).index);
        write(done, `Colour: the attractor that is nearest after ${steps}${steps < BASIN_STEPS ? ` of ${BASIN_STEPS}` : ""} steps of f from there, computed in this page.`);
        paint();
        if (steps === BASIN_STEPS) break;
        here = (await client.stepMany({ latents: here, count, pictures: false })).next;
        if (isStale()) return void (shownPlane = key === shownPlane ? "" : shownPlane);
      }
    } catch (error) {
      context.fail(error);
    }
  }

  async function findCurrent() {
    const { latent, image, offset, words } = context.current();
    try {
      const z = (await client.encode({ image, latent, offset })).latent;
      const found = await client.placeLatent({ latent: z });
      if (!found || !isActive || !plane) return;
      current = address.state.at ? { x: address.state.at[0], y: address.state.at[1], distance: 0 } : onPlane(plane, z);
      currentPicture = found.decoded;
      paintImage(here, found.decoded, assets.imageShape);
      readouts.update(found, { drift: found.drift });
      const isHere = address.state.at !== null;
      home.hidden = !isHere;
      const off = current.distance / scale;
      write(where, isHere ? "The current point was chosen here: it lies on the plane." : `The current point is ${words}. It lies off this plane, by ${formatNumber(off, 2)} of the mean distance between a latent and the middle; the ring is its foot.`);
      paint();
      announcer.say(() => `${isHere ? "A point of the slice" : words}. ${probeSentence(found, "There", context.scale, context.spoken)}`);
    } catch (error) {
      context.fail(error);
    }
  }

  function paint() {
    if (!isActive || !plane) return;
    const on = plane;
    const theme = context.theme();
    const names = address.state.plane === "points" && !planes.areOnLine(address.state) ? 3 : 2;
    const feet = planes.corners(address.state).slice(0, names).map((row, i) => ({ ...onPlane(on, planes.raw(row)), name: "ABC"[i] }));
    const colors = shown.basins.box.checked && ends && basins ? ends.map((end) => (basins && end >= 0 ? basins.color(end, theme) : null)) : null;
    picture.show(
      {
        plane: on,
        decoded: shown.pictures.box.checked ? decoded : null,
        colors,
        field: shown.field.box.checked ? field : null,
        ends: feet,
        current: current && { ...current, isOn: address.state.at !== null },
      },
      theme,
    );
    const present = colors && ends ? [...new Set(ends)].filter((end) => end >= 0).sort((a, b) => a - b) : [];
    legend.replaceChildren(
      ...present.map((end) => {
        const swatch = element("span", { class: "swatch" });
        const [r, g, b] = basins?.color(end, theme) ?? [0, 0, 0];
        swatch.style.backgroundColor = `rgb(${r} ${g} ${b})`;
        const top = basins?.top(end);
        return element("li", {}, swatch, `Attractor ${end + 1}${top ? `, ${top.share >= 0.5 ? "mostly" : "most often"} ${top.name}` : ""}`);
      }),
    );
  }

  return {
    controls: [intro, corners.node, layers],
    dock,
    stage: node,
    enter() {
      isActive = true;
      node.hidden = false;
      follow();
    },
    leave() {
      isActive = false;
      node.hidden = true;
    },
    follow,
    refresh() {
      if (isActive) void findCurrent();
    },
    repaint() {
      basins?.forget();
      corners.paint(context.theme());
      paint();
    },
    refreshPictures: corners.refresh,
    ends: () => null,
    /** @param {number} reference */
    choose(reference) {
      if (address.state.plane === "points") pick(active, reference);
      else card.show(reference);
    },
  };
}

/** @param {Float32Array} rows @param {number} dim */
function scaleOf(rows, dim) {
  const count = rows.length / dim;
  const mean = new Float64Array(dim);
  for (let i = 0; i < rows.length; i++) mean[i % dim] += rows[i] / count;
  let sum = 0;
  for (let row = 0; row < count; row++) {
    let square = 0;
    for (let i = 0; i < dim; i++) square += (rows[row * dim + i] - mean[i]) ** 2;
    sum += Math.sqrt(square);
  }
  return sum / count || 1;
}
