/**
 * A card beside the cursor, inside the stage.
 *
 *   placeBeside(node, x, y, stage, {away, top})   node: not hidden; x, y: of the cursor; away: pixels between
 *
 * It stands on the right where there is room, otherwise on the left, and keeps clear of the edges.
 */

const EDGE = 4;

/**
 * @param {HTMLElement} node @param {number} x @param {number} y @param {{clientWidth: number, clientHeight: number}} stage
 * @param {{away?: number, top?: number}} [how] top: of the card; by default its middle is as high as the cursor
 */
export function placeBeside(node, x, y, { clientWidth, clientHeight }, { away = 14, top = y - node.offsetHeight / 2 } = {}) {
  const left = x + away + node.offsetWidth < clientWidth ? x + away : x - away - node.offsetWidth;
  const down = Math.max(EDGE, Math.min(top, clientHeight - node.offsetHeight - EDGE));
  node.style.transform = `translate(${Math.round(Math.max(EDGE, left))}px, ${Math.round(down)}px)`;
}
