/** A page that drives worker and cloud directly, for smoke.test.mjs. */

import { NEUTRAL, augment } from "../src/augment.js";
import { startClient } from "../src/client.js";
import { createCloud } from "../src/cloud.js";
import { attachControls } from "../src/controls.js";
import { project } from "../src/camera.js";
import { classesOf } from "../src/classes.js";
import { accent } from "../src/colors.js";
import { imageFields } from "../src/rng.js";
import { errorPanel, loadingPanel } from "../src/ui/panels.js";

const parameters = new URLSearchParams(location.search);
const text = (/** @type {string} */ name) => parameters.get(name) ?? "";
const stage = /** @type {HTMLElement} */ (document.querySelector(".stage"));
const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("canvas"));

async function main() {
  const loading = loadingPanel();
  stage.append(loading.node);
  /** @type {string[]} */
  const notices = [];
  const client = startClient({
    onProgress: loading.update,
    onNotice: (text) => notices.push(text),
    onMeasured: () => (document.title = "measured"),
  });
  const cloud = createCloud(canvas);
  const assetsLoad = client.loadAssets({ url: text("assets") });
  const modelsLoad = client.loadModels({ encoder: text("encoder"), decoder: text("decoder") });
  const [assets, facts] = await Promise.all([assetsLoad, modelsLoad]);
  loading.done();
  const classes = classesOf(assets);
  cloud.setPoints(assets.points, classes.ranks, classes.glyphs);
  cloud.setColors(classes.colors("light"));
  attachControls(canvas, cloud);
  const image = assets.digitSamples.slice(0, assets.digitSamples.length / assets.digits);
  const probed = await client.probe({ image });
  if (!probed) throw new Error("no answer");
  cloud.setMarkers([{ position: probed.position, color: accent("light"), size: 22, shape: "ring" }]);
  const path = await client.path({ from: 0, to: 5, steps: 25 });
  if (path) {
    const colors = new Uint8Array(3 * path.steps).fill(40);
    cloud.setLines([{ positions: path.regroundedPositions, colors, width: 3 }]);
  }
  Object.assign(window, { NEUTRAL, augment, imageFields, notices, client, cloud, assets, facts, probed, path, project, image });
  document.documentElement.dataset.state = "ready";
}

main().catch((error) => {
  stage.append(errorPanel(error));
  document.documentElement.dataset.state = "failed";
});
