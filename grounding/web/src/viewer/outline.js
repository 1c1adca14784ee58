/**
 * The box or lasso while it is drawn.
 *
 *   const outline = selectionOutline(overlay);
 *   outline.show("box" | "lasso", corners); outline.hide()     corners as controls.js gives them
 */

const SVG = "http://www.w3.org/2000/svg";

/** @param {HTMLElement} overlay */
export function selectionOutline(overlay) {
  const svg = document.createElementNS(SVG, "svg");
  const shape = document.createElementNS(SVG, "polygon");
  svg.setAttribute("class", "outline");
  svg.setAttribute("aria-hidden", "true");
  svg.append(shape);
  overlay.prepend(svg);
  return {
    /** @param {"box" | "lasso"} kind @param {readonly number[]} corners */
    show(kind, corners) {
      const [x0, y0, x1, y1] = corners;
      const path = kind === "box" ? [x0, y0, x1, y0, x1, y1, x0, y1] : corners;
      shape.setAttribute("points", path.join(" "));
    },
    hide() {
      shape.removeAttribute("points");
    },
  };
}
