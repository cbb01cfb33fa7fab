// The page's state, kept in the URL's hash: links can be shared, and Back undoes.

const DEFAULTS = { history: [], deny: [], k: 10, category: "", excludeSeen: true, newShare: 0, open: null };
const listeners = [];
export let state = parse(location.hash);

function parse(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const within = (name, low, high, fallback) => {
    const value = Number(given.get(name));
    return given.has(name) && value >= low && value <= high ? value : fallback;
  };
  return {
    history: given.getAll("h"),
    deny: given.getAll("deny"),
    k: Math.round(within("k", 1, 1000, DEFAULTS.k)),
    category: given.get("category") ?? "",
    excludeSeen: given.get("seen") !== "1",
    newShare: within("new", 0, 1, 0),
    open: given.get("open"),
  };
}

function written({ history, deny, k, category, excludeSeen, newShare, open }) {
  const given = new URLSearchParams();
  history.forEach((token) => given.append("h", token));
  deny.forEach((token) => given.append("deny", token));
  if (k !== DEFAULTS.k) given.set("k", k);
  if (category) given.set("category", category);
  if (!excludeSeen) given.set("seen", "1");
  if (newShare) given.set("new", newShare);
  if (open !== null) given.set("open", open);
  return `#${given}`;
}

/** Change the state; `replace` adds no history entry. */
export function change(changes, { replace = false } = {}) {
  const before = state;
  state = { ...state, ...changes };
  const hash = written(state);
  if (hash === written(before)) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
  tell(before);
}

export const watch = (listener) => listeners.push(listener);

function tell(before) {
  listeners.forEach((listener) => listener(state, before));
}

addEventListener("popstate", () => {
  const before = state;
  state = parse(location.hash);
  tell(before);
});
