/** @param {number[]} values @returns {number} to hundredths */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(((sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2) * 100) / 100;
}
