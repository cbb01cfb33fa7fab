// An input with a list of matches (the ARIA pattern "editable combobox with list autocomplete").

import { findItems } from "./api.js";
import { byId, chips, counted, foreign, make, nameOf, number, say } from "./dom.js";

const SHOWN = 8, WAIT_MS = 120;

/** Let the user search for an item; `choose` is called with the chosen one. */
export function combobox(choose) {
  const input = byId("search"), popup = byId("popup"), list = byId("matches"), note = byId("matches-note");
  let found = [], active = -1, timer = 0, asked = null;
  let stale = false, entered = false; // matches belong to an earlier text; Enter was pressed meanwhile

  function close() {
    clearTimeout(timer);
    asked?.abort();
    popup.hidden = true;
    [found, active, stale, entered] = [[], -1, false, false];
    list.replaceChildren();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function activate(index) {
    active = found.length ? (index + found.length) % found.length : -1;
    [...list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === active)));
    if (active < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", `match-${active}`);
    list.children[active].scrollIntoView({ block: "nearest" });
  }

  function show({ items, total }, query) {
    [found, stale] = [items, false];
    if (entered && items.length) return take(0);
    entered = false;
    list.replaceChildren(...items.map((item, at) => row(item, at, query)));
    list.hidden = !items.length;
    note.textContent = items.length ? `${number(total - items.length)} more: keep typing` : "No matches";
    note.hidden = total > 0 && total <= items.length;
    popup.hidden = false;
    input.setAttribute("aria-expanded", String(items.length > 0));
    activate(0);
    say(items.length ? counted(total, "match", "matches") : "No matches");
  }

  async function search() {
    const query = input.value.trim();
    asked?.abort();
    if (!query) return close();
    asked = new AbortController();
    try {
      show(await findItems(query, SHOWN, asked.signal), query);
    } catch (error) {
      if (error.name === "AbortError") return;
      show({ items: [], total: 0 }, query);
      note.textContent = error.message;
      say(error.message);
    }
  }

  function take(index) {
    const item = found[index];
    input.value = "";
    close();
    choose(item);
  }

  function row(item, at, query) {
    const option = make(
      "li", { id: `match-${at}`, role: "option", aria: { selected: "false" } },
      make("span", { className: "name" }, marked(nameOf(item), query), item.added ? make("span", { className: "badge" }, "new") : null),
      make("span", { className: "aside" }, foreign(item.category || (item.title ? item.item : ""))),
      chips(item.semantic_id),
    );
    option.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus
    option.addEventListener("click", () => take(at));
    option.addEventListener("pointermove", () => { if (active !== at) activate(at); });
    return option;
  }

  input.addEventListener("input", () => {
    stale = true;
    clearTimeout(timer);
    timer = setTimeout(search, WAIT_MS);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (popup.hidden) search();
      else activate(active + step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (stale) entered = true; // the first match is taken as soon as it is known
      else if (active >= 0) take(active);
    } else if (event.key === "Escape") {
      if (popup.hidden) input.value = "";
      close();
    }
  });
}

/** A name with the word prefixes marked that match the query. */
function marked(name, query) {
  const wanted = query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const parts = name.split(/([\p{L}\p{N}]+)/u).flatMap((part) => {
    const hit = wanted.find((word) => part.toLowerCase().startsWith(word));
    return hit ? [make("mark", {}, part.slice(0, hit.length)), part.slice(hit.length)] : [part];
  });
  return make("bdi", {}, ...parts);
}
