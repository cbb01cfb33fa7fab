"use strict";
(() => {
  const FOUND_AT_MOST = 40, GROUPS_AT_ONCE = 12, CODES_AT_ONCE = 12;
  const SVG = "http://www.w3.org/2000/svg";
  const number = (value) => value.toLocaleString("en", Number.isInteger(value) ? {} : { maximumSignificantDigits: 5 });

  /** Make an element; strings become text nodes, so that no title is ever parsed as HTML. */
  function make(name, properties = {}, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children.filter((child) => child !== null));
    return element;
  }
  const title = (text, className = "title") => make("bdi", { className }, text);

  function read(id) {
    const element = document.getElementById(id);
    return element && JSON.parse(element.textContent);
  }

  /* --- charts: the values at the pointer, or at a point chosen with the arrow keys --- */

  function chart(figure) {
    const { box, low, high, label, x, lines } = JSON.parse(figure.dataset.chart);
    const plot = figure.querySelector(".plot"), svg = plot.querySelector("svg"), reading = plot.querySelector(".reading");
    const cross = document.createElementNS(SVG, "line");
    let at = -1;
    const place = (value) => box[0] + ((value - low) / (high - low)) * (box[2] - box[0]);

    function show(index) {
      at = Math.max(0, Math.min(x.length - 1, index));
      const left = place(x[at]);
      for (const [name, value] of [["class", "cross"], ["x1", left], ["x2", left], ["y1", box[1]], ["y2", box[3]]]) {
        cross.setAttribute(name, value);
      }
      svg.append(cross);
      const values = lines.filter(([, line]) => line[at] !== null);
      reading.replaceChildren(
        make("div", {}, `${label} ${number(x[at])}`),
        ...values.map(([name, line]) => make("div", {}, `${name} ${number(line[at])}`)),
      );
      reading.hidden = false;
      const width = plot.clientWidth, wanted = (left / svg.viewBox.baseVal.width) * width + 10;
      const fits = wanted + reading.offsetWidth <= width;
      reading.style.left = `${Math.max(0, fits ? wanted : wanted - 20 - reading.offsetWidth)}px`;
    }
    function hide() {
      cross.remove();
      reading.hidden = true;
      at = -1;
    }
    function nearest(event) {
      const frame = svg.getBoundingClientRect();
      const inside = ((event.clientX - frame.left) / frame.width) * svg.viewBox.baseVal.width;
      return x.reduce((best, value, i) => (Math.abs(place(value) - inside) < Math.abs(place(x[best]) - inside) ? i : best), 0);
    }
    plot.addEventListener("pointermove", (event) => show(nearest(event)));
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) {
        event.preventDefault();
        show(at < 0 ? (step > 0 ? 0 : x.length - 1) : at + step);
      } else if (event.key === "Escape") {
        hide();
      }
    });
  }

  /* --- long lists, some rows at a time --- */

  /** Show the first rows and let the button show more; return a function that shows rows up to a number. */
  function paged(list, button, rows, atOnce, makeRow) {
    function showUpTo(end) {
      list.append(...rows.slice(list.childElementCount, end).map(makeRow));
      const left = rows.length - list.childElementCount;
      button.hidden = left === 0;
      button.textContent = `Show ${number(Math.min(left, atOnce))} more of ${number(left)}`;
    }
    button.addEventListener("click", () => {
      const before = list.childElementCount;
      showUpTo(before + atOnce);
      const row = list.children[before];
      (row.querySelector("summary") ?? Object.assign(row, { tabIndex: -1 })).focus();
    });
    showUpTo(atOnce);
    return showUpTo;
  }

  /* --- the prefix tree: built as it is opened --- */

  const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

  function itemRow([text, sid]) {
    return make("li", {}, title(text), " ", make("code", { className: "aside" }, sid));
  }

  function hiddenRow([nodes, items]) {
    const what = nodes ? `${counted(nodes, "code")} with ${counted(items, "item")}` : counted(items, "item");
    return make("li", { className: "note" }, `… and ${what} not on this page`);
  }

  function fill(list, node, names) {
    list.replaceChildren(
      ...(node.b || []).map((child) => nodeRow(child, names)),
      ...(node.i || []).map(itemRow),
      ...(node.h ? [hiddenRow(node.h)] : []),
    );
  }

  function nodeRow(node, names) {
    const below = make("ul");
    const summary = make(
      "summary",
      {},
      make("span", { className: "code" }, String(node.c)),
      make("span", { className: "count" }, counted(node.n, "item")),
      node.k === undefined ? null : make("span", { className: "typical" }, title(names[node.k][0], ""), ` ${node.s}%`, make("span", { className: "count" }, ` (${names[node.k][1]}% overall)`)),
      node.e ? make("span", { className: "examples" }, ...node.e.flatMap((text, i) => [i ? " · " : "", title(text, "")])) : null,
    );
    const details = make("details", {}, summary, below);
    details.openNode = () => {
      if (!below.childElementCount) fill(below, node, names);
      details.open = true;
    };
    details.addEventListener("toggle", () => details.open && details.openNode());
    const row = make("li", {}, details);
    row.dataset.code = node.c;
    return row;
  }

  function* listedItems(nodes, path = []) {
    for (const node of nodes) {
      const here = [...path, node.c];
      yield* listedItems(node.b || [], here);
      for (const item of node.i || []) yield { item, path: here };
    }
  }

  function openPath(list, { item, path }) {
    let within = list;
    for (const code of path) {
      const row = [...within.children].find((child) => child.dataset.code === String(code));
      const details = row.firstElementChild;
      details.openNode();
      within = details.lastElementChild;
    }
    const row = [...within.children].find((child) => child.textContent === `${item[0]} ${item[1]}`);
    document.querySelectorAll(".here").forEach((one) => one.classList.remove("here"));
    row.classList.add("here");
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "center" });
  }

  function tree() {
    const data = read("tree-data");
    if (!data) return;
    const list = document.getElementById("tree-list"), found = document.getElementById("tree-found");
    const showMore = paged(list, document.getElementById("tree-more"), data.nodes, CODES_AT_ONCE, (node) => nodeRow(node, data.names));
    const everything = [...listedItems(data.nodes)];
    function reveal(hit) {
      showMore(1 + data.nodes.findIndex((node) => node.c === hit.path[0]));
      openPath(list, hit);
    }
    const search = document.getElementById("tree-search");
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      const hits = wanted ? everything.filter(({ item }) => item[0].toLowerCase().includes(wanted)) : [];
      found.hidden = !wanted;
      found.replaceChildren(
        make("li", { className: "note" }, counted(hits.length, "listed title"), hits.length > FOUND_AT_MOST ? `, the first ${FOUND_AT_MOST}:` : ""),
        ...hits.slice(0, FOUND_AT_MOST).map((hit) =>
          make("li", {}, make("button", { type: "button", className: "link", onclick: () => reveal(hit) }, title(hit.item[0], "")), " ", make("code", { className: "aside" }, hit.item[1])),
        ),
      );
    });
  }

  /* --- collision groups: some at a time --- */

  function groupRow({ s, n, t }) {
    const rest = n - t.length;
    return make(
      "li",
      {},
      make("code", {}, s),
      " ",
      make("span", { className: "count" }, counted(n, "item")),
      make("ul", {}, ...t.map((text) => make("li", {}, title(text, ""))), rest ? make("li", { className: "note" }, `… and ${counted(rest, "item")} more`) : null),
    );
  }

  function groups() {
    const data = read("groups-data");
    if (!data) return;
    paged(document.getElementById("groups-list"), document.getElementById("groups-more"), data.shown, GROUPS_AT_ONCE, groupRow);
  }

  document.querySelectorAll("[data-chart]").forEach(chart);
  tree();
  groups();
})();
