/**
 * Pointing into the cloud: the place under the cursor decoded beside it, the marker dragged by hand, and
 * a crosshair for the keyboard and for fingers.
 *
 *   const pointing = cloudPointing(context, shell, {isOn, marker, only, onTake});
 *   pointing.update()           what the address says about it, and whether it can be used now
 *   pointing.leave()
 *
 * isOn(): whether the mode can use it; marker(): where the probe's marker is drawn, or null; only: which
 * points can be meant; onTake(place, isFirst): the page should be there.
 *
 * Nothing is asked while the cursor rests. Of many moves the latest wins; the picture fades where no point
 * is near, and beyond 70 pixels of all there is none.
 */

import { project } from "../camera.js";
import { latentAtPlace, nearness, placeUnder } from "../inverse.js";
import { placeBeside } from "../ui/beside.js";
import { imageCanvas, paintImage } from "../ui/bitmap.js";
import { element } from "../ui/element.js";
import { arrowOf, isForPage } from "../ui/keys.js";

const GRIP = { mouse: 13, touch: 26 };
const STEP = 8;
const AWAY = 18;

/**
 * @param {import("./main.js").Context} context @param {import("../shell.js").Shell} shell
 * @param {{isOn: () => boolean, marker: () => readonly number[] | null, only: () => (index: number) => boolean,
 *   onTake: (place: number[], isFirst: boolean) => void}} parts
 */
