/**
 * What the viewer says when it is opened without a file.
 *
 *   welcome() -> elements for panels.showWelcome
 */

import { element } from "../ui/element.js";

const COMMANDS = `grounding points --config 0
grounding serve`;

export function welcome() {
  return [
    element("p", {}, "The viewer draws a file of latent points. The address names it: ", element("code", {}, "?data=/artifacts/…_latent_points.json")),
    element("p", {}, "To write one from a trained run and open it from a list of all runs:"),
    element("pre", {}, COMMANDS),
    element("p", { class: "muted" }, "No trained run yet? ", element("code", {}, "grounding run --config 0"), " trains one and writes all files."),
  ];
}
