/**
 * The sliders of the augmentation, with reset and re-roll.
 *
 *   const section = augmentationSection({onSlide, onReset, onReroll});
 *   section.node; section.update(state)
 */

import { NEUTRAL, SLIDER_RANGES } from "../augment.js";
import { element } from "../ui/element.js";
import { slider } from "../ui/slider.js";
import { write } from "../ui/write.js";

/** @typedef {import("../augment.js").Sliders} Sliders */

/** @type {[keyof Sliders, string][]} */
const LABELS = [
  ["shiftX", "Shift right"],
  ["shiftY", "Shift down"],
  ["rotation", "Rotation"],
  ["scale", "Scale"],
  ["shear", "Shear"],
  ["elastic", "Elastic"],
  ["thickness", "Thickness"],
  ["intensity", "Intensity"],
  ["noise", "Noise"],
  ["masking", "Masking"],
];

/** @param {keyof Sliders} name @returns {(value: number) => string} */
function formatOf(name) {
  const { step, unit } = SLIDER_RANGES[name];
  const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  const space = unit === "px" || unit === "×" ? " " : "";
  return (value) => value.toFixed(decimals).replace("-", "−") + space + unit;
}

/**
 * @param {{onSlide: (name: keyof Sliders, value: number) => void, onReset: () => void, onReroll: () => void}} listeners
 */
export function augmentationSection({ onSlide, onReset, onReroll }) {
  const sliders = LABELS.map(([name, label]) => {
    const { min, max, step } = SLIDER_RANGES[name];
    const made = slider({ label, min, max, step, initial: NEUTRAL[name], format: formatOf(name), onInput: (value) => onSlide(name, value) });
    made.input.name = name;
    return { name, made };
  });
  const reroll = element("button", { type: "button", class: "small", onclick: onReroll }, "Re-roll");
  const seed = element("span", { class: "muted number" });
  const node = element(
    "section",
    { class: "augmentation", "aria-labelledby": "augmentation-title" },
    element(
      "div",
      { class: "section-head" },
      element("h2", { id: "augmentation-title" }, "Augmentation"),
      element("button", { type: "button", class: "small", onclick: onReset }, "Reset"),
    ),
    ...sliders.map(({ made }) => made.node),
    element(
      "div",
      { class: "section-head" },
      seed,
      reroll,
    ),
  );
  return {
    node,
    /** @param {Sliders & {seed: number}} state */
    update(state) {
      for (const { name, made } of sliders) if (made.value !== state[name]) made.set(state[name]);
      write(seed, `Seed ${state.seed}`);
      const isRandom = state.elastic > 0 || state.noise > 0 || state.masking > 0;
      reroll.disabled = !isRandom;
      reroll.title = isRandom ? "Other random fields for elastic, noise and masking" : "Changes nothing while elastic, noise and masking are at 0";
    },
  };
}
