/**
 * "A" and "B" beside the ends of the path, following the camera.
 *
 *   const names = endLabels(assets);   names.nodes
 *   names.place([from, to] | null, view)    view: cloud.view()'s; null hides them
 */

import { project } from "../camera.js";
import { element } from "../ui/element.js";

/** @param {{points: Float32Array}} assets */
export function endLabels({ points }) {
  const nodes = ["A", "B"].map((name) => element("span", { class: "end-label", "aria-hidden": "true", hidden: true }, name));
  return {
    nodes,
    /** @param {readonly number[] | null} ends @param {{matrix: Float64Array, width: number, height: number} | undefined} view */
    place(ends, view) {
      nodes.forEach((node, i) => {
        node.hidden = !ends || !view;
        if (!ends || !view) return;
        const at = 3 * ends[i];
        const { x, y, depth } = project(view.matrix, points[at], points[at + 1], points[at + 2], view.width, view.height);
        const isSeen = depth > 0 && x > 0 && y > 0 && x < view.width && y < view.height;
        node.hidden = !isSeen;
        node.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -150%)`;
      });
    },
  };
}
