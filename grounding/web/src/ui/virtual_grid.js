/**
 * A grid of very many cells, of which only those in sight exist.
 *
 *   const grid = virtualGrid({label, width, height, make, onChoose, onPoint});
 *   grid.node                  scrolls; its cells are at least `width` and exactly `height` pixels large
 *   grid.set(items)            numbers; make(item) -> the children of its button
 *   grid.refresh()             cells are made anew, as they are when its size changes; the focus stays
 *
 * One cell is in the order of Tab; arrow keys, Home, End, Page Up and Page Down go to others.
 * onChoose(item): clicked or Enter; onPoint(item | null): under the cursor, or focused.
 */

import { element } from "./element.js";
import { isPlain } from "./keys.js";

/** Rows beyond what is in sight, so that scrolling shows no gaps. */
const SPARE = 2;

/**
 * @param {{label: string, width: number, height: number,
 *   make: (item: number) => import("./element.js").Child[],
 *   onChoose: (item: number) => void, onPoint: (item: number | null) => void}} options
 */
export function virtualGrid({ label, width, height, make, onChoose, onPoint }) {
  const list = element("ul", { class: "grid-cells", "aria-label": label });
  const node = element("div", { class: "grid-scroll" }, list);
  /** @type {ArrayLike<number>} */
  let items = [];
  let columns = 1;
  let active = 0;
  let scheduled = 0;
  /** By their place. @type {Map<number, HTMLLIElement>} */
  const cells = new Map();

  /** @param {number} place */
  function cellAt(place) {
    const item = items[place];
    const button = element("button", { type: "button", tabindex: place === active ? 0 : -1, "data-place": place, onclick: () => choose(place), onfocus: () => onPoint(item) }, ...make(item));
    const cell = element("li", { "aria-setsize": items.length, "aria-posinset": place + 1, onpointerenter: () => onPoint(item) }, button);
    const across = node.clientWidth / columns;
    cell.style.width = `${across}px`;
    cell.style.height = `${height}px`;
    cell.style.transform = `translate(${(place % columns) * across}px, ${Math.floor(place / columns) * height}px)`;
    cells.set(place, cell);
    // In their order, which is the one that is read aloud.
    const next = [...cells.keys()].filter((other) => other > place).sort((a, b) => a - b)[0];
    list.insertBefore(cell, next === undefined ? null : (cells.get(next) ?? null));
  }

  function fill() {
    scheduled = 0;
    const first = columns * Math.max(0, Math.floor(node.scrollTop / height) - SPARE);
    const last = Math.min(items.length, columns * (Math.ceil((node.scrollTop + node.clientHeight) / height) + SPARE));
    for (const [place, cell] of cells) {
      // The one that has the focus, or would get it, stays.
      if ((place >= first && place < last) || place === active) continue;
      cell.remove();
      cells.delete(place);
    }
    for (let place = first; place < last; place++) if (!cells.has(place)) cellAt(place);
    if (items.length && !cells.has(active)) cellAt(active);
  }

  function layOut() {
    const hadFocus = list.contains(document.activeElement);
    columns = Math.max(1, Math.floor(node.clientWidth / width));
    list.style.height = `${Math.ceil(items.length / columns) * height}px`;
    for (const cell of cells.values()) cell.remove();
    cells.clear();
    if (!node.clientWidth) return;
    fill();
    if (hadFocus && items.length) go(active);
  }

  /** @param {number} place */
  function go(place) {
    const before = cells.get(active)?.firstElementChild;
    before?.setAttribute("tabindex", "-1");
    active = Math.min(items.length - 1, Math.max(0, place));
    const top = Math.floor(active / columns) * height;
    node.scrollTop = Math.min(top, Math.max(node.scrollTop, top + height - node.clientHeight));
    fill();
    const button = /** @type {HTMLElement} */ (cells.get(active)?.firstElementChild);
    button.setAttribute("tabindex", "0");
    button.focus({ preventScroll: true });
  }
  /** @param {number} place */
  function choose(place) {
    go(place);
    onChoose(items[place]);
  }

  node.addEventListener("scroll", () => (scheduled ||= requestAnimationFrame(fill)));
  node.addEventListener("pointerleave", () => onPoint(null));
  node.addEventListener("focusout", () => onPoint(null));
  node.addEventListener("keydown", (event) => {
    if (!isPlain(event) || !items.length) return;
    const page = columns * Math.max(1, Math.floor(node.clientHeight / height));
    /** @type {Record<string, number>} */
    const goals = { ArrowLeft: active - 1, ArrowRight: active + 1, ArrowUp: active - columns, ArrowDown: active + columns, PageUp: active - page, PageDown: active + page, Home: 0, End: items.length - 1 };
    if (!Object.hasOwn(goals, event.key)) return;
    event.preventDefault();
    if (goals[event.key] >= 0 && goals[event.key] < items.length) go(goals[event.key]);
    else if (event.key.startsWith("Page")) go(goals[event.key]);
  });
  new ResizeObserver(layOut).observe(node);
  return {
    node,
    /** @param {ArrayLike<number>} next */
    set(next) {
      items = next;
      active = 0;
      node.scrollTop = 0;
      layOut();
    },
    refresh: layOut,
  };
}
