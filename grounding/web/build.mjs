/**
 * Bundles the pages: src/ -> dist/.
 *
 * `node build.mjs` builds when the sources or the lock file changed since dist/ was made;
 * `node build.mjs --force` always does. dist/stamp.json holds the hash that decides. The pages are
 * built into dist.new/ and renamed, so a failing build leaves the last good one.
 */

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const fresh = join(root, "dist.new");
// Each on its own, with a copy of what it shares with others: a script that waits for the files it
// shares starts later. Only three.js and the ONNX runtime are files of their own, the first under a
// name that a page can ask for beforehand.
/** @type {Record<string, string>[]} */
const ENTRIES = [
  { three: "src/scene/three.js" },
  { runtime: "src/runtime.js" },
  { worker: "src/worker.js" },
  { style: "src/style/style.css" },
  { viewer: "src/pages/viewer.js" },
  { playground: "src/pages/playground.js" },
];
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

/** @param {string} hash @returns {Promise<boolean>} */
async function isCurrent(hash) {
  try {
    return JSON.parse(await readFile(join(dist, "stamp.json"), "utf8")).sources === hash;
  } catch {
    return false;
  }
}

/**
 * @param {Record<string, string>} entries out name -> source
 * @returns {Promise<string[]>} what was written, but for the ONNX runtime
 */
async function bundle(entries) {
  const { build } = await import("esbuild");
  const entryPoints = Object.entries(entries).map(([out, file]) => ({ in: resolve(root, file), out }));
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    plugins: [withoutLibraries],
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
  return Object.entries(metafile.outputs)
    .filter(([, { inputs }]) => !Object.keys(inputs).some((name) => name.includes("onnxruntime")))
    .map(([file]) => file);
}

/** Leaves out what is loaded from a file of its own. */
const withoutLibraries = {
  name: "without-libraries",
  /** @param {import("esbuild").PluginBuild} build */
  setup(build) {
    build.onResolve({ filter: /\/(three|runtime)\.js$/ }, ({ path, kind }) =>
      kind === "entry-point" ? undefined : { path: `./${path.split("/").pop()}`, external: true },
    );
  },
};

/** @returns {Promise<number>} gzipped bytes of what was built */
async function build() {
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh);
  const files = [];
  for (const entry of ENTRIES) files.push(...(await bundle(entry)));
  const runtime = join(root, "node_modules", "onnxruntime-web");
  await cp(join(runtime, "dist", RUNTIME), join(fresh, RUNTIME));
  await writeFile(join(fresh, "THIRD_PARTY.txt"), await notices());
  let total = 0;
  for (const file of files) total += gzipSync(await readFile(join(root, file)), { level: 9 }).length;
  return total;
}

/** Licences of the packages that end up in the bundle. */
async function notices() {
  const parts = [];
  for (const name of ["three", "onnxruntime-web"]) {
    const folder = join(root, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    // Not every package carries its licence's text; what lacks lies in licenses/.
    const own = await readFile(join(folder, "LICENSE"), "utf8").catch(() => "");
    const text = own || (await readFile(join(root, "licenses", `${name}.txt`), "utf8"));
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
