// The path to an item through the prefix tree: the options at each step, the chosen one, and what its code means.

import { explain, meaning } from "./api.js";
import { chip, counted, decimal, foreign, make, nameOf, number, ordinal, percent } from "./dom.js";

const SURE = 0.5, LEANING = 0.2;

/**
 * Fill a panel with the path to a recommended item after a history.
 * `generative`: the item's score is the path's; `suffix`: the last code only tells items with the same codes apart.
 */
export async function showPath(panel, item, history, { generative, suffix }) {
  panel.setAttribute("aria-busy", "true");
  panel.replaceChildren(make("p", { className: "aside" }, "…"));
  try {
    const found = await explain(history, item.item);
    const path = found.path.length ? found.path : item.semantic_id.map((token, level) => ({ level, token }));
    const steps = shown(path).map((level) => step(path, level, suffix && level === path.length - 1));
    panel.replaceChildren(
      make("p", { className: "summary" }, summary(found, generative)),
      make("ol", { className: "path" }, ...steps.map(({ element }) => element), rest(path, steps.length)),
      make("p", { className: "caption" }, ...caption(found)),
    );
    await Promise.all(steps.map(({ explained }) => explained()));
  } catch (error) {
    panel.replaceChildren(make("p", { className: "failure", role: "alert" }, error.message));
  }
  panel.removeAttribute("aria-busy");
}

/** The levels up to the first with a single item left. */
function shown(path) {
  const alone = path.findIndex((one) => one.prefix_items === 1);
  return path.slice(0, alone < 0 ? path.length : alone + 1).map((one) => one.level);
}

/** One row for all codes after that. */
function rest(path, from) {
  if (from === path.length) return null;
  const codes = path.slice(from).map((one) => chip(path.slice(0, one.level + 1).map(({ token }) => token), "large"));
  return make("li", { className: "rest" }, make("span", { className: "stack" }, ...codes), make("p", { className: "sure" }, "No choice: only one item is left."));
}

function summary({ path, log_probability: total, note }, generative) {
  if (!path.length) return note;
  const hardest = path.reduce((worst, one) => (one.probability < worst.probability ? one : worst));
  const scored = Math.exp(total), shown = path.reduce((found, one) => found * one.probability, 1);
  const [all, allowed] = [scored, shown].map(percent);
  const why = scored < shown ? "minus what the model gave to codes that lead to no item" : "leaving out the share of items added after training";
  const product = `Probability ${all}: the product of the steps${all === allowed ? "" : ` (${allowed}), ${why}`}.`;
  const where = path.length > 1 && hardest.probability < SURE ? `The model was least sure of the ${ordinal(hardest.level + 1)} code.` : "";
  return [generative ? "" : note, product, where].filter(Boolean).join(" ");
}

function caption({ item, path, log_probability: total }) {
  const name = ["Item ", foreign(item)];
  if (!path.length) return name;
  return [...name, ` · log-probability ${decimal(total)} · each bar shows all codes that the tree allows, with this item's in colour`];
}

/** One step: its element, and a function that adds what the code means. */
function step(path, level, isSuffix) {
  const { probability, history_items: seen } = path[level];
  const prefix = path.slice(0, level + 1).map((one) => one.token);
  const means = make("div", { className: "means" }), instead = make("div", { className: "instead" });
  const element = make(
    "li", {},
    chip(prefix, "large"),
    make(
      "div", { className: "step" },
      probability === undefined ? null : choice(path[level], isSuffix),
      means,
      seen ? make("p", { className: "aside" }, `${counted(seen, "history item")} ${seen === 1 ? "begins" : "begin"} with this.`) : null,
      instead,
    ),
  );
  return { element, explained: () => tellMeaning(path[level], prefix, means, instead) };
}

/** How sure the model was: in words, as a number, and as a bar of all options with the chosen one in colour. */
function choice({ token, probability, rank, n_options: n, options }, isSuffix) {
  if (n === 1) return make("p", { className: "sure" }, "No choice: only one code is possible here.");
  const words = probability >= SURE ? "sure" : probability >= LEANING ? "leaning" : "unsure";
  const segments = options.map((option) => segment(option, option.token === token));
  if (!options.some((option) => option.token === token)) segments.push(segment({ token, probability }, true));
  const place = `${rank === 1 ? "most probable" : `${ordinal(rank)} most probable`} of ${number(n)} ${isSuffix ? "suffixes" : "codes"}`;
  return make(
    "div", {},
    make("p", { className: "sure" }, make("strong", {}, percent(probability)), make("span", { className: `word ${words}` }, words), make("span", { className: "place" }, place)),
    make("div", { className: "options", role: "img", aria: { label: `${percent(probability)} for code ${token}` } }, ...segments),
  );
}

function segment({ token, probability }, chosen) {
  const one = make("span", { className: chosen ? "chosen" : "", title: `code ${token}: ${percent(probability)}` });
  one.style.setProperty("--share", String(probability));
  return one;
}

async function tellMeaning({ rank, options }, prefix, means, instead) {
  means.replaceChildren(...described(await meaning(prefix.join(","))));
  if (!(rank > 1)) return;
  const other = [...prefix.slice(0, -1), options[0].token];
  instead.replaceChildren(
    make("p", { className: "aside" }, "More probable here: ", chip(other), ` ${percent(options[0].probability)}`),
    ...described(await meaning(other.join(","))),
  );
}

/** The number of items, their typical categories and words, and some titles; or the only item. */
function described({ items, words, categories, examples }) {
  const titles = make("p", { className: "examples" }, ...examples.slice(0, items === 1 ? 1 : 4).map((one) => foreign(nameOf(one))));
  if (items === 1) return [titles];
  const named = categories.filter(([, count]) => count > 1 && 5 * count >= items).slice(0, 3);
  const known = new Set(named.flatMap(([name]) => name.toLowerCase().match(/[^\W_](?:['’]?[^\W_])+/g) ?? []));
  const kinds = named.map(([name, count]) => make("span", {}, foreign(name), " ", make("span", { className: "aside" }, percent(count / items))));
  const typical = words.filter((word) => !known.has(word)).slice(0, 4).map((word) => make("q", {}, foreign(word)));
  return [make("p", { className: "kinds" }, make("span", { className: "aside" }, counted(items, "item")), ...kinds, ...typical), titles];
}
