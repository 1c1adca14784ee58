/**
 * All attractors as a list, and one of them in full.
 *
 *   const list = attractorList(assets, classes, {onChoose, onReference});   list.node
 *   list.show(dynamics, basins, theme)     null, null: nothing to list
 *   list.choose(attractor | -1)            opens it, or the list again
 *   list.tell(text)                        a sentence in place of the list
 *   list.refresh()                         more thumbnails have come in
 *
 * onChoose(attractor | -1) and onReference(reference) tell of clicks.
 */

import { cssColor } from "../colors.js";
import { formatCount, formatNumber } from "../format.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { element, replaceChildren } from "../ui/element.js";
import { pointPicture } from "../ui/point_picture.js";
import { attractorWords, fateWords, percent, stepsWords, things } from "./flow_words.js";

const ROWS = 10;
const MOST_MEMBERS = 24;

/**
 * @param {import("../assets.js").InteractiveAssets} assets @param {import("../classes.js").Classes} classes
 * @param {{onChoose: (attractor: number) => void, onReference: (reference: number) => void}} listeners
 */
export function attractorList(assets, classes, { onChoose, onReference }) {
  const shape = assets.imageShape;
  const what = things(assets);
  const fate = element("p", { class: "small-text" });
  const rows = element("ul", { class: "attractors", "aria-label": "Attractors" });
  const more = element("button", { type: "button", class: "small", onclick: () => showRows(shown + 4 * ROWS) });
  const detail = element("div", { class: "attractor-detail", hidden: true });
  const heading = element("h2", { id: "attractor-title" }, "Where it ends");
  const back = element("button", { type: "button", class: "small", hidden: true, onclick: () => onChoose(-1) }, "All attractors");
  const node = element("section", { class: "attractor-list", "aria-labelledby": "attractor-title" }, element("div", { class: "section-head" }, heading, back), fate, rows, more, detail);
  /** @type {import("../dynamics.js").Dynamics | null} */
  let dynamics = null;
  /** @type {import("./basins.js").Basins | null} */
  let basins = null;
  /** @type {import("../colors.js").Theme} */
  let theme = "light";
  let shown = ROWS;
  let chosen = -1;
  /** @type {NonNullable<ReturnType<typeof pointPicture>>[]} */
  let members = [];

  /** @param {Uint8Array} pixels @param {string} label */
  function picture(pixels, label) {
    const canvas = imageCanvas(shape, label);
    paintImage(canvas, pixels, shape);
    return canvas;
  }
  /** @param {number} most */
  function showRows(most) {
    shown = most;
    if (!dynamics || !basins) return;
    const { attractors, members: all } = dynamics;
    const reached = attractors.filter(({ count }) => count).length;
    replaceChildren(
      rows,
      ...attractors.slice(0, Math.min(reached, shown)).map((one, i) => {
        const bar = element("i", { class: "share", "aria-hidden": "true" });
        bar.style.setProperty("--share", String(one.count / attractors[0].count));
        bar.style.setProperty("--basin", cssColor(/** @type {NonNullable<typeof basins>} */ (basins).color(i, theme)));
        const words = attractorWords(one, all.length, /** @type {NonNullable<typeof basins>} */ (basins).top(i));
        return element(
          "li",
          {},
          element("button", { type: "button", class: "attractor", onclick: () => onChoose(i) }, picture(one.picture, "Decoded"), element("span", { class: "attractor-words" }, element("b", {}, `Attractor ${i + 1}`), element("span", { class: "number" }, words), bar)),
        );
      }),
    );
    const left = attractors.slice(shown, reached);
    more.hidden = !left.length;
    more.textContent = `${formatCount(left.length)} more, with ${percent(left.reduce((sum, { count }) => sum + count, 0) / all.length)}`;
  }

  function showDetail() {
    const one = dynamics?.attractors[chosen];
    detail.hidden = back.hidden = !one;
    rows.hidden = fate.hidden = Boolean(one);
    heading.textContent = one ? `Attractor ${chosen + 1}` : "Where it ends";
    if (one) more.hidden = true;
    else showRows(shown);
    members = [];
    if (!one || !dynamics || !basins) return;
    const inside = basins.members(chosen);
    const steps = inside.map((i) => /** @type {NonNullable<typeof dynamics>} */ (dynamics).settled[i]).filter((t) => t >= 0).sort((a, b) => a - b);
    const histogram = basins.classes(chosen);
    const total = dynamics.members.length;
    const { nearest } = one;
    const label = nearest?.label ?? null;
    replaceChildren(
      detail,
      element(
        "div",
        { class: "attractor-pictures" },
        element("figure", {}, picture(one.picture, "The attractor, decoded"), element("figcaption", {}, "The attractor, decoded")),
        nearest?.picture &&
          element(
            "figure",
            {},
            picture(nearest.picture, "The nearest training image"),
            element("figcaption", {}, `Nearest training image${label === null ? "" : `, ${classes.titleOf(label)}`}`),
          ),
      ),
      element(
        "p",
        {},
        `${formatCount(inside.length)} of ${formatCount(total)} ${what} end here (${percent(inside.length / total)})${steps.length ? `, half of them within ${stepsWords(steps[steps.length >> 1])}` : ""}.`,
        one.period > 1 ? ` It is a round of ${stepsWords(one.period)}; one of its places is drawn.` : "",
        nearest ? ` The nearest training image, number ${nearest.image}, is ${formatNumber(nearest.distance)} away over all pixels.` : "",
      ),
      histogram.length > 0 && element("h3", {}, "Their classes"),
      histogram.length > 0 &&
        element(
          "ul",
          { class: "histogram", "aria-label": "Classes of its members" },
          ...histogram.slice(0, 12).map(({ label: of, name, count }) => {
            const bar = element("i", { class: "share", "aria-hidden": "true" });
            bar.style.setProperty("--share", String(count / histogram[0].count));
            bar.style.setProperty("--basin", cssColor(classes.color(of, theme)));
            return element("li", {}, element("b", { title: name }, name), bar, element("span", { class: "number" }, formatCount(count)));
          }),
        ),
      inside.length > 0 && assets.thumbnails !== null && element("h3", {}, inside.length > MOST_MEMBERS ? `${MOST_MEMBERS} of them` : "They are"),
      inside.length > 0 && assets.thumbnails !== null && element("div", { class: "attractor-members" }, ...spread(inside).map(memberButton)),
    );
  }
  /** @param {number[]} all */
  const spread = (all) => (all.length <= MOST_MEMBERS ? all : Array.from({ length: MOST_MEMBERS }, (_, i) => all[Math.floor((i * all.length) / MOST_MEMBERS)]));
  /** @param {number} reference */
  function memberButton(reference) {
    const thumbnail = pointPicture(assets, "");
    if (thumbnail) {
      members.push(thumbnail);
      thumbnail.node.removeAttribute("role");
      thumbnail.node.removeAttribute("aria-label");
      thumbnail.show(reference);
    }
    const name = `Reference ${reference}${assets.hasLabels ? `, ${classes.titleOf(assets.labels[reference])}` : ""}`;
    return element("button", { type: "button", class: "quiet member", "aria-label": name, title: name, onclick: () => onReference(reference) }, thumbnail?.node);
  }
  return {
    node,
    /**
     * @param {import("../dynamics.js").Dynamics | null} found @param {import("./basins.js").Basins | null} of
     * @param {import("../colors.js").Theme} next
     */
    show(found, of, next) {
      [dynamics, basins, theme] = [found, of, next];
      fate.textContent = found ? fateWords(found, what) : "";
      showDetail();
    },
    /** @param {number} attractor */
    choose(attractor) {
      chosen = attractor;
      showDetail();
    },
    /** @param {string} text */
    tell(text) {
      replaceChildren(rows);
      more.hidden = true;
      fate.textContent = text;
    },
    refresh: () => members.forEach((one) => one.refresh()),
  };
}
