/**
 * What the viewer says when it is opened without a file.
 *
 *   welcome() -> elements for panels.showWelcome
 */

import { element } from "../ui/element.js";

const COMMANDS = `grounding run --config 7
grounding serve --open`;

export function welcome() {
  return [
    element("p", {}, "The viewer draws a file of latent points. The address names it: ", element("code", {}, "?data=/artifacts/…_latent_points.json")),
    element("p", {}, "Train and export a run (some minutes), then open it from the list of runs:"),
    element("pre", {}, COMMANDS),
  ];
}
