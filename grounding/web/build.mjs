/**
 * Bundles the pages: src/ -> dist/.
 *
 * `node build.mjs` builds when the sources or the lock file changed since dist/ was made;
 * `node build.mjs --force` always does. dist/stamp.json holds the hash that decides. The pages are
 * built into dist.new/ and renamed, so a failing build leaves the last good one.
 */

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
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
/** Each as one document, for notebooks: out name -> source, and the page whose markup it has. */
/** @type {Record<string, {script: string, page: string}>} */
const DOCUMENTS = {
  notebook_viewer: { script: "src/notebook/viewer.js", page: "../latent_space_viewer.html" },
  notebook_playground: { script: "src/pages/playground.js", page: "../interactive_latent_playground.html" },
};
/** What a document takes for its own address. */
const NOWHERE = "https://notebook.invalid/";
const RUNTIME = "ort-wasm-simd-threaded.wasm";
/** Bytes, gzipped: all scripts and styles without the ONNX runtime. */
const BUDGET = 300_000;

/** @param {string} folder @returns {Promise<string[]>} files below, sorted */
async function filesBelow(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = entries.map((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
  return (await Promise.all(found)).flat().sort();
}

/** @returns {Promise<string>} hash of everything that the result depends on */
async function sourcesHash() {
  const hash = createHash("sha256");
  const files = await filesBelow(join(root, "src"));
  const pages = Object.values(DOCUMENTS).map(({ page }) => page);
  for (const file of ["package.json", "package-lock.json", "build.mjs", ...pages]) files.push(join(root, file));
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

/**
 * All of a script in one text, which needs no address.
 * @param {string} file @param {{inject?: string[], define?: Record<string, string>, format?: "esm" | "iife"}} [options]
 */
async function bundledText(file, { inject = [], define = {}, format = "esm" } = {}) {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [file],
    inject,
    define: { "import.meta.url": JSON.stringify(NOWHERE), ...define },
    write: false,
    bundle: true,
    format,
    target: "es2022",
    minify: true,
    legalComments: "none",
    logLevel: "warning",
  });
  return outputFiles[0].text;
}

/** The pages for notebooks, and the module that shows them in a cell. */
async function buildForNotebooks() {
  const worker = await bundledText("src/worker.js", { inject: ["src/notebook/fetch.js"] });
  const define = { "globalThis.WORKER": JSON.stringify(`data:text/javascript;base64,${base64(worker)}`) };
  const style = (await readFile(join(fresh, "style.css"), "utf8")).trim();
  for (const [out, { script: file, page }] of Object.entries(DOCUMENTS)) {
    const script = (await bundledText(file, { inject: ["src/notebook/place.js"], define })).trim();
    const markup = await readFile(join(root, page), "utf8");
    await writeFile(join(fresh, `${out}.html`), documentOf(markup, style, script));
  }
  await writeFile(join(fresh, "notebook.js"), await bundledText("src/notebook/widget.js"));
  await writeFile(join(fresh, "notebook_one_file.js"), await bundledText("src/notebook/one_file.js", { format: "iife" }));
}

/**
 * A page as one document that runs nothing but this script and asks nobody for anything.
 * @param {string} markup of the page @param {string} style @param {string} script
 */
function documentOf(markup, style, script) {
  const policy = [
    "default-src 'none'",
    `script-src ${hashSource(script)} 'wasm-unsafe-eval'`,
    `style-src ${hashSource(style)}`,
    "img-src data: blob:",
    "worker-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  /** @type {[RegExp, string][]} */
  const parts = [
    [/(?<=content=")default-src[^"]*/, policy],
    [/<link rel="stylesheet"[^>]*>/, `<style>${style}</style>`],
    [/<main class="unstarted">.*?<\/main>/s, ""],
    [/<a href="\.\.\/">.*?<\/a>/, ""],
    [/<script type="module"[^>]*>(?=<\/script>)/, `<script type="module">${script}`],
  ];
  return parts.reduce((text, [pattern, part]) => {
    if (!pattern.test(text)) throw new Error(`a page has no ${pattern}, which its notebook document replaces`);
    return text.replace(pattern, () => part);
  }, markup);
}

const base64 = (/** @type {string} */ text) => Buffer.from(text).toString("base64");
const hashSource = (/** @type {string} */ text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** @returns {Promise<number>} gzipped bytes of what was built */
async function build() {
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh);
  const files = [];
  for (const entry of ENTRIES) files.push(...(await bundle(entry)));
  const runtime = join(root, "node_modules", "onnxruntime-web");
  const binary = await readFile(join(runtime, "dist", RUNTIME));
  // A quarter of its size on the wire, whatever the host does; the other is for browsers that cannot unpack it.
  await writeFile(join(fresh, RUNTIME), binary);
  await writeFile(join(fresh, `${RUNTIME}.gz`), gzipSync(binary, { level: 9 }));
  await writeFile(join(fresh, "THIRD_PARTY.txt"), await notices());
  await buildForNotebooks();
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
