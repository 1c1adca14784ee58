/** What the playground shows when its address names no files. showWelcome(shell) */

import { element } from "../ui/element.js";

const PAGE = "interactive_latent_playground.html";
const COMMANDS = ["grounding run --config 7", "grounding serve --open"];

/** @param {import("../shell.js").Shell} shell */
export function showWelcome({ panels, stop }) {
  stop("empty");
  panels.showWelcome(
    "Encode an image, watch where it lands",
    element("p", {}, "This page needs three files of one trained run: its assets, its encoder and its decoder."),
    element("p", {}, "Train and export a run (some minutes), then open it from the list of runs:"),
    element("pre", {}, COMMANDS.join("\n")),
    element("p", {}, "Or name the files in the address:"),
    element("pre", {}, `${PAGE}\n  ?assets=/artifacts/NAME_test_interactive_assets.json\n  &encoder=/artifacts/NAME_encoder.onnx\n  &decoder=/artifacts/NAME_decoder.onnx`),
    element("p", {}, element("a", { href: "../" }, "All runs")),
  );
}
