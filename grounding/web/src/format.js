/**
 * Numbers as text, the same in every browser.
 *
 *   formatCount(70000) "70,000"   formatBytes(2032278) "2.0 MB"   formatNumber(0.012345) "0.0123"
 *   formatPercent(0.1234) "12 %"  formatProgress(loaded, total)   "1.2 of 2.0 MB"
 */

const COUNT = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** @param {number} value */
export function formatCount(value) {
  return COUNT.format(value);
}

/** @param {number} value @param {number} [digits] significant ones */
export function formatNumber(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(digits - 1).replace("-", "−");
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return value.toFixed(Math.min(decimals, 8)).replace("-", "−");
}

/** @param {number} share in [0, 1] */
export function formatPercent(share) {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : "–";
}

/** @param {number} bytes @returns {[number, string]} factor and unit */
function unitOf(bytes) {
  if (bytes < 1000) return [1, "B"];
  return bytes < 1e6 ? [1e3, "kB"] : bytes < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
}

/** @param {number} value @param {number} factor */
function scaled(value, factor) {
  return factor === 1 ? String(value) : (value / factor).toFixed(1);
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  const [factor, unit] = unitOf(bytes);
  return `${scaled(bytes, factor)} ${unit}`;
}

/** @param {number} loaded bytes @param {number | null} total bytes, if known */
export function formatProgress(loaded, total) {
  if (total === null) return formatBytes(loaded);
  const [factor, unit] = unitOf(total);
  return `${scaled(loaded, factor)} of ${scaled(total, factor)} ${unit}`;
}
