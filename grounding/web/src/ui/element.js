/**
 * Elements without markup: text is always text.
 *
 *   element("button", {type: "button", class: "quiet", onclick: f, "aria-label": "…"}, "text", child)
 *   replaceChildren(parent, ...children)
 *
 * Attributes: functions become listeners (onclick → "click"), booleans are set or left out,
 * null and undefined are left out.
 */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, String(value));
  }
  replaceChildren(node, ...children);
  return node;
}

/** @param {Element} parent @param {...Child} children */
export function replaceChildren(parent, ...children) {
  parent.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
}
