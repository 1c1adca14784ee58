/**
 * Where a Chromium is.
 *
 *   findChromium()             -> path, or null
 *   node chromium.mjs          prints the path; installs a Chromium if there is none and one can be
 *                              had: playwright's download, or Debian's package as root
 *
 * Looked at in this order: GROUNDING_CHROMIUM, the PATH, playwright's own.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const INSTALL_MS = 300_000;

/** @returns {string | null} */
export function findChromium() {
  const chosen = process.env.GROUNDING_CHROMIUM;
  if (chosen) return existsSync(chosen) ? chosen : null;
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  const onPath = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, chromium.executablePath()].find((path) => path && existsSync(path)) ?? null;
}

/** @returns {string[][]} commands that may install one, in the order to try them */
function installers() {
  const package_ = createRequire(import.meta.url).resolve("playwright-core/package.json");
  const ways = [[process.execPath, join(dirname(package_), "cli.js"), "install", "chromium"]];
  if (process.getuid?.() === 0) ways.push(["sh", "-c", "apt-get update && apt-get install -y chromium"]);
  return ways;
}

function install() {
  for (const [program, ...values] of installers()) {
    console.error(`no Chromium found; trying: ${[program, ...values].join(" ")}`);
    spawnSync(program, values, { stdio: ["ignore", "ignore", "inherit"], timeout: INSTALL_MS });
    const found = findChromium();
    if (found) return found;
  }
  return null;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const chosen = process.env.GROUNDING_CHROMIUM;
  const found = findChromium() ?? (chosen ? null : install());
  if (found) {
    console.log(found);
  } else {
    const reason = chosen ? `GROUNDING_CHROMIUM is ${chosen}, which is not there` : "none found, none could be installed";
    console.error(`the tests of the pages need a Chromium: ${reason}`);
    console.error("name one in GROUNDING_CHROMIUM, or leave these tests out with BROWSER=0");
    process.exitCode = 1;
  }
}
