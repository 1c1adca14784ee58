/**
 * Light and dark.
 *
 *   const theme = followTheme("auto" | "light" | "dark", onChange);  onChange("light" | "dark") is
 *   theme.set("dark"); theme.current                                 also called at once
 *
 * The choice is the URL's; <html data-theme> carries what it comes to, for the style sheet.
 */

/** @typedef {"auto" | "light" | "dark"} ThemeChoice */
/** @typedef {import("../colors.js").Theme} Theme */

/** @param {ThemeChoice} initial @param {(theme: Theme) => void} onChange */
export function followTheme(initial, onChange) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let choice = initial;
  /** @type {Theme | null} */
  let current = null;

  function apply() {
    const next = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    if (next === current) return;
    current = next;
    document.documentElement.dataset.theme = next;
    onChange(next);
  }
  dark.addEventListener("change", apply);
  apply();
  return {
    get current() {
      return /** @type {Theme} */ (current);
    },
    /** @param {ThemeChoice} next */
    set(next) {
      choice = next;
      apply();
    },
  };
}
