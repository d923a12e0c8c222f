/** The grid of pictures: cards that keep their places, and a walk through them by arrow keys. */

import { likeThis, thumbnail } from "./api.js";
import { strip } from "./codes.js";
import { h, icon, still } from "./dom.js";
import { bits, percent } from "./words.js";

/**
 * @typedef {object} Shown
 * @property {object} place      the links of the cards keep its k, radius and so on
 * @property {string|null} code  the query's, in hex
 * @property {number} nBits
 * @property {number} side       of a card, in pixels of the page
 * @property {(id: number) => void} details
 */

/**
 * Show pictures in a list. A picture that is there already keeps its element, and moves.
 * @param {HTMLElement} list @param {import("./api.js").Hit[]} pictures @param {Shown} shown
 */
export function fillGrid(list, pictures, shown) {
  const old = new Map([...list.children].map((card) => [card.dataset.id, card]));
  const before = still() ? new Map() : boxes(list);
  const focused = document.activeElement?.closest?.(".card")?.dataset.id;
  const cards = pictures.map((picture) => {
    const card = old.get(String(picture.id)) ?? blank(picture, shown);
    write(card, picture, shown);
    return card;
  });
  list.replaceChildren(...cards);
  stop(list, cards.find((card) => card.dataset.id === focused) ?? cards[0]);
  if (focused && cards.some((card) => card.dataset.id === focused)) link(list, focused).focus();
  move(cards, before);
}

const SURE = 0.8; // a share of the same class that is shown in green

/** The arrow keys, Home and End walk through a grid; `i` and space open the details. */
export function walkBy(event, list, details) {
  const card = event.target.closest?.(".card");
  if (!card || event.altKey || event.ctrlKey || event.metaKey) return;
  if (["i", " "].includes(event.key) && !event.target.closest("button")) {
    event.preventDefault();
    details(Number(card.dataset.id));
    return;
  }
  const cards = [...list.children];
  const place = cards.indexOf(card);
  const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
  const to = {
    ArrowLeft: place - 1,
    ArrowRight: place + 1,
    ArrowUp: place - columns,
    ArrowDown: place + columns,
    Home: 0,
    End: cards.length - 1,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = cards[to];
  if (!next) return;
  stop(list, next);
  next.querySelector("a").focus();
}

/** Put the focus on an item's card, if it is there. */
export function focusCard(list, id) {
  const found = link(list, id);
  if (!found) return;
  stop(list, found.closest(".card"));
  found.focus();
}

const link = (list, id) => list.querySelector(`.card[data-id="${Number(id)}"] a`);

/** Make one card the grid's stop for the tab key. */
function stop(list, card) {
  for (const other of list.querySelectorAll("a, button")) other.tabIndex = -1;
  if (card) for (const part of card.querySelectorAll("a, button")) part.tabIndex = 0;
}

function blank(picture, shown) {
  const image = h("img", {
    alt: "",
    width: shown.side,
    height: shown.side,
    loading: "lazy",
    decoding: "async",
    draggable: "false",
  });
  image.addEventListener("load", () => {
    image.classList.toggle("pixelated", image.naturalWidth <= 64);
    image.classList.add("there");
  });
  image.addEventListener("error", () => image.classList.add("gone"));
  return h(
    "li",
    { class: "card", "data-id": picture.id },
    h("a", { class: "picture" }, image),
    h(
      "button",
      { type: "button", class: "info", on: { click: () => shown.details(picture.id) } },
      icon("info"),
    ),
    h("div", { class: "caption" }),
  );
}

function write(card, picture, shown) {
  const name = picture.label ?? picture.name;
  const found = picture.distance !== undefined;
  const parts = [".picture", ".info", ".caption", "img"].map((part) => card.querySelector(part));
  const [a, button, caption, image] = parts;
  const source = thumbnail(picture, shown.side);
  if (image.getAttribute("src") !== source) image.src = source;
  a.href = likeThis(picture.id, shown.place);
  a.title = picture.label ? `${picture.label} · ${picture.name}` : picture.name;
  const far = found ? `, ${bits(picture.distance)} away` : "";
  a.setAttribute("aria-label", `${name}${far}. More like this`);
  button.setAttribute("aria-label", `Details of ${name}, picture ${picture.id}`);
  card.querySelector(".strip")?.remove();
  if (found) a.after(strip(picture, shown.code, shown.nBits));
  caption.replaceChildren(...(found ? distanceLine(picture) : []), nameLine(picture));
}

function distanceLine(hit) {
  const known = typeof hit.similarity === "number";
  const right = known ? [hit.similarity.toFixed(2), h("span", { class: "word" }, " similar")] : [];
  const line = [
    h(
      "b",
      {},
      bits(hit.distance),
      h("span", { title: "Cosine of the features, 1 at most" }, ...right),
    ),
  ];
  if (typeof hit.same_class === "number") {
    const title = "Share of pictures at this distance that were of the same class";
    const sure = hit.same_class >= SURE ? "sure" : false;
    line.push(h("em", { title, class: sure }, `${percent(hit.same_class)} same class`));
  }
  return line;
}

function nameLine(picture) {
  if (!picture.label) return h("small", {}, picture.name);
  return h("small", {}, h("i", {}, picture.label), ` ${picture.name}`);
}

function boxes(list) {
  return new Map([...list.children].map((card) => [card, card.getBoundingClientRect()]));
}

/** Let cards glide from where they were to where they are; new ones appear. */
function move(cards, before) {
  if (before.size === 0) return;
  const seen = (box) => box.bottom > 0 && box.top < innerHeight;
  const after = cards.map((card) => card.getBoundingClientRect());
  cards.forEach((card, i) => {
    const from = before.get(card);
    if (!seen(after[i]) && !(from && seen(from))) return;
    const frames = from
      ? {
          transform: [
            `translate(${from.left - after[i].left}px, ${from.top - after[i].top}px)`,
            "none",
          ],
        }
      : { opacity: [0, 1] };
    if (from && from.left === after[i].left && from.top === after[i].top) return;
    card.animate(frames, { duration: 240, easing: "cubic-bezier(.2, .7, .2, 1)" });
  });
}
