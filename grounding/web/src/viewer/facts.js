/**
 * Facts about the file, folded away.
 *
 *   factsSection(points) -> element
 */

import { element } from "../ui/element.js";
import { facts } from "./describe.js";

/** @param {import("../assets.js").LatentPoints} points */
export function factsSection(points) {
  const rows = facts(points).flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]);
  return element("details", { class: "about" }, element("summary", {}, "About this file"), element("dl", { class: "facts" }, ...rows));
}
