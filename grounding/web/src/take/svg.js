/**
 * The cloud as SVG, with its title and legend.
 *
 *   svgOf({width, height, dots, overlay, title, legend, background, foreground})  -> text
 *       dots: far ones first, {x, y, size, color: "rgb(1 2 3)"}; overlay: a data URL of marks and lines, or ""
 *       legend: [{name, color}]
 *   dotsOf(cloud)      what cloud.js's seen() gives -> such dots, dimmed ones first and pale
 *   escaped(text)      as HTML or XML has it
 *   legendPlaces(legend, width, measure)   -> {rows: [{x, y, name, color}], height}, below a picture
 */

/** @typedef {{name: string, color: string}} Entry */
/** @typedef {{x: number, y: number, size: number, color: string}} Dot */

export const TITLE_HEIGHT = 34;
const LINE = 22;
const SWATCH = 11;
/** As in the shader: a dimmed point is this much of the backdrop. */
const PALE = 0.78;

/** @param {string} text */
export const escaped = (text) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
/** @param {number} value */
const short = (value) => String(Math.round(value * 10) / 10);

/** @param {{x: Float32Array, y: Float32Array, depth: Float32Array, sizes: Float32Array, colors: Uint8Array, isDimmed: (index: number) => boolean, backdrop: readonly number[], width: number, height: number}} seen @returns {Dot[]} */
export function dotsOf({ x, y, depth, sizes, colors, isDimmed, backdrop, width, height }) {
  const inside = [...depth.keys()].filter((i) => depth[i] > 0 && x[i] > -20 && y[i] > -20 && x[i] < width + 20 && y[i] < height + 20);
  const order = inside.map((i) => ({ i, dimmed: isDimmed(i) })).sort((a, b) => Number(b.dimmed) - Number(a.dimmed) || depth[b.i] - depth[a.i]);
  return order.map(({ i, dimmed }) => {
    const rgb = [0, 1, 2].map((c) => Math.round(dimmed ? colors[3 * i + c] * (1 - PALE) + backdrop[c] * PALE : colors[3 * i + c]));
    return { x: x[i], y: y[i], size: sizes[i] * (dimmed ? 0.7 : 1), color: `rgb(${rgb.join(" ")})` };
  });
}

/** @param {readonly Entry[]} legend @param {number} width @param {(text: string) => number} measure */
export function legendPlaces(legend, width, measure) {
  let [x, line] = [12, 0];
  const rows = legend.map(({ name, color }) => {
    const wide = SWATCH + 6 + measure(name) + 18;
    if (x + wide > width && x > 12) [x, line] = [12, line + 1];
    const row = { x, y: line * LINE + LINE / 2 + 4, name, color };
    x += wide;
    return row;
  });
  return { rows, height: legend.length ? (line + 1) * LINE + 12 : 0 };
}

/**
 * @param {{width: number, height: number, dots: readonly Dot[], overlay: string, title: string,
 *   legend: readonly Entry[], background: string, foreground: string}} picture
 */
export function svgOf({ width, height, dots, overlay, title, legend, background, foreground }) {
  const top = title ? TITLE_HEIGHT : 0;
  const { rows, height: below } = legendPlaces(legend, width, (text) => 7.5 * text.length);
  // Points that follow each other in one colour and size are one path.
  const paths = [];
  let last = "";
  for (const { x, y, size, color } of dots) {
    const style = `stroke="${color}" stroke-width="${short(size)}"`;
    if (style !== last) paths.push([style, ""]);
    last = style;
    paths[paths.length - 1][1] += `M${short(x)} ${short(y)}h0`;
  }
  const all = top + height + below;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${all}" viewBox="0 0 ${width} ${all}" font-family="system-ui, sans-serif" font-size="14" fill="${foreground}">`,
    `<rect width="100%" height="100%" fill="${background}"/>`,
    title && `<title>${escaped(title)}</title><text x="12" y="23" font-weight="600">${escaped(title)}</text>`,
    `<svg y="${top}" width="${width}" height="${height}" overflow="hidden"><g fill="none" stroke-linecap="round">`,
    ...paths.map(([style, d]) => `<path ${style} d="${d}"/>`),
    "</g>",
    overlay && `<image width="${width}" height="${height}" href="${overlay}"/>`,
    "</svg>",
    ...rows.map(({ x, y, name, color }) => `<circle cx="${short(x + SWATCH / 2)}" cy="${short(top + height + y - 4)}" r="${SWATCH / 2}" fill="${color}"/><text x="${short(x + SWATCH + 6)}" y="${short(top + height + y + 1)}">${escaped(name)}</text>`),
    "</svg>",
  ].filter(Boolean).join("\n");
}
