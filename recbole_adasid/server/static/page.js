// The page at `/`: history and filters on one side, recommendations on the other.

import { about } from "./api.js";
import { combobox } from "./combobox.js";
import { byId, counted, make } from "./dom.js";
import { showFilters } from "./filters.js";
import { append, showHistory } from "./history.js";
import { showResults } from "./results.js";
import { watch } from "./state.js";

/** Highlight codes with the same prefix as the one under the pointer. */
function markAlike() {
  const unmark = () => document.querySelectorAll(".chip.alike").forEach((one) => one.classList.remove("alike"));
  document.addEventListener("pointerover", (event) => {
    unmark();
    const prefix = event.target.closest?.(".chip")?.dataset.prefix;
    if (prefix) document.querySelectorAll(`.chip[data-prefix="${CSS.escape(prefix)}"]`).forEach((one) => one.classList.add("alike"));
  });
}

/** The facts that may change while the page is open: the number of items, and whether any were added. */
function showItems({ model, dataset, items, added_items: added }) {
  byId("facts").textContent = [dataset, model, counted(items, "item")].filter(Boolean).join(" · ");
  byId("share-field").hidden = !added;
}

async function start() {
  byId("skip").addEventListener("click", () => byId("results-heading").focus());
  if (matchMedia("(max-width: 52rem)").matches) byId("filters").open = false;
  markAlike();
  combobox(append);
  let facts;
  try {
    facts = await about();
  } catch (error) {
    byId("results").replaceChildren(make("div", { className: "message failure", role: "alert" }, make("p", {}, error.message)));
    return;
  }
  const { model, settings, limits } = facts;
  showItems(facts);
  watch(() => about().then(showItems).catch(() => {})); // others may add and remove items
  showFilters(limits.max_k);
  showHistory(settings.MAX_ITEM_LIST_LENGTH ?? Infinity);
  const generative = model === "TIGER" || (settings.retrieval ?? "generative") === "generative";
  showResults({ generative, suffix: settings.collision === "suffix" }, limits.max_k);
}

start();
