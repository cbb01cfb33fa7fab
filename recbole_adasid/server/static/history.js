// The history: removable items, oldest first.

import { itemOf } from "./api.js";
import { byId, foreign, iconButton, make, nameOf, say } from "./dom.js";
import { change, state, watch } from "./state.js";

/** Show the history; the model only reads the last `read` items. */
export function showHistory(read) {
  const list = byId("history");

  async function render() {
    const shown = state.history;
    const items = await Promise.all(shown.map((token) => itemOf(token).catch(() => ({ item: token, title: "", category: "", semantic_id: [] }))));
    if (shown !== state.history) return; // changed meanwhile
    const last = items.map((_, at) => items.slice(at).filter((item) => !item.missing).length); // 1 for the last known item
    list.replaceChildren(...items.map((item, at) => row(item, at, item.missing || last[at] > read)));
    byId("clear").hidden = !shown.length;
    byId("history-note").textContent = last[0] > read ? `The model only reads the last ${read} items.` : "";
  }

  function row(item, at, unread) {
    const remove = iconButton("remove", `Remove ${nameOf(item)}`, () => removeAt(at, nameOf(item)));
    return make(
      "li", { className: unread ? "unread" : "" },
      make("span", { className: "name" }, foreign(nameOf(item))),
      make("span", { className: "aside" }, foreign(aside(item))),
      remove,
    );
  }

  function aside(item) {
    if (item.missing) return "not in the catalogue";
    return item.removed ? "removed from the catalogue" : item.category;
  }

  function removeAt(at, name) {
    change({ history: state.history.filter((_, other) => other !== at) });
    say(`Removed ${name}`);
    afterRender(() => (list.querySelectorAll(".remove")[Math.min(at, state.history.length - 1)] ?? byId("search")).focus());
  }

  let then = null;
  function afterRender(action) { then = action; }
  async function update() {
    await render();
    then?.();
    then = null;
  }

  byId("clear").addEventListener("click", () => {
    change({ history: [] });
    say("History cleared");
    byId("search").focus();
  });
  watch((now, before) => { if (now.history !== before.history) update(); });
  return update();
}

/** Append an item to the history. */
export function append(item) {
  change({ history: [...state.history, item.item] });
  say(`Added ${nameOf(item)}`);
}
