/** The view of duplicates: groups side by side, the picture to keep marked. It removes nothing. */

import * as api from "./api.js";
import { at, h } from "./dom.js";
import { progress } from "./notes.js";
import { go, here } from "./place.js";
import { bits, bytes, counted } from "./words.js";

/** Each tier holds those before it: its button, its title, what is in it. */
const TIERS = {
  identical: ["Identical only", "Identical", "The same bytes in several places."],
  same: ["Same picture", "Same picture", "Saved anew: another size, quality or format."],
  similar: ["Similar scenes too", "Similar scene", "Not the same picture, but much alike."],
};
const USUAL = "same";
const PAGE = 50;

let told = null;
let nBits = 0;

/** Forget what is shown, as the collection has changed. */
export function forgetDuplicates() {
  told = null;
}

/** @param {object} stats */
export async function showDuplicates(stats) {
  if (told !== null) return;
  told = { groups: [], tier: USUAL };
  nBits = stats.n_bits;
  at("view-duplicates").replaceChildren(
    h(
      "header",
      { class: "intro" },
      h("h1", {}, "Duplicates"),
      h("p", { id: "duplicates-words" }, "Looking for pictures that are there more than once …"),
    ),
    h("div", { class: "chips", id: "tiers", role: "group", "aria-label": "How alike" }),
    h("div", { id: "groups" }),
  );
  await load();
}

/** The pictures shown, in order, for the details. */
export const duplicatesShown = () => ({
  pictures: (told?.groups ?? []).flatMap((group) => group.items),
  code: null,
  nBits,
});

async function load() {
  const tier = told.tier;
  let found;
  try {
    found = await progress(api.duplicates({ tier, n: PAGE, first: told.groups.length }));
  } catch (error) {
    at("duplicates-words").textContent = error.message;
    told = null;
    return;
  }
  if (!told || told.tier !== tier) return;
  told.groups.push(...found.groups);
  summary(found);
  tiers();
  draw(found);
}

function summary(found) {
  at("duplicates-words").textContent =
    found.total === 0
      ? "No picture is there twice."
      : `${counted(found.total, "group")} of ${counted(found.n_items, "picture")} in all. ` +
        `The first of each is the one to keep; the others take ${bytes(found.spare_bytes)}. ` +
        "Nothing is removed here: hashlens dedup does that, when told.";
}

function tiers() {
  at("tiers").replaceChildren(
    ...Object.keys(TIERS).map((name) =>
      h(
        "button",
        {
          type: "button",
          class: "chip",
          "aria-pressed": String(told.tier === name),
          on: {
            click: () => {
              told = { groups: [], tier: name };
              load();
            },
          },
        },
        TIERS[name][0],
      ),
    ),
  );
}

function draw(found) {
  const parts = [];
  for (const [tier, [, title, words]] of Object.entries(TIERS)) {
    const groups = told.groups.filter((group) => group.tier === tier);
    if (groups.length === 0) continue;
    parts.push(
      h(
        "section",
        { class: "tier" },
        h("h2", {}, title, h("small", {}, words)),
        h("div", { class: "groups" }, ...groups.map(row)),
      ),
    );
  }
  const left = found.total - told.groups.length;
  if (left > 0) {
    parts.push(
      h(
        "button",
        { type: "button", class: "wide more", on: { click: load } },
        `Show more (${counted(left, "group")})`,
      ),
    );
  }
  at("groups").replaceChildren(...parts);
}

function row(group) {
  const [first, ...others] = group.items;
  const label = `${first.label ?? first.name}, ${group.items.length} pictures`;
  return h(
    "ul",
    { class: "group", "aria-label": label },
    figure(first, "keep", "keep"),
    ...others.map((item) => figure(item, far(item), "")),
  );
}

function far(item) {
  if (typeof item.similarity !== "number") return bits(item.distance);
  return `${bits(item.distance)} · ${item.similarity.toFixed(2)}`;
}

function size({ width, height, size_bytes: size }) {
  const words = width ? [`${width} × ${height}`] : [];
  if (typeof size === "number") words.push(bytes(size));
  return words.join(" · ");
}

function figure(item, words, kind) {
  const image = h("img", {
    src: api.thumbnail(item, 160),
    alt: "",
    loading: "lazy",
    decoding: "async",
    width: 160,
    height: 160,
  });
  image.addEventListener("load", () => image.classList.add("there"));
  return h(
    "li",
    { class: `twin ${kind}` },
    h(
      "button",
      {
        type: "button",
        class: "picture",
        "aria-label": `Details of ${item.name}, ${words}`,
        on: { click: () => go({ ...here(), show: item.id }) },
      },
      image,
    ),
    h(
      "div",
      { class: "caption" },
      h("b", {}, words),
      h("small", { title: item.name }, item.name),
      h("small", {}, size(item)),
    ),
  );
}
