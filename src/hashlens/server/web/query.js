/** The query, beside its results: items of the collection, or pictures that were given. */

import * as api from "./api.js";
import { at, h, icon } from "./dom.js";
import { go, here } from "./place.js";
import { addFiles } from "./writing.js";

let drawn = "";
let addresses = [];
let writable = false;

/** @param {boolean} allowed  whether pictures may be added to the collection */
export function makeQuery(allowed) {
  writable = allowed;
}

/**
 * Show the query of a place.
 * @param {import("./place.js").Place} place @param {File[]|null} files @param {AbortSignal} signal
 */
export async function showQuery(place, files, signal) {
  const key = `${place.ids}|${place.upload}`;
  if (key === drawn) return;
  drawn = key;
  for (const old of addresses) URL.revokeObjectURL(old);
  addresses = (files ?? []).map((file) => URL.createObjectURL(file));
  // Items are shown when they come; their place is kept for them.
  const figures = files ? files.map(fileFigure) : place.ids.map(blank);
  put(figures, files && writable ? addButton(files) : "");
  if (files) return;
  try {
    const items = await Promise.all(place.ids.map((id) => api.item(id, signal)));
    figures.forEach((figure, i) => figure.replaceWith(itemFigure(items[i], items.length > 1)));
  } catch (error) {
    if (drawn === key) clear();
    throw error;
  }
}

function put(figures, more) {
  const title = figures.length > 1 ? `Query · ${figures.length} pictures` : "Query";
  at("query").replaceChildren(
    h("h2", {}, title),
    h("div", { class: figures.length > 1 ? "several" : "single" }, ...figures),
    more,
  );
}

function clear() {
  drawn = "";
  at("query").replaceChildren();
}

/** Say of given pictures that the collection has them. @param {{id: number|null}[]} parts */
export function showKnown(parts) {
  const add = at("query").querySelector(".add");
  if (!add || parts.some((part) => part.id === null)) return;
  const words =
    parts.length > 1 ? "The collection has these pictures." : "The collection has this picture.";
  add.replaceWith(h("p", { class: "hint known" }, words));
}

function blank() {
  const caption = h("figcaption", {}, h("b", {}, "\u00a0"), h("small", {}, "\u00a0"));
  return h("figure", {}, h("div", { class: "picture" }), caption);
}

function fileFigure(file, i) {
  const image = h("img", { src: addresses[i], alt: "The picture given" });
  image.addEventListener("error", () => image.classList.add("gone"));
  return h(
    "figure",
    {},
    h("div", { class: "picture" }, image),
    h("figcaption", {}, h("b", {}, file.name || "picture")),
  );
}

function itemFigure(item, oneOfSeveral) {
  const name = item.label ?? item.name;
  const image = h("img", { src: api.thumbnail(item, 320), alt: name });
  image.addEventListener("load", () =>
    image.classList.toggle("pixelated", image.naturalWidth <= 64),
  );
  const open = h(
    "button",
    {
      type: "button",
      class: "picture",
      "aria-label": `Details of picture ${item.id}`,
      on: { click: () => go({ show: item.id }) },
    },
    image,
  );
  const caption = h(
    "figcaption",
    {},
    h("b", {}, name),
    h("small", {}, item.label ? item.name : "\u00a0"),
  );
  return h("figure", {}, open, oneOfSeveral ? leaveOut(item) : "", caption);
}

function leaveOut(item) {
  const act = () => go({ ids: here().ids.filter((id) => id !== item.id) });
  return h(
    "button",
    {
      type: "button",
      class: "round small leave",
      "aria-label": `Leave ${item.label ?? item.name} out`,
      on: { click: act },
    },
    icon("close"),
  );
}

function addButton(files) {
  const button = h(
    "button",
    { type: "button", class: "wide add", on: { click: add } },
    icon("plus"),
    "Add to the collection",
  );
  async function add() {
    button.disabled = true;
    if (await addFiles(files)) button.remove();
    button.disabled = false;
  }
  return button;
}
