/**
 * One image through both encoders: where it lands in either cloud, and what either decodes.
 *
 *   const probe = pairProbe(names, pair, {thumbnails, files, onPlaced});   probe.node
 *   probe.offer(row | null)       the chosen image can be probed
 *
 * Models and references are loaded when first asked for, each run's in a worker of its own. The references
 * have a picture of their own; here a probe stands between the nearest of them that are drawn here, by the same
 * weights. onPlaced([place | null, place | null]).
 */

import { startClient } from "../client.js";
import { asPageError } from "../errors.js";
import { formatNumber } from "../format.js";
import { barycentricPosition } from "../projection.js";
import { byteImage, meanSquaredError } from "../playground/base.js";
import { readImage } from "../playground/own_image.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { fileButton } from "../ui/file_button.js";

/** Of so many nearest references, those that are drawn are taken. */
const SEARCHED = 64;

/** @typedef {{client: import("../client.js").Client, assets: import("../assets.js").InteractiveAssets}} Loaded */

/**
 * @param {[string, string]} names @param {import("./match.js").Matched} pair
 * @param {{thumbnails: import("../assets.js").Thumbnails | null,
 *   files: Promise<[import("../viewer/playground_link.js").PlaygroundFiles | null, import("../viewer/playground_link.js").PlaygroundFiles | null]>,
 *   onPlaced: (places: ([number, number, number] | null)[]) => void}} parts
 */
export function pairProbe(names, { indices, points, rowOf }, { thumbnails, files, onPlaced }) {
  /** @type {Promise<[Loaded, Loaded]> | null} */
  let loading = null;
  let chosen = -1;
  let asked = 0;
  const said = element("p", { class: "note muted", role: "status" });
  const pictures = element("div", { class: "pair-pictures", hidden: true });
  const take = element("button", { type: "button", onclick: () => void probeChosen() }, "Encode the chosen image");
  const [open, picker] = fileButton("An image file …", (file) => void probeFile(file));
  const node = element("section", { class: "pair-probe", "aria-label": "One image in both", hidden: true }, element("h2", {}, "One image in both"), element("div", { class: "buttons" }, take, open, picker), said, pictures);
  /** @type {[import("../viewer/playground_link.js").PlaygroundFiles, import("../viewer/playground_link.js").PlaygroundFiles] | null} */
  let both = null;
  void files.then(([one, other]) => {
    if (one && other) both = [one, other];
    node.hidden = false;
    for (const button of [take, open]) button.hidden = !both;
    if (!both) said.textContent = `${one || other ? `${one ? names[1] : names[0]} has` : "These runs have"} no encoder and interactive assets that its manifest names: no image can be encoded here.`;
    offer(chosen);
  });

  /** @param {import("../viewer/playground_link.js").PlaygroundFiles} of @returns {Promise<Loaded>} */
  async function load({ assets: url, encoder, decoder }) {
    const client = startClient({ onCrash: tell });
    const [assets] = await Promise.all([client.loadAssets({ url }), client.loadModels({ encoder, decoder })]);
    return { client, assets };
  }
  /** @param {unknown} error */
  function tell(error) {
    const { message, next } = asPageError(error);
    said.textContent = `${message} ${next}`;
  }
  /** @param {number} row */
  function offer(row) {
    if (row !== chosen) {
      // What stands there is of another image.
      asked++;
      pictures.hidden = true;
      if (loading) said.textContent = "";
      onPlaced([null, null]);
    }
    chosen = row;
    take.disabled = row < 0 || !thumbnails;
    if (both && !loading) said.textContent = thumbnails ? (row < 0 ? "Choose a point, or open an image file." : "") : "These files have no images: open an image file.";
  }
  async function ready() {
    said.textContent = "Loading both models …";
    loading ??= Promise.all(/** @type {NonNullable<typeof both>} */ (both).map(load)).then(([one, other]) => [one, other]);
    try {
      return await loading;
    } catch (error) {
      loading = null;
      throw error;
    }
  }
  async function probeChosen() {
    const row = chosen;
    if (!thumbnails || row < 0) return;
    if (row >= thumbnails.loaded) return void (said.textContent = "Its picture is still under way: try again.");
    await probe(byteImage(thumbnails, row), indices[row]);
  }
  /** @param {File} file */
  async function probeFile(file) {
    try {
      const [{ assets }] = await ready();
      await probe((await readImage(file, assets.imageShape)).values, -1);
    } catch (error) {
      tell(error);
    }
  }
  /** @param {Float32Array} image @param {number} index of it in the split, -1 for another */
  async function probe(image, index) {
    const mine = ++asked;
    try {
      const found = await Promise.all(
        (await ready()).map(async ({ client, assets }, side) => {
          const own = index < 0 ? -1 : (assets.indices?.indexOf(index) ?? -1);
          const probed = await client.probe({ image, k: SEARCHED, exclude: own });
          if (!probed) return null;
          const drawn = Array.from(probed.indices, (reference, i) => ({ row: rowOf.get(assets.indices?.[reference] ?? reference), distance: probed.distances[i] }))
            .filter(({ row }) => row !== undefined)
            .slice(0, assets.projectionK);
          const rows = drawn.map(({ row }) => /** @type {number} */ (row));
          return {
            decoded: await probed.decoded,
            shape: assets.imageShape,
            place: rows.length ? barycentricPosition(rows, drawn.map(({ distance }) => distance), points[side]) : null,
          };
        }),
      );
      if (mine !== asked) return;
      said.textContent = "The disc in each cloud is where it lands. Each decodes:";
      pictures.hidden = false;
      pictures.replaceChildren(
        ...found.flatMap((one, side) => {
          if (!one) return [];
          const canvas = imageCanvas(one.shape, `Decoded by ${names[side]}`);
          paintImage(canvas, one.decoded, one.shape);
          return [element("figure", {}, canvas, element("figcaption", {}, element("b", {}, names[side]), ` MSE ${formatNumber(meanSquaredError(one.decoded, image))}`))];
        }),
      );
      onPlaced(found.map((one) => one?.place ?? null));
    } catch (error) {
      tell(error);
    }
  }
  return { node, offer };
}
