/**
 * What can be taken away from a page: the picture, a film, a link, a frame, a citation.
 *
 *   openTake(parts)     parts: stage.js's cloud, theme, and what the page says about itself
 */

import { orbit } from "../camera.js";
import { background, cssColor, foreground } from "../colors.js";
import { asPageError } from "../errors.js";
import { copyText } from "../ui/copy.js";
import { element } from "../ui/element.js";
import { saveBlob } from "../ui/save.js";
import { canFilm, film } from "./film.js";
import { blobOf, withWords } from "./picture.js";
import { dotsOf, svgOf } from "./svg.js";
import { citationOf, factsBeside, frameOf } from "./words.js";

const SCALES = [1, 2, 3, 4];
const SECONDS = 6;

/**
 * @param {{cloud: import("../cloud.js").Cloud, theme: import("../colors.js").Theme, fileName: string,
 *   about: import("../stage.js").About, keep: () => () => void}} parts keep(): what puts the view back
 */
export function openTake({ cloud, theme, fileName, about, keep }) {
  const { title, legend, file, experiment, checkpoint, flow } = about;
  const told = element("p", { class: "note", role: "status" });
  const stop = new AbortController();
  const colors = { background: cssColor(background(theme)), foreground: cssColor(foreground(theme)) };
  const kinds = element(
    "select",
    { "aria-label": "Kind of picture" },
    ...SCALES.map((scale) => element("option", { value: scale, selected: scale === 2 }, `PNG, ${scale} ×`)),
    element("option", { value: "svg" }, "SVG"),
  );
  const words = element("input", { type: "checkbox", checked: true });

  async function savePicture() {
    const named = words.checked ? { title, legend } : { title: "", legend: [] };
    if (kinds.value === "svg") {
      const seen = cloud.seen();
      const text = svgOf({ width: seen.width, height: seen.height, dots: dotsOf(seen), overlay: cloud.overlay(3), ...named, ...colors });
      return saveBlob(new Blob([text], { type: "image/svg+xml" }), `${fileName}.svg`);
    }
    const scale = Number(kinds.value);
    saveBlob(await blobOf(withWords(cloud.picture(scale), scale, { ...named, ...colors })), `${fileName}.png`);
  }
  /** @param {"turn" | "flow"} what */
  async function saveFilm(what) {
    const back = keep();
    const { camera } = cloud;
    told.textContent = "Filming …";
    for (const button of films) button.disabled = true;
    const show = (/** @type {number} */ share) => (what === "flow" ? flow?.(share) : cloud.setCamera(orbit(camera, share * 2 * Math.PI, 0)));
    const blob = await film(cloud, show, { seconds: SECONDS, signal: stop.signal }).finally(back);
    for (const button of films) button.disabled = false;
    told.textContent = blob ? "Filmed." : "";
    if (blob) saveBlob(blob, `${fileName}_${what}.webm`);
  }
  const trying = (/** @type {() => Promise<void>} */ act) => () => act().catch((error) => (told.textContent = asPageError(error).message));
  const films = canFilm()
    ? [
        element("button", { type: "button", onclick: trying(() => saveFilm("turn")) }, "Film one turn"),
        ...(flow ? [element("button", { type: "button", onclick: trying(() => saveFilm("flow")) }, "Film the flow")] : []),
      ]
    : [];

  /** @param {string} name @param {string} text */
  function copied(name, text) {
    const field = element("input", { type: "text", readonly: true, value: text, "aria-label": name, onfocus: () => field.select() });
    const copy = async () => {
      const isDone = await copyText(field.value, dialog);
      field.select();
      told.textContent = isDone ? `${name} copied.` : "This browser does not let the page copy: what is selected can be copied by hand.";
    };
    return { field, node: element("div", { class: "take-row" }, element("span", {}, name), field, element("button", { type: "button", "aria-label": `Copy ${name.toLowerCase()}`, onclick: copy }, "Copy")) };
  }
  const hasAddress = location.href.startsWith("http") && !location.href.startsWith("https://notebook.invalid/");
  const address = hasAddress ? location.href : "";
  const link = copied("Link", address);
  const frame = copied("Frame", address && frameOf(address, title));
  const citation = copied("Citation", citationOf({ run: experiment, version: "", manifest: "", checkpoint }, address));
  if (hasAddress) void factsBeside(file, experiment, checkpoint).then((facts) => (citation.field.value = citationOf(facts, address)));

  const dialog = element(
    "dialog",
    { class: "help take", "aria-labelledby": "take-title" },
    element(
      "div",
      { class: "help-inner" },
      element("h2", { id: "take-title" }, "Take away"),
      element("div", { class: "take-row" }, element("span", {}, "Picture"), kinds, element("button", { type: "button", onclick: trying(savePicture) }, "Save")),
      element("label", { class: "check" }, words, "With title and legend"),
      element("div", { class: "take-row" }, element("span", {}, "Film"), ...(films.length ? films : [element("span", { class: "muted" }, "This browser cannot record films.")])),
      hasAddress && link.node,
      hasAddress && frame.node,
      citation.node,
      told,
      element("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close"),
    ),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    stop.abort();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}
