/**
 * Bundles the pages: src/ -> dist/.
 *
 * `node build.mjs` builds when the sources or the lock file changed since dist/ was made;
 * `node build.mjs --force` always does. dist/stamp.json holds the hash that decides. The pages are
 * built into dist.new/ and renamed, so a failing build leaves the last good one.
 */

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const fresh = join(root, "dist.new");
const ENTRIES = {
  viewer: "src/pages/viewer.js",
  playground: "src/pages/playground.js",
  style: "src/style/style.css",
};
/** On its own, so that it starts without waiting for what the pages share. */
const WORKER = { worker: "src/worker.js" };
const RUNTIME = "ort-wasm-simd-threaded.wasm";
/** Bytes, gzipped: all scripts and styles without the ONNX runtime. */
const BUDGET = 250_000;

/** @param {string} folder @returns {Promise<string[]>} files below, sorted */
async function filesBelow(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** @returns {Promise<string>} hash of everything that the result depends on */
async function sourcesHash() {
  const hash = createHash("sha256");
  const files = await filesBelow(join(root, "src"));
  for (const file of ["package.json", "package-lock.json", "build.mjs"]) files.push(join(root, file));
  for (const file of files) {
    const bytes = await readFile(file);
    hash.update(`${relative(root, file).replaceAll("\\", "/")}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

/** @param {string} path */
const exists = (path) => stat(path).then(() => true, () => false);

/** @param {string} hash @returns {Promise<boolean>} */
async function isCurrent(hash) {
  try {
    return JSON.parse(await readFile(join(dist, "stamp.json"), "utf8")).sources === hash;
  } catch {
    return false;
  }
}

/** @returns {Promise<number>} gzipped bytes of what was built */
async function build() {
  const { build: bundle } = await import("esbuild");
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh);
  const outputs = { ...(await bundleOf(bundle, ENTRIES)), ...(await bundleOf(bundle, WORKER)) };
  const runtime = join(root, "node_modules", "onnxruntime-web");
  await cp(join(runtime, "dist", RUNTIME), join(fresh, RUNTIME));
  await writeFile(join(fresh, "THIRD_PARTY.txt"), await notices());
  let total = 0;
  for (const [file, output] of Object.entries(outputs)) {
    const isRuntime = Object.keys(output.inputs).some((name) => name.includes("onnxruntime"));
    if (!isRuntime) total += gzipSync(await readFile(join(root, file)), { level: 9 }).length;
  }
  return total;
}

/**
 * @param {typeof import("esbuild").build} bundle @param {Record<string, string>} entries
 * @returns {Promise<import("esbuild").Metafile["outputs"]>}
 */
async function bundleOf(bundle, entries) {
  const entryPoints = [];
  for (const [out, file] of Object.entries(entries)) {
    if (await exists(join(root, file))) entryPoints.push({ in: resolve(root, file), out });
  }
  const { metafile } = await bundle({
    absWorkingDir: root,
    entryPoints,
    outdir: fresh,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    chunkNames: "chunk-[hash]",
    metafile: true,
    logLevel: "warning",
  });
  return metafile.outputs;
}

/** Licences of the packages that end up in the bundle. */
async function notices() {
  const parts = [];
  for (const name of ["three", "onnxruntime-web"]) {
    const folder = join(root, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const text = await readFile(join(folder, "LICENSE"), "utf8").catch(() => "");
    parts.push(`${name} ${version}, ${license}\n\n${text.trim()}\n`);
  }
  return parts.join("\n");
}

async function main() {
  const hash = await sourcesHash();
  if (!process.argv.includes("--force") && (await isCurrent(hash))) {
    console.log("pages are up to date");
    return;
  }
  const bytes = await build();
  if (bytes > BUDGET) {
    throw new Error(`the pages take ${bytes} bytes gzipped, allowed: ${BUDGET}; drop an import`);
  }
  await writeFile(join(fresh, "stamp.json"), `${JSON.stringify({ sources: hash, bytes })}\n`);
  await rm(dist, { recursive: true, force: true });
  await rename(fresh, dist);
  console.log(`pages built: ${(bytes / 1000).toFixed(1)} kB gzipped without the ONNX runtime`);
}

main().catch((error) => {
  // The bundler has already said what it did not like.
  if (!error.errors) console.error(String(error));
  process.exitCode = 1;
});
