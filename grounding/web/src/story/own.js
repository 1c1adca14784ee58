/**
 * The story that the playground tells by itself, in the words of the run's own classes.
 *
 *   ownStory(assets, classes, canDraw)  -> a value for format.js's readStory
 */

import { NEUTRAL } from "../augment.js";
import { things } from "../playground/flow_words.js";

/**
 * @param {Pick<import("../assets.js").InteractiveAssets, "isDigits" | "hasLabels" | "latentDim">} assets
 * @param {Pick<import("../classes.js").Classes, "list">} classes @param {boolean} canDraw
 */
export function ownStory({ isDigits, hasLabels, latentDim }, { list }, canDraw) {
  const image = isDigits ? "digit" : "image";
  const many = things({ isDigits });
  const names = hasLabels ? list.map(({ name }) => name) : [];
  // A 6 on its head looks like a 9; any other class shows whether the model minds.
  const [first, second] = isDigits && ["3", "6"].every((name) => names.includes(name)) ? ["3", "6"] : names;
  const turned = isDigits && second ? { digit: second } : { digit: null };
  const ends = second ? { from: first, to: second } : {};
  const probe = { mode: "probe", at: null };
  const walked = second ? `from ${a(first, isDigits)} to ${a(second, isDigits)}` : `from one ${image} to another`;
  return {
    steps: [
      {
        text: `${canDraw ? `Draw a ${image} here, or take a sample` : "Take a sample, or open an image file"}: the encoder makes ${latentDim} numbers of it, and the decoder a picture of these numbers alone.`,
        at: canDraw ? "draw" : "input",
        set: { ...probe, ...NEUTRAL, source: "digit", digit: null },
        ...(canDraw && { show: { source: "drawing" } }),
      },
      { text: `This is where it lands: the ${many} nearest to its place in the cloud${hasLabels ? ", and what they are" : ""}.`, at: "readouts", set: { ...probe } },
      {
        text: `Turn this ${isDigits && second ? second : image} by 180 degrees and watch what its neighbours are, and what the decoder draws.`,
        at: "rotation",
        set: { ...probe, ...NEUTRAL, source: "digit", ...turned },
        show: { rotation: 180 },
      },
      {
        text: "Add noise: does the image leave what the model knows? The meter says how far off the map it lands.",
        at: "noise",
        set: { ...probe, ...NEUTRAL, source: "digit", digit: null },
        show: { noise: 1 },
      },
      {
        text: `Go the straight way ${walked}: the upper strip is decoded from points between the two.`,
        at: "path",
        set: { mode: "interpolate", t: 0, ...ends },
        show: { t: 0.5 },
      },
      {
        text: "Reground: decode the point between the two, encode that picture again, and again. See whether it comes to rest, and where.",
        at: "reground",
        set: { mode: "interpolate", t: 0.5, ...ends },
      },
      {
        text: `Flow: do the same with all ${many} at once. Where nothing moves any more is an attractor, one picture in which many end.`,
        at: "flow",
        set: { mode: "flow", steps: 0, source: "digit", digit: null, at: null },
      },
      { text: `Your turn: ${canDraw ? "draw, " : ""}open a picture of your own, or choose any point of the cloud.`, at: "modes", set: { ...probe, ...NEUTRAL } },
    ],
  };
}

/** @param {string} name @param {boolean} isDigits */
const a = (name, isDigits) => (isDigits ? `${name === "8" ? "an" : "a"} ${name}` : `“${name}”`);
