/**
 * Which classes are shown and which step back, as the legend changes it.
 *
 *   isShown(shown, label)              -> boolean
 *   toggled(shown, label, labels)      -> Visibility after a click on a class
 *   isolated(shown, label)             -> Visibility that shows this class alone, or all again
 *   knownOnly(shown, labels)           -> {shown, problem}: without classes that are not there, "" or a
 *                                         sentence that names them
 *   EVERYTHING                         all classes shown
 *
 * A Visibility is {dim, isolate}: either one class is isolated, or some are dimmed.
 */

/** @typedef {{dim: readonly number[], isolate: number | null}} Visibility */

/** @type {Readonly<Visibility>} */
export const EVERYTHING = Object.freeze({ dim: Object.freeze([]), isolate: null });

/** @param {Visibility} shown @param {number} label */
export function isShown({ dim, isolate }, label) {
  return isolate === null ? !dim.includes(label) : label === isolate;
}

/**
 * Dim a class or bring it back. Dimming the last class that is shown brings all back.
 * @param {Visibility} shown @param {number} label @param {readonly number[]} labels all classes
 * @returns {Visibility}
 */
export function toggled(shown, label, labels) {
  const dimmed = new Set(shown.dim);
  const isOn = (/** @type {number} */ one) => (shown.isolate === null ? !dimmed.has(one) : one === shown.isolate);
  const dim = labels.filter((other) => isOn(other) === (other === label));
  return dim.length === labels.length ? EVERYTHING : { dim, isolate: null };
}

/** @param {Visibility} shown @param {number} label @returns {Visibility} */
export function isolated(shown, label) {
  return shown.isolate === label ? EVERYTHING : { dim: [], isolate: label };
}

/** @param {Visibility} shown @param {readonly number[]} labels all classes @returns {{shown: Visibility, problem: string}} */
export function knownOnly({ dim, isolate }, labels) {
  const named = isolate === null ? dim : [...dim, isolate];
  const unknown = named.filter((label) => !labels.includes(label));
  if (!unknown.length) return { shown: { dim, isolate }, problem: "" };
  const left = { dim: dim.filter((label) => labels.includes(label)), isolate: isolate !== null && labels.includes(isolate) ? isolate : null };
  const what = unknown.length === 1 ? "a class that these points do not have" : "classes that these points do not have";
  return { shown: left, problem: `The address names ${what}: ${unknown.slice(0, 5).join(", ")}. All others are shown as it says.` };
}