export function cloudPointing({ assets, classes, client, address, stage, announcer, fail }, shell, { isOn, marker, only, onTake }) {
  const { canvas, overlay } = shell;
  if (!stage) return { update() {}, leave() {} };
  const { cloud } = stage;
  const picture = imageCanvas(assets.imageShape, "");
  const words = element("span");
  const card = element("div", { class: "look float", "aria-hidden": "true", hidden: true }, picture, words);
  const cross = element("div", { class: "crosshair", "aria-hidden": "true", hidden: true });
  const hint = element("p", { class: "crosshair-hint", hidden: true }, "Arrow keys or a drag move the crosshair.");
  const take = element("button", { type: "button", class: "primary", hidden: true, onclick: () => takeCross() }, "Take");
  const crossButton = element("button", { type: "button", title: "A crosshair for keyboard and touch (C)", onclick: () => (crosshair ? leave() : enter()) }, "Crosshair");
  const lookButton = element("button", { type: "button", title: "Decode the place under the cursor", onclick: () => setLook(!address.state.look) }, "Look");
  const tools = element("div", { class: "segments", role: "group", "aria-label": "Pointing" }, lookButton, crossButton);
  overlay.append(card, cross);
  shell.corners.topRight.append(hint, take, tools);

  /** @type {{x: number, y: number} | null} */
  let crosshair = null;
  let grip = false;
  let isMoved = false;
  /** @type {{x: number, y: number} | null} fingers move the crosshair by as much as they move */
  let finger = null;
  let asked = 0;

  /** @param {boolean} look */
  function setLook(look) {
    address.change({ look });
    update();
  }
  function update() {
    const isUsed = isOn();
    tools.hidden = !isUsed;
    lookButton.setAttribute("aria-pressed", String(address.state.look));
    if (!isUsed) leave();
  }

  /** @param {number} x @param {number} y */
  const under = (x, y) => placeUnder(cloud.view(), cloud.screen(), assets.points, x, y, { only: only() });

  /** Decoded beside x, y. @param {number} x @param {number} y @param {import("../inverse.js").Found | null} found */
  async function show(x, y, found) {
    const mine = ++asked;
    if (!found) return void (card.hidden = true);
    try {
      const decoded = await client.decode({ latent: latentAtPlace(assets, found.place) });
      if (!decoded || mine !== asked) return;
      paintImage(picture, decoded, assets.imageShape);
    } catch (error) {
      return fail(error);
    }
    const share = nearness(found.pixels);
    card.style.opacity = String(0.25 + 0.75 * share);
    const name = assets.hasLabels ? classes.nameOf(assets.labels[found.index]) : `#${found.index}`;
    words.textContent = share === 1 ? `at ${name}` : share > 0.5 ? `near ${name}` : "far from all";
    card.hidden = false;
    placeBeside(card, x, y, canvas, { away: AWAY, top: y + AWAY });
  }
  function hide() {
    asked++;
    card.hidden = true;
  }

  /** @param {PointerEvent} event */
  function placeOf(event) {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }
  /** @param {PointerEvent} event */
  function isOnMarker(event) {
    const at = marker();
    if (!at || !isOn()) return false;
    const { matrix, width, height } = cloud.view();
    const seen = project(matrix, at[0], at[1], at[2], width, height);
    const { x, y } = placeOf(event);
    return seen.depth > 0 && Math.hypot(seen.x - x, seen.y - y) <= (event.pointerType === "touch" ? GRIP.touch : GRIP.mouse);
  }

  /** @param {PointerEvent} event */
  function down(event) {
    hide();
    if (!isOn() || event.button > 0 || event.shiftKey) return;
    if (crosshair) finger = placeOf(event);
    else if (isOnMarker(event)) [grip, isMoved] = [true, false];
    else return;
    canvas.setPointerCapture(event.pointerId);
    // The cloud does not turn meanwhile.
    event.stopImmediatePropagation();
  }
  /** @param {PointerEvent} event */
  function move(event) {
    if (!isOn()) return;
    const { x, y } = placeOf(event);
    if (grip) {
      event.stopImmediatePropagation();
      const found = under(x, y);
      if (found) onTake(found.place, !isMoved);
      isMoved ||= found !== null;
      return;
    }
    if (finger && crosshair) {
      event.stopImmediatePropagation();
      moveCross(x - finger.x, y - finger.y);
      finger = { x, y };
      return;
    }
    canvas.classList.toggle("over-marker", !crosshair && isOnMarker(event));
    if (event.buttons || crosshair || !address.state.look || event.pointerType === "touch") return;
    void show(x, y, under(x, y));
  }
  /** @param {PointerEvent} event */
  function up(event) {
    if (!grip && !finger) return;
    event.stopImmediatePropagation();
    [grip, finger] = [false, null];
  }

  function enter() {
    const at = marker();
    const { matrix, width, height } = cloud.view();
    const seen = at && project(matrix, at[0], at[1], at[2], width, height);
    const isSeen = seen && seen.x > 0 && seen.y > 0 && seen.x < width && seen.y < height;
    crosshair = isSeen ? { x: seen.x, y: seen.y } : { x: width / 2, y: height / 2 };
    canvas.focus();
    paintCross();
    announcer.say(() => "Crosshair. Arrow keys move it, Enter takes the place, Escape leaves.");
  }
  function leave() {
    if (crosshair) hide();
    crosshair = null;
    paintCross();
  }
  /** @param {number} dx @param {number} dy */
  function moveCross(dx, dy) {
    if (!crosshair) return;
    const { clientWidth: width, clientHeight: height } = canvas;
    crosshair = { x: Math.min(width, Math.max(0, crosshair.x + dx)), y: Math.min(height, Math.max(0, crosshair.y + dy)) };
    paintCross();
  }
  function paintCross() {
    crossButton.setAttribute("aria-pressed", String(crosshair !== null));
    for (const part of [cross, hint, take]) part.hidden = !crosshair;
    if (!crosshair) return;
    const { x, y } = crosshair;
    cross.style.transform = `translate(${x}px, ${y}px)`;
    const found = under(x, y);
    take.disabled = !found;
    void show(x, y, found);
    announcer.say(() => (found ? `${nearness(found.pixels) === 1 ? "At" : "Near"} ${assets.hasLabels ? classes.titleOf(assets.labels[found.index]) : `reference ${found.index}`}.` : "No point is near."));
  }
  function takeCross() {
    const found = crosshair && under(crosshair.x, crosshair.y);
    if (!found) return;
    leave();
    canvas.focus();
    onTake(found.place, true);
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (!isOn() || !isForPage(event)) return;
    const way = arrowOf(event);
    if (event.key.toLowerCase() === "c" && !event.shiftKey) {
      if (crosshair) leave();
      else enter();
    } else if (!crosshair || event.target !== canvas) return;
    else if (event.key === "Escape") leave();
    else if (event.key === "Enter") takeCross();
    else if (way) {
      const step = event.shiftKey ? 1 : STEP;
      moveCross(way[0] * step, way[1] * step);
    } else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  // Before the controls of the cloud, which turn it.
  canvas.addEventListener("pointerdown", down, { capture: true });
  canvas.addEventListener("pointermove", move, { capture: true });
  canvas.addEventListener("pointerup", up, { capture: true });
  canvas.addEventListener("pointercancel", up, { capture: true });
  canvas.addEventListener("pointerleave", hide);
  canvas.addEventListener("wheel", () => (crosshair ? undefined : hide()), { passive: true });
  addEventListener("keydown", key, { capture: true });
  return { update, leave };
}
