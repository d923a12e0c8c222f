/** The filter box: an SQL expression, with columns, words and labels offered while it is typed. */

import { at, h, toggle } from "./dom.js";
import { column, count, quoted } from "./words.js";

const OFFERED = 8;
const WORDS = ["AND", "OR", "NOT", "IN (", "LIKE '%", "IS NULL", "BETWEEN "];

let known = [];
let chosen = -1;
let apply = () => {};

/** @param {(where: string) => void} act  is given each filter that is to hold */
export function makeFilter(act) {
  apply = act;
  const input = at("where");
  input.addEventListener("input", () => {
    chosen = -1;
    offer();
  });
  input.addEventListener("focus", offer);
  input.addEventListener("blur", () => {
    close();
    settle();
  });
  input.addEventListener("keydown", onKey);
  at("where-clear").addEventListener("click", () => {
    input.value = "";
    settle();
    input.focus();
  });
}

/** Offer what a filter of this collection may name. @param {object} stats */
export function fitFilter(stats) {
  known = offers(stats);
  const label = Object.keys(stats.labels)[0];
  at("where").placeholder = label ? `Filter: label = ${quoted(label)}` : "Filter: id > 100";
}

/** Show a filter that holds. @param {string} where */
export function showFilter(where) {
  const input = at("where");
  if (document.activeElement !== input || where === "") input.value = where;
  input.dataset.held = where;
  toggle(at("where-clear"), where !== "");
}

/** Show what is wrong with the filter, in its place; nothing where there is no text. */
export function filterError(text) {
  at("where").setAttribute("aria-invalid", String(text !== ""));
  at("where-error").textContent = text;
  toggle(at("where-error"), text !== "");
}

/** Labels as buttons: pressed for the label that the filter is. */
export function showLabels(stats, where, act) {
  const labels = Object.entries(stats.labels).slice(0, 14);
  const filters = labels.map(([label]) => `label = ${quoted(label)}`);
  at("labels").replaceChildren(
    ...labels.map(([label, n], i) => {
      const pressed = where === filters[i];
      return h(
        "button",
        {
          type: "button",
          class: "chip",
          "aria-pressed": String(pressed),
          on: { click: () => act(pressed ? "" : filters[i]) },
        },
        label,
        " ",
        h("small", {}, count(n)),
      );
    }),
  );
  toggle(at("labels"), labels.length > 1);
}

function offers(stats) {
  const columns = ["label", "id", "name", "path", "added", ...stats.metadata_keys];
  return [
    ...[...new Set(columns)].map((name) => ({
      text: `${column(name)} `,
      shown: name,
      kind: "column",
    })),
    ...Object.entries(stats.labels).map(([label, n]) => ({
      text: `${quoted(label)} `,
      shown: quoted(label),
      kind: count(n),
      label: true,
    })),
    ...WORDS.map((word) => ({
      text: /\W$/.test(word) ? word : `${word} `,
      shown: word,
      kind: "SQL",
    })),
  ];
}

/** The word that is being typed, up to the cursor; a quote begins a value. */
function typed() {
  const input = at("where");
  const before = input.value.slice(0, input.selectionStart);
  const open = before.split("'").length % 2 === 0;
  const from = open ? before.lastIndexOf("'") : before.length - /\w*$/.exec(before)[0].length;
  return { from, to: before.length, word: before.slice(from), before: before.slice(0, from) };
}

function fitting() {
  const { word, before } = typed();
  const wanted = word.replace(/^'/, "").toLowerCase();
  const valued = /(=|<>|!=|\bin\s*\(|,)\s*$/i.test(before);
  const ended = /(['\w)])\s+$/.test(before) && !/\b(and|or|not)\s+$/i.test(before) && !valued;
  const suits = (offer) => {
    if (word.startsWith("'")) return offer.label;
    if (wanted === "") return valued ? offer.label : ended === (offer.kind === "SQL");
    return !offer.label || valued;
  };
  const starts = (offer) => offer.shown.replace(/^'/, "").toLowerCase().startsWith(wanted);
  return known.filter((offer) => suits(offer) && starts(offer)).slice(0, OFFERED);
}

function offer() {
  const list = fitting();
  at("offers").replaceChildren(
    ...list.map((one, i) =>
      h(
        "li",
        {
          id: `offer-${i}`,
          role: "option",
          "aria-selected": String(i === chosen),
          on: {
            mousedown: (event) => {
              event.preventDefault();
              take(one);
            },
          },
        },
        h("code", {}, one.shown),
        h("small", {}, one.kind),
      ),
    ),
  );
  const open = list.length > 0;
  toggle(at("offers"), open);
  at("where").setAttribute("aria-expanded", String(open));
  if (chosen >= 0) at("where").setAttribute("aria-activedescendant", `offer-${chosen}`);
  else at("where").removeAttribute("aria-activedescendant");
}

function take(one) {
  const input = at("where");
  const { from, to } = typed();
  input.setRangeText(one.text, from, to, "end");
  chosen = -1;
  offer();
}

function onKey(event) {
  const list = at("offers").hidden ? [] : fitting();
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && at("offers").hidden) return offer();
  if (step && list.length) {
    event.preventDefault();
    chosen = (chosen + step + list.length + (chosen < 0 && step < 0 ? 1 : 0)) % list.length;
    return offer();
  }
  if (event.key === "Enter" || (event.key === "Tab" && chosen >= 0)) {
    event.preventDefault();
    if (chosen >= 0 && list[chosen]) return take(list[chosen]);
    close();
    return settle();
  }
  if (event.key !== "Escape") return undefined;
  event.preventDefault();
  if (!at("offers").hidden) return close();
  at("where").value = at("where").dataset.held ?? "";
  return at("where").blur();
}

function close() {
  chosen = -1;
  toggle(at("offers"), false);
  at("where").setAttribute("aria-expanded", "false");
}

/** Let the filter hold that is written, if it is another. */
function settle() {
  const where = at("where").value.trim();
  if (where !== (at("where").dataset.held ?? "")) {
    at("where").dataset.held = where;
    apply(where);
  }
}
