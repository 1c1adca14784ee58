/** Sorts the runs of each data set by the measure that the reader chooses. */

const select = /** @type {HTMLSelectElement | null} */ (document.querySelector("#sort"));

/** @param {HTMLElement} card @param {string} title @returns {number} */
function valueOf(card, title) {
  for (const row of /** @type {NodeListOf<HTMLElement>} */ (card.querySelectorAll("dl > div[data-value]"))) {
    if (row.dataset.title === title) return Number(row.dataset.value) * (row.dataset.better === "lower" ? -1 : 1);
  }
  return -Infinity;
}

function sort() {
  const title = select?.value ?? "";
  for (const group of document.querySelectorAll(".runs")) {
    const cards = /** @type {HTMLElement[]} */ ([...group.querySelectorAll(":scope > article")]);
    const first = (/** @type {HTMLElement} */ card) => Number(card.dataset.place);
    cards.sort((a, b) => (title ? valueOf(b, title) - valueOf(a, title) || first(a) - first(b) : first(a) - first(b)));
    group.append(...cards);
  }
}

if (select) {
  select.closest("label")?.removeAttribute("hidden");
  select.addEventListener("change", sort);
  sort();
}
