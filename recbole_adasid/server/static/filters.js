// Filters: category, number of items, excluded items, and the share for new items.

import { allCategories, itemOf } from "./api.js";
import { byId, foreign, iconButton, make, nameOf, percent } from "./dom.js";
import { change, state, watch } from "./state.js";

/** Show the filters; `most` is the number of items that the server recommends at most. */
export function showFilters(most) {
  const category = byId("category"), k = byId("k"), seen = byId("exclude-seen"), share = byId("share");
  k.max = String(most);
  byId("filter-form").addEventListener("submit", (event) => event.preventDefault());
  category.addEventListener("change", () => change({ category: category.value.trim() }));
  k.addEventListener("change", () => {
    if (k.value && k.checkValidity()) change({ k: Number(k.value) });
    else k.reportValidity();
  });
  seen.addEventListener("change", () => change({ excludeSeen: seen.checked }));
  share.addEventListener("input", () => { byId("share-shown").textContent = percent(share.value / 100); });
  share.addEventListener("change", () => change({ newShare: share.value / 100 }));
  allCategories()
    .then((found) => byId("categories").replaceChildren(...found.map(([value]) => make("option", { value }))))
    .catch(() => {}); // suggestions only

  async function showHidden() {
    const shown = state.deny;
    byId("hidden-items").hidden = !shown.length;
    const items = await Promise.all(shown.map((token) => itemOf(token).catch(() => ({ item: token }))));
    if (shown === state.deny) byId("hidden").replaceChildren(...items.map(tag));
  }

  function tag(item) {
    const back = iconButton("remove", `Show ${nameOf(item)} again`, () => {
      change({ deny: state.deny.filter((token) => token !== item.item) });
      (byId("hidden").querySelector("button") ?? byId("filters").querySelector("summary")).focus();
    });
    return make("li", {}, foreign(nameOf(item)), back);
  }

  function render() {
    category.value = state.category;
    k.value = String(Math.min(state.k, most));
    seen.checked = state.excludeSeen;
    share.value = String(100 * state.newShare);
    byId("share-shown").textContent = percent(state.newShare);
    showHidden();
  }
  watch(render);
  render();
}
