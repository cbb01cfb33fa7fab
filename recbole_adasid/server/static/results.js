// The recommendations: one row each, which expands to the path through the tree.

import { recommend, findItems } from "./api.js";
import { byId, chips, counted, decimal, foreign, iconButton, make, nameOf, percent, say } from "./dom.js";
import { append } from "./history.js";
import { showPath } from "./path.js";
import { change, state, watch } from "./state.js";

const SUGGESTED = 5;
const GENERATIVE = "The model generates the next item's Semantic ID, code by code. Open a recommendation to see how sure it was at each step.";
const DENSE = "The model compares the history with every item. Open a recommendation to see its Semantic ID and what the codes mean.";

/** Show recommendations for the state, at most `most`, and update them when it changes; `scores` as in `showPath`. */
export function showResults(scores, most) {
  const { generative } = scores;
  const box = byId("results");
  let asked = null, focus = null;

  async function update() {
    asked?.abort();
    if (!state.history.length) return showStart();
    asked = new AbortController();
    const { signal } = asked;
    box.setAttribute("aria-busy", "true");
    try {
      const { recommendations } = await recommend(question(), signal);
      showRows(recommendations);
    } catch (error) {
      if (error.name === "AbortError") return;
      showFailure(error);
    }
    box.setAttribute("aria-busy", "false");
    const there = document.activeElement;
    if (there === document.body || box.contains(there)) focus?.(); // else the focus has moved elsewhere
    focus = null;
  }

  function question() {
    const { history, k, deny, category, excludeSeen, newShare } = state;
    return { history, k: Math.min(k, most), deny, category: category || null, exclude_seen: excludeSeen, new_share: newShare };
  }

  async function showStart() {
    box.setAttribute("aria-busy", "false");
    byId("results-note").textContent = "";
    const suggestions = make("ul", { className: "tags" });
    box.replaceChildren(make(
      "div", { className: "message start" },
      make("p", { className: "lead" }, "Add something you know, and see what comes next."),
      make("p", {}, generative ? GENERATIVE : DENSE),
      suggestions,
    ));
    const { items } = await findItems("", SUGGESTED).catch(() => ({ items: [] }));
    suggestions.replaceChildren(...items.map((item) => {
      const add = make("button", { type: "button", className: "tag" }, "+ ", foreign(nameOf(item)));
      add.addEventListener("click", () => { append(item); focus = () => byId("results-heading").focus(); });
      return make("li", {}, add);
    }));
  }

  function showFailure(error) {
    const again = error.again ? make("button", { type: "button" }, "Try again") : null;
    again?.addEventListener("click", update);
    byId("results-note").textContent = "";
    box.replaceChildren(make("div", { className: "message failure", role: "alert" }, make("p", {}, error.message), again));
  }

  function showRows(items) {
    byId("results-note").textContent = items.length ? `after ${counted(state.history.length, "item")}` : "";
    if (!items.length) {
      box.replaceChildren(make("p", { className: "message" }, "Nothing left to recommend. Try loosening the filters."));
      return say("Nothing left to recommend");
    }
    const best = Math.exp(Math.max(...items.map((item) => item.score))); // new items may rank before better-scored ones
    box.replaceChildren(
      make("div", { className: "columns aside", aria: { hidden: "true" } }, make("span", {}, "Semantic ID"), make("span", {}, generative ? "Probability" : "Score")),
      make("ol", { className: "rows" }, ...items.map((item, at) => row(item, at, best))),
    );
    say(counted(items.length, "recommendation"));
  }

  function row(item, at, best) {
    const panel = make("div", { className: "panel", id: `path-${at}`, hidden: true });
    const title = make("button", { type: "button", className: "title", aria: { expanded: "false", controls: panel.id } }, foreign(nameOf(item)));
    title.addEventListener("click", () => change({ open: state.open === item.item ? null : item.item }, { replace: true }));
    const add = iconButton("add", `Add ${nameOf(item)} to the history`, () => { stay(at, ".add"); append(item); });
    const hide = iconButton("hide", `Never show ${nameOf(item)}`, () => {
      stay(at, ".hide");
      change({ deny: [...state.deny, item.item] });
      say(`${nameOf(item)} is now hidden`);
    });
    const one = make(
      "li", { data: { item: item.item } },
      make("div", { className: "row" }, make("span", { className: "what" }, title, make("span", { className: "aside" }, foreign(item.category))), chips(item.semantic_id), score(item.score, best), make("span", { className: "actions" }, add, hide)),
      panel,
    );
    one.unfold = () => {
      const open = state.open === item.item;
      if (open === !panel.hidden) return;
      title.setAttribute("aria-expanded", String(open));
      panel.hidden = !open;
      if (open) showPath(panel, item, state.history, scores);
    };
    one.unfold();
    return one;
  }

  function score(value, best) {
    if (!generative) return make("span", { className: "score" }, make("span", { className: "unseen" }, "score "), decimal(value));
    const share = Math.exp(value), bar = make("span", { className: "meter", aria: { hidden: "true" } });
    bar.style.setProperty("--share", `${(100 * share) / best}%`);
    return make("span", { className: "score", title: `log-probability ${decimal(value)}` }, make("span", { className: "unseen" }, "probability "), percent(share), bar);
  }

  /** Move the focus to the same control of the row that takes this one's place. */
  function stay(at, control) {
    focus = () => {
      const rows = box.querySelectorAll(".rows > li");
      (rows[Math.min(at, rows.length - 1)]?.querySelector(control) ?? byId("results-heading")).focus();
    };
  }

  watch((now, before) => {
    const same = { ...now, open: null }, earlier = { ...before, open: null };
    if (Object.keys(same).every((key) => same[key] === earlier[key])) box.querySelectorAll(".rows > li").forEach((one) => one.unfold());
    else update();
  });
  return update();
}
