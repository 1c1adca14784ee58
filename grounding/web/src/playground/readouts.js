/**
 * Where a latent lies among the references, in numbers and words.
 *
 *   const readouts = readoutSection(assets, {onChoose, onHover});
 *   readouts.node, readouts.list
 *   readouts.update(placed, {drift})     drift: number, or null where there is none
 *   readouts.paint(theme)                after a change of theme
 *
 * Rows are made once and written again. onChoose(reference) is a click on a neighbour.
 */

import { classColor, cssColor } from "../colors.js";
import { formatNumber } from "../format.js";
import { element } from "../ui/element.js";
import { write } from "../ui/write.js";
import { neighborList } from "./neighbor_list.js";
import { distanceWords, offManifoldWords, votesWords } from "./words.js";

/** @typedef {import("../colors.js").Theme} Theme */
/** @typedef {import("../messages.js").Placed} Placed */

/**
 * @param {import("../assets.js").InteractiveAssets} assets
 * @param {{onChoose: (reference: number) => void}} listeners
 */
export function readoutSection(assets, { onChoose }) {
  const [nearest, votes, verdict, detail, drift] = Array.from({ length: 5 }, () => element("span"));
  nearest.className = "value number cell";
  drift.className = "value number cell";
  verdict.className = "verdict cell";
  votes.className = "words";
  detail.className = "words long";
  const shares = Array.from({ length: assets.projectionK }, () => element("i"));
  const gauge = element("i");
  const gaugeBox = element("div", { class: "gauge", "aria-hidden": "true" }, gauge);
  const driftRow = element("div", { class: "readout", hidden: true }, element("dt", {}, "Drift |E(D(z)) − z|"), element("dd", {}, drift));
  const list = neighborList(assets, { onChoose });
  const node = element(
    "section",
    { class: "readouts", "aria-labelledby": "readout-title" },
    element("h2", { id: "readout-title" }, "Where it lands"),
    element(
      "dl",
      {},
      driftRow,
      element("div", { class: "readout" }, element("dt", {}, "Nearest reference"), element("dd", {}, nearest)),
      element(
        "div",
        { class: "readout tall" },
        element("dt", {}, "Votes of the neighbours"),
        element("dd", {}, element("div", { class: "votes", "aria-hidden": "true" }, ...shares), votes),
      ),
      element("div", { class: "readout tall" }, element("dt", {}, "Off the manifold"), element("dd", {}, verdict, gaugeBox, detail)),
    ),
  );
  /** @type {Placed | null} */
  let last = null;
  /** @type {Theme} */
  let theme = "light";

  /** @param {Placed} placed */
  function paintVotes(placed) {
    let at = 0;
    for (const { label, count } of placed.votes) {
      const color = cssColor(classColor(label, theme));
      for (const end = Math.min(at + count, shares.length); at < end; at++) {
        if (shares[at].dataset.color === color) continue;
        shares[at].dataset.color = color;
        shares[at].style.backgroundColor = color;
      }
    }
  }
  return {
    node,
    list,
    /** @param {Placed} placed @param {{drift: number | null}} more */
    update(placed, more) {
      last = placed;
      const { verdict: short, detail: long, share } = offManifoldWords(placed.offManifold);
      write(nearest, distanceWords(placed.distances[0]));
      write(votes, votesWords(placed.votes));
      write(verdict, short);
      write(detail, long);
      gaugeBox.hidden = share === null;
      gauge.style.transform = `scaleX(${share ?? 0})`;
      driftRow.hidden = more.drift === null;
      if (more.drift !== null) write(drift, formatNumber(more.drift));
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
