// DOM helpers. Texts become text nodes: no title is ever parsed as HTML.

export const byId = (id) => document.getElementById(id);

/** Make an element with properties (`data`, `aria` and `role` are attributes) and children; null is skipped. */
export function make(name, { data = {}, aria = {}, role = null, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  Object.assign(element.dataset, data);
  if (role) element.setAttribute("role", role);
  for (const [key, value] of Object.entries(aria)) element.setAttribute(`aria-${key}`, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A text from the catalogue, with its own text direction. */
export const foreign = (text, className = "") => make("bdi", { className }, text);

export const nameOf = ({ item, title }) => title || item;

export const number = (value) => value.toLocaleString("en");

export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** A share as a percentage. */
export function percent(share) {
  const value = 100 * share;
  if (value > 99 && value < 100) return ">\u00a099%";
  if (value > 0 && value < 0.01) return "<\u00a00.01%";
  return `${value.toFixed(value >= 10 || value === 0 ? 0 : value >= 1 ? 1 : 2)}%`;
}

/** A number with two decimals and a real minus sign. */
export const decimal = (value) => value.toFixed(2).replace("-", "−");

const ORDINALS = { one: "st", two: "nd", few: "rd", other: "th" };
const rules = new Intl.PluralRules("en", { type: "ordinal" });
export const ordinal = (value) => `${number(value)}${ORDINALS[rules.select(value)]}`;

const SVG = "http://www.w3.org/2000/svg";
const ICONS = { add: "M8 3v10M3 8h10", remove: "M4 4l8 8M12 4l-8 8", hide: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M4.2 4.2l7.6 7.6" };

/** An icon button; the label is its accessible name and tooltip. */
export function iconButton(kind, label, action) {
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[kind]);
  svg.append(path);
  const button = make("button", { type: "button", className: `icon ${kind}`, title: label, aria: { label } }, svg);
  button.addEventListener("click", action);
  return button;
}

let said = 0;
/** Announce something to screen readers; the latest wins. */
export function say(text) {
  clearTimeout(said);
  said = setTimeout(() => { byId("live").textContent = text; }, 150);
}

const GOLDEN_ANGLE = 137.508;
/** A Semantic ID as chips, coloured by its first code. */
export function chips(codes, className = "") {
  const sid = make("span", { className: `sid ${className}`, title: `Semantic ID ${codes.join("-")}` });
  codes.forEach((code, level) => sid.append(chip(codes.slice(0, level + 1))));
  return sid;
}

/** One code, the last of a prefix. */
export function chip(prefix, className = "") {
  const one = make("code", { className: `chip ${className}`, data: { prefix: prefix.join("-") } }, String(prefix.at(-1)));
  one.style.setProperty("--hue", String(Math.round((200 + prefix[0] * GOLDEN_ANGLE) % 360)));
  return one;
}
