/**
 * The training of the run as a film on the stage.
 *
 *   const film = filmMode({stage, shell, address, client, points, chosen, onMove});
 *   film.node                    a section for the side bar, hidden until there is a film
 *   film.find()                  asks whether there is one, and opens it where the address says so
 *   film.follow(state)           after back or forward
 *   film.refresh()               another point is chosen, or more thumbnails have come
 *
 * chosen(): the pinned row, or -1. onMove(): points are elsewhere. While it is shown all points are where they were at
 * its epoch: the cloud's trails begin with the viewer's own layout, and go from the last checkpoint back to the first.
 */

import { asPageError } from "../errors.js";
import { imageOf } from "../film.js";
import { startFlowPlayer } from "../playground/flow_player.js";
import { placeOf, valueAt } from "../stops.js";
import { element } from "../ui/element.js";
import { pointName } from "./describe.js";
import { filmPanel } from "./film_panel.js";

/** @typedef {import("../film.js").Film} Film */

/**
 * @param {{stage: import("../stage.js").Stage, shell: import("../shell.js").Shell, address: import("./view.js").Address,
 *   client: import("../client.js").Client, points: import("../assets.js").LatentPoints, chosen: () => number,
 *   onMove: () => void}} parts
 */
export function filmMode({ stage, shell, address, client, points, chosen, onMove }) {
  const { cloud } = stage;
  /** @type {Film | null} */
  let film = null;
  /** @type {ReturnType<typeof filmPanel> | null} */
  let panel = null;
  let url = "";
  let isOpen = false;
  let frame = 0;

  const button = element("button", { type: "button", onclick: () => (isOpen ? close() : step(null)) }, "Show the training");
  const trouble = element("p", { class: "note", role: "status" });
  const node = element(
    "section",
    { "aria-label": "Film of the training", hidden: true },
    element("div", { class: "section-head" }, element("h2", {}, "Training"), button),
    element("p", { class: "note muted" }, "The same points at each checkpoint that was kept."),
    trouble,
  );
  const player = startFlowPlayer({ get: () => frame, set: setFrame, onChange: () => show() });

  /** Opens it at an epoch, null for the last. @param {number | null} epoch */
  function step(epoch) {
    address.step({ epoch: epoch ?? 1e6 });
    void open();
  }
  async function open() {
    try {
      film ??= await client.loadFilm({ url });
    } catch (error) {
      const { message, next } = asPageError(error);
      trouble.textContent = `${message} ${next.replaceAll("NAME", points.about.experiment || "NAME")}`;
      return;
    }
    const { epoch } = address.state;
    if (!film || epoch === null) return;
    if (!panel) {
      panel = filmPanel(film, points, { onEpoch: (next) => (player.stop(), setFrame(placeOf(epochs(), next))), onPlay: play, onClose: close });
      cloud.setTrails([points.points, ...[...film.places].reverse()]);
    }
    if (!isOpen) shell.side.before(panel.node);
    isOpen = true;
    button.textContent = "Close the film";
    setFrame(placeOf(film.epochs, epoch));
  }
  const epochs = () => film?.epochs ?? [];

  function play() {
    if (player.isPlaying) return player.stop();
    if (frame >= epochs().length - 1) setFrame(0);
    player.to(epochs().length - 1);
  }
  function close() {
    player.stop();
    address.step({ epoch: null });
    leave();
    button.focus();
  }
  function leave() {
    player.stop();
    if (!isOpen) return;
    isOpen = false;
    panel?.node.remove();
    button.textContent = "Show the training";
    cloud.setFlow(0);
    onMove();
  }
  /** @param {number} next */
  function setFrame(next) {
    frame = next;
    address.change({ epoch: valueAt(epochs(), frame) });
    cloud.setFlow(epochs().length - frame);
    onMove();
    show();
  }
  function show() {
    if (!film || !panel || !isOpen) return;
    panel.show({ frame, isPlaying: player.isPlaying });
    const found = imageOf(film, points.points, chosen());
    if (!found) return;
    const name = pointName(points, found.row);
    panel.showImage(found.index, found.row, found.isOwn ? name : `${name}, nearest to the chosen of those kept`, frame);
  }
  return {
    node,
    async find() {
      url = (await client.findFilm({ url: address.state.film })) ?? "";
      node.hidden = !url;
      if (url && address.state.epoch !== null) await open();
    },
    /** @param {import("../state.js").ViewerState} state */
    follow({ epoch }) {
      if (epoch === null) leave();
      else if (url) void open();
    },
    refresh: show,
  };
}
