/**
 * The chosen point: in the address, in its panel, and marked with its neighbours.
 *
 *   const choice = pointChoice({stage, shell, address, client, points, classes, marks});
 *   choice.choose(row | null, {goes})     a new step in the history; goes: the camera goes there
 *   choice.paint()                        as the address says; onPaint(): another point may be chosen
 *   choice.row                            the chosen one, or -1
 *   choice.panel                          chosen.js's
 */

import { chosenPanel } from "./chosen.js";
import { nearOf } from "./near.js";

const NEIGHBORS = 8;

/**
 * @typedef {object} Parts
 * @property {import("../stage.js").Stage} stage
 * @property {import("../shell.js").Shell} shell
 * @property {import("./view.js").Address} address
 * @property {import("../client.js").Client} client
 * @property {import("../assets.js").LatentPoints} points
 * @property {import("../classes.js").Classes} classes
 * @property {ReturnType<typeof import("./marks.js").pointMarks>} marks
 * @property {() => void} [onPaint]
 */

/** @param {Parts} parts */
export function pointChoice({ stage, shell, address, client, points, classes, marks, onPaint }) {
  const panel = chosenPanel(points, classes, {
    onChoose(row) {
      choose(row, { goes: true });
      panel.node.focus();
    },
    onClose() {
      choose(null);
      shell.canvas.focus();
    },
  });

  /** @returns {number} the row that the address names, -1 for none */
  function chosen() {
    const { select } = address.state;
    return select !== null && select < points.count ? select : -1;
  }

  /** @param {number | null} row @param {{goes?: boolean}} [how] */
  function choose(row, { goes = false } = {}) {
    if (row !== address.state.select) {
      address.step({ select: row });
      paint();
    }
    if (row !== null && goes) stage.goTo(stage.cloud.place(row));
  }

  async function paint() {
    const row = chosen();
    marks.set({ chosen: row, near: [] });
    onPaint?.();
    if (row < 0) return panel.hide();
    panel.show(row, stage.theme);
    try {
      const found = await client.neighbors({ index: row, k: NEIGHBORS });
      // Another point may have been chosen meanwhile.
      if (!found || row !== chosen()) return;
      const near = nearOf(points, row, found);
      panel.setNeighbors(near);
      marks.set({ near: near.latent ?? near.picture.indices });
    } catch (error) {
      stage.showError(error);
    }
  }
  return {
    choose,
    paint,
    panel,
    get row() {
      return chosen();
    },
  };
}
