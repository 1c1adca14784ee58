/**
 * The image of a point, as soon as its thumbnail is there.
 *
 *   const picture = pointPicture(points, label);   null when the file has no thumbnails
 *   picture.node                                   a canvas
 *   picture.show(row)                              draws it with the next frame, or when it comes in
 *   picture.refresh()                              more thumbnails have come in
 */

import { clearImage, imageCanvas, paintImage } from "./bitmap.js";

/** @param {{thumbnails: import("../assets.js").Thumbnails | null}} points of a file @param {string} label */
export function pointPicture({ thumbnails }, label) {
  if (!thumbnails) return null;
  const { shape } = thumbnails;
  const size = shape[0] * shape[1] * shape[2];
  const node = imageCanvas(shape, label);
  let wanted = -1;
  let painted = -1;

  function refresh() {
    if (wanted < 0 || wanted === painted || !thumbnails) return;
    const isThere = wanted < thumbnails.loaded;
    if (isThere) paintImage(node, thumbnails.data.subarray(wanted * size, (wanted + 1) * size), shape);
    else clearImage(node);
    painted = isThere ? wanted : -1;
  }
  return {
    node,
    refresh,
    /** @param {number} row */
    show(row) {
      wanted = row;
      refresh();
    },
  };
}
