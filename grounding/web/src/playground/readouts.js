/**
 * Where a latent lies among the references, in numbers and words.
 *
 *   const readouts = readoutSection(assets, classes, {onChoose});
 *   readouts.node, readouts.list
 *   readouts.update(placed, {drift})     drift: number, or null where there is none
 *   readouts.measured(scale)             words.js's Scale; what is shown was asked before
 *   readouts.paint(theme)                after a change of colours
 *
 * Rows are made once and written again. onChoose(reference) is a click on a neighbour.
 */

import { cssColor } from "../colors.js";
import { element } from "../ui/element.js";
import { write } from "../ui/write.js";
import { distanceGauge } from "./gauge.js";
import { neighborList } from "./neighbor_list.js";
import { distanceWords, noveltyWords, offManifoldWords, unitWords, votesWords } from "./words.js";

/** @typedef {import("../colors.js").Theme} Theme */
/** @typedef {import("../messages.js").Placed} Placed */

/**
 * @param {import("../assets.js").InteractiveAssets} assets @param {import("../classes.js").Classes} classes
 * @param {{onChoose: (reference: number) => void}} listeners
 */
export function readoutSection(assets, classes, { onChoose }) {
  const [nearest, votes, verdict, detail, drift] = Array.from({ length: 5 }, () => element("span"));
  nearest.className = "value number cell";
  drift.className = "value number cell";
  verdict.className = "verdict cell";
  votes.className = "words";
  detail.className = "words one";
  const unit = element("p", { class: "note muted" });
  const shares = Array.from({ length: assets.projectionK }, () => element("i"));
  const gauge = distanceGauge();
  const driftRow = element("div", { class: "readout", hidden: true }, element("dt", {}, "Drift |E(D(z)) − z|"), element("dd", {}, drift));
  const list = neighborList(assets, classes, { onChoose });
  const votesRow = element(
    "div",
    { class: "readout tall" },
    element("dt", {}, "Votes of the neighbours"),
    element("dd", {}, element("div", { class: "votes", "aria-hidden": "true" }, ...shares), votes),
  );
  const node = element(
    "section",
    { class: "readouts", "aria-labelledby": "readout-title" },
    element("h2", { id: "readout-title" }, "Where it lands"),
    element(
      "dl",
      {},
      driftRow,
      element("div", { class: "readout" }, element("dt", {}, "Nearest reference"), element("dd", {}, nearest)),
      element("div", { class: "readout tall" }, element("dt", { class: "visually-hidden" }, "On or off the manifold"), element("dd", {}, verdict, gauge.node, detail)),
      assets.hasLabels && votesRow,
    ),
    unit,
    assets.novelty.length > 0 && element("p", { class: "note muted" }, noveltyWords(assets.novelty, assets.isDigits)),
  );
  /** @type {Placed | null} */
  let last = null;
  /** @type {Theme} */
  let theme = "light";
  /** @type {import("./words.js").Scale} */
  let scale = null;

  /** @param {Placed} placed */
  function paintVotes(placed) {
    const all = placed.votes.flatMap(({ label, count }) => new Array(count).fill(cssColor(classes.color(label, theme))));
    shares.forEach((share, at) => {
      const color = all[at] ?? "transparent";
      if (share.dataset.color === color) return;
      share.dataset.color = color;
      share.style.backgroundColor = color;
    });
  }
  return {
    node,
    list,
    /** @param {import("./words.js").Scale} found */
    measured(found) {
      scale = found;
      write(unit, unitWords(scale));
      gauge.measured(scale);
      list.measured(scale);
    },
    /** @param {Placed} placed @param {{drift: number | null}} more */
    update(placed, more) {
      last = placed;
      const { verdict: short, detail: long, isOff } = offManifoldWords(placed.offManifold, scale);
      write(nearest, placed.distances.length ? distanceWords(placed.distances[0], scale) : "none");
      write(votes, votesWords(placed.votes, classes.nameOf));
      write(verdict, short);
      write(detail, long);
      gauge.show(placed.offManifold, isOff);
      driftRow.hidden = more.drift === null;
      if (more.drift !== null) write(drift, distanceWords(more.drift, scale));
      paintVotes(placed);
      list.update(placed);
    },
    /** @param {Theme} next */
    paint(next) {
      theme = next;
      list.paint(next);
      if (last) paintVotes(last);
    },
  };
}
