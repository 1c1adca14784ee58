/**
 * The largest attractors on the stage: decoded, with their share, each above its place, where its members gather.
 *
 *   const labels = attractorLabels(shape, {onChoose});   labels.node
 *   labels.show(dynamics, basins, theme)    builds them; null, null hides them
 *   labels.mark(attractor | -1)             the chosen one
 *   labels.place(view)                      cloud.view()'s; undefined hides them
 *
 * Pictures keep clear of each other: one whose place is taken moves aside. A line leads to where it belongs.
 */

import { project } from "../camera.js";
import { cssColor } from "../colors.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { element, replaceChildren } from "../ui/element.js";
import { attractorWords, percent } from "./flow_words.js";

const MOST = 12;
/** Fewer on a small stage: one for so many square pixels. */
const AREA = 22_000;
/** Around its place, in units of a label's size: the nearest free one is taken. */
const ASIDE = [...[0.85, 1.6, 2.6, 3.6].flatMap((far) => [[0, -far], [far, 0], [-far, 0], [0, far], [far, -far], [-far, -far], [far, far], [-far, far]])];

/** @param {readonly number[]} shape @param {{onChoose: (attractor: number) => void}} listeners */
export function attractorLabels(shape, { onChoose }) {
  const node = element("div", { class: "attractor-labels", role: "group", "aria-label": "Attractors on the map" });
  /** @type {{button: HTMLElement, line: HTMLElement, point: readonly number[]}[]} */
  let labels = [];
  return {
    node,
    /**
     * @param {import("../dynamics.js").Dynamics | null} dynamics @param {import("./basins.js").Basins | null} basins
     * @param {import("../colors.js").Theme} theme
     */
    show(dynamics, basins, theme) {
      if (!dynamics || !basins) {
        labels = [];
        return replaceChildren(node);
      }
      const total = dynamics.members.length;
      labels = dynamics.attractors.slice(0, MOST).filter(({ count }) => count).map((attractor, i) => {
        const canvas = imageCanvas(shape, "");
        canvas.removeAttribute("role");
        canvas.removeAttribute("aria-label");
        paintImage(canvas, attractor.picture, shape);
        const name = `Attractor ${i + 1}: ${attractorWords(attractor, total, basins.top(i))}`;
        const button = element(
          "button",
          { type: "button", class: "attractor-label", "aria-label": name, title: name, "aria-pressed": "false", onclick: () => onChoose(i) },
          canvas,
          element("span", { class: "number", "aria-hidden": "true" }, percent(attractor.count / total).replace("less than", "<")),
        );
        const line = element("i", { class: "attractor-line", "aria-hidden": "true" });
        for (const part of [button, line]) part.style.setProperty("--basin", cssColor(basins.color(i, theme)));
        return { button, line, point: attractor.point };
      });
      replaceChildren(node, ...labels.map(({ line }) => line), ...labels.map(({ button }) => button));
    },
    /** @param {number} chosen */
    mark(chosen) {
      labels.forEach(({ button }, i) => button.setAttribute("aria-pressed", String(i === chosen)));
    },
    /** @param {{matrix: Float64Array, width: number, height: number} | undefined} view */
    place(view) {
      if (!labels.length || !view) return;
      const [wide, high] = [labels[0].button.offsetWidth || 50, labels[0].button.offsetHeight || 60];
      /** @type {[number, number][]} */
      const taken = [];
      const most = Math.floor((view.width * view.height) / AREA);
      for (const [i, { button, line, point }] of labels.entries()) {
        const { x, y, depth } = project(view.matrix, point[0], point[1], point[2], view.width, view.height);
        const isSeen = i < most && depth > 0 && x > 0 && y > 0 && x < view.width && y < view.height;
        button.hidden = line.hidden = !isSeen;
        if (!isSeen) continue;
        const places = ASIDE.map(([right, down]) => /** @type {[number, number]} */ ([
          Math.min(view.width - wide / 2 - 2, Math.max(wide / 2 + 2, x + right * wide)),
          Math.min(view.height - high / 2 - 2, Math.max(high / 2 + 2, y + down * high)),
        ]));
        const at = places.find(([left, top]) => taken.every(([l, t]) => Math.abs(l - left) >= wide || Math.abs(t - top) >= high)) ?? places[0];
        taken.push(at);
        button.style.transform = `translate(${at[0].toFixed(1)}px, ${at[1].toFixed(1)}px) translate(-50%, -50%)`;
        const [dx, dy] = [at[0] - x, at[1] - y];
        line.style.width = `${Math.hypot(dx, dy).toFixed(1)}px`;
        line.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) rotate(${Math.atan2(dy, dx).toFixed(4)}rad)`;
      }
    },
  };
}
