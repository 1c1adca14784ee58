/**
 * The numbers of z along the principal axes of the references, widest first, as sliders.
 *
 *   const bars = latentBars(edits, {onMove, onHome});   bars.node
 *   bars.show(latent, offsets)      z, and how far it was moved to get there
 *   bars.update()                   what the address says about it
 *
 * onMove(offsets): another slider was moved; onHome(): back to the input. Axes are found when the fold is
 * first opened; closed, it costs nothing.
 */

import { coordinatesOf } from "../principal.js";
import { element } from "../ui/element.js";
import { slider } from "../ui/slider.js";
import { FARTHEST } from "./edits.js";

/** @typedef {import("./edits.js").Edits} Edits */

/** @param {number} value */
const inDeviations = (value) => `${value.toFixed(2).replace("-", "−")} σ`;

/**
 * @param {Edits} edits @param {number} dim
 * @param {{onMove: (offsets: Map<number, number>) => void, onHome: () => void}} listeners
 */
export function latentBars(edits, dim, { onMove, onHome }) {
  /** @type {ReturnType<typeof slider>[]} */
  let sliders = [];
  /** z as it was before it was moved, along each axis. */
  let base = new Float64Array();
  /** @type {{latent: Float32Array, offsets: ReadonlyMap<number, number>} | null} */
  let last = null;
  /** The one that the reader moves says where it is itself, until the answer to the last move is there. */
  let held = -1;
  let wanted = 0;
  let isLetGo = false;

  const about = element("p", { class: "muted small-text" });
  const list = element("div", { class: "latent-bars" });
  const home = element("button", { type: "button", class: "small", onclick: () => ((held = -1), onHome()) }, "Back to the input");
  const node = element("details", { class: "latent", ontoggle: open }, element("summary", {}, "Latent bars"), element("div", { class: "section-head" }, about, home), list);

  function open() {
    if (!node.open) return;
    if (!sliders.length) make();
    if (last) paint();
  }
  function make() {
    const { axes, deviations } = edits.principal;
    const total = deviations.reduce((sum, value) => sum + value * value, 0);
    about.textContent = `z along the ${axes.length === dim ? "" : `${axes.length} widest of ${dim} `}principal axes of the references; σ is their spread along each.`;
    sliders = axes.map((_, axis) => {
      const share = Math.round((100 * deviations[axis] ** 2) / total);
      const made = slider({
        label: `${axis + 1}`,
        min: -FARTHEST,
        max: FARTHEST,
        step: 0.05,
        initial: 0,
        format: inDeviations,
        onInput(value) {
          [held, wanted, isLetGo] = [axis, value - base[axis], false];
          onMove(new Map([...edits.offsets, [axis, wanted]]));
        },
        // Each arrow key lets go: an answer to the one before must not take the bar back.
        onCommit: () => (isLetGo = true),
      });
      made.input.setAttribute("aria-label", `Axis ${axis + 1}`);
      made.input.title = `Axis ${axis + 1}: ${share} % of the variance${axes.length === dim ? "" : " along these"}. Double-click or Delete: the mean of the references`;
      return made;
    });
    list.replaceChildren(...sliders.map((made) => made.node));
  }
  function paint() {
    if (!last) return;
    const { latent, offsets } = last;
    const now = coordinatesOf(edits.principal, latent);
    base = now.map((value, axis) => value - (offsets.get(axis) ?? 0));
    sliders.forEach((made, axis) => axis !== held && made.set(now[axis]));
  }
  return {
    node,
    /** @param {Float32Array} latent @param {ReadonlyMap<number, number>} offsets */
    show(latent, offsets) {
      last = { latent, offsets };
      if (isLetGo && offsets.get(held) === wanted) held = -1;
      if (node.open && sliders.length) paint();
    },
    update() {
      home.hidden = !edits.isPlace && !edits.isMoved;
    },
  };
}
