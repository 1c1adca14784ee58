/**
 * Where each class is densest.
 *
 *   densestRows(positions, ranks, count)   -> Int32Array (count): of each class a row in its densest place, -1 of none
 *
 * The space is cut into SIDE cubes a side. Of the cube that holds, with its 26 neighbours, most points of a class,
 * the point nearest to their mean stands for it: the mode of its density, rounded to a point, which goes where points go.
 */

const SIDE = 20;

/**
 * @param {ArrayLike<number>} positions (N, 3) @param {ArrayLike<number>} ranks (N) in 0 .. count - 1
 * @param {number} count @returns {Int32Array}
 */
export function densestRows(positions, ranks, count) {
  const [low, high] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  for (let i = 0; i < positions.length; i++) {
    low[i % 3] = Math.min(low[i % 3], positions[i]);
    high[i % 3] = Math.max(high[i % 3], positions[i]);
  }
  const scale = SIDE / (1.0001 * Math.max(...high.map((value, axis) => value - low[axis]), 1e-9));
  // One more cube all around: every cube then has its neighbours.
  const wide = SIDE + 2;
  const cubes = new Int32Array(ranks.length);
  /** Points of each class in each of its cubes. @type {Map<number, number>[]} */
  const held = Array.from({ length: count }, () => new Map());
  for (let row = 0; row < ranks.length; row++) {
    const [x, y, z] = [0, 1, 2].map((axis) => 1 + Math.floor((positions[3 * row + axis] - low[axis]) * scale));
    const cube = (cubes[row] = (x * wide + y) * wide + z);
    held[ranks[row]].set(cube, (held[ranks[row]].get(cube) ?? 0) + 1);
  }
  const around = [-1, 0, 1].flatMap((x) => [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((z) => (x * wide + y) * wide + z)));
  const densest = held.map((own) => {
    let [best, most] = [-1, 0];
    for (const cube of own.keys()) {
      const found = around.reduce((sum, step) => sum + (own.get(cube + step) ?? 0), 0);
      if (found > most) [best, most] = [cube, found];
    }
    return new Set(around.map((step) => best + step));
  });
  const means = Array.from({ length: count }, () => [0, 0, 0, 0]);
  /** @param {(row: number, sums: number[], at: number) => void} visit */
  const inside = (visit) => {
    for (let row = 0; row < ranks.length; row++) if (densest[ranks[row]].has(cubes[row])) visit(row, means[ranks[row]], 3 * row);
  };
  inside((_, sums, at) => {
    for (let axis = 0; axis < 3; axis++) sums[axis] += positions[at + axis];
    sums[3]++;
  });
  const rows = new Int32Array(count).fill(-1);
  const least = new Float64Array(count).fill(Infinity);
  inside((row, [x, y, z, n], at) => {
    const far = (positions[at] - x / n) ** 2 + (positions[at + 1] - y / n) ** 2 + (positions[at + 2] - z / n) ** 2;
    if (far < least[ranks[row]]) [least[ranks[row]], rows[ranks[row]]] = [far, row];
  });
  return rows;
}
