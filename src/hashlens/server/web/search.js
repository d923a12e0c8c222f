/** The view of a search: its query and what is found. Without a query, pictures to begin with. */

import * as api from "./api.js";
import { browse } from "./browse.js";
import { fillGrid, focusCard, walkBy } from "./cards.js";
import { showControls, tile } from "./controls.js";
import { afterwards, at, toggle } from "./dom.js";
import { filterError, showFilter, showLabels } from "./filter.js";
import { progress, say } from "./notes.js";
import { asks, go, here } from "./place.js";
import { emptyCollection, nothing, nothingFound, refused } from "./nothing.js";
import { showKnown, showQuery } from "./query.js";
import { recall } from "./uploads.js";
import { bits, count, counted } from "./words.js";

const KEPT = 40;

/** What is shown: the pictures in order, and the query's code where there is one. */
export const shown = { pictures: [], code: null, nBits: 0, reranked: false };

const answers = new Map();
const hidden = new Set();
let stats = null;
let drawn = () => {};
let running = new AbortController();
let told = "";

/** @param {() => void} act  called when pictures have come */
export function makeSearch(act) {
  drawn = act;
  const list = at("pictures");
  list.addEventListener("keydown", (event) => walkBy(event, list, (id) => go({ show: id })));
  list.addEventListener("click", onClick);
}

/** Search what the collection is now: forget what was answered before. @param {object} latest */
export function fitSearch(latest) {
  stats = latest;
  answers.clear();
  told = "";
}

/**
 * Show a place.
 * @param {import("./place.js").Place} place @param {import("./place.js").Place} before
 * @param {number} [top]  where the page was scrolled to
 */
export function showSearch(place, before, top) {
  const asked = asks(place);
  toggle(at("hero"), !asked);
  toggle(at("side"), asked);
  at("work").classList.toggle("asked", asked);
  showControls(place);
  showFilter(place.where);
  showLabels(stats, place.where, (where) => go({ where }));
  if (what(place) === told) return;
  const same = query(place) === query(before) && before.view === "search";
  const adjusted = same && told !== "";
  told = what(place);
  running.abort();
  running = new AbortController();
  const load = asked ? find : look;
  const run = () =>
    load(place, running.signal).then(
      () => {
        if (top !== undefined) scrollTo(0, top);
      },
      (error) => fail(error, place),
    );
  if (!same && top === undefined) scrollTo(0, 0);
  if (adjusted) soon(run);
  else run();
}

/** Draw the pictures again, at the size that holds now. */
export const redraw = () => draw(shown.pictures);

/** Leave an item out of what is shown, as it is being removed; or show it again. */
export function hide(id, gone) {
  if (gone) hidden.add(id);
  else hidden.delete(id);
  redraw();
}

const soon = afterwards(70, (run) => run());
const query = (place) => `${place.ids}|${place.upload}`;
const what = (place) =>
  JSON.stringify([place.ids, place.upload, place.k, place.radius, place.where, place.rerank]);

async function find(place, signal) {
  const files = place.upload === null ? null : await recall(place.upload);
  if (place.upload !== null && files === null) {
    await showQuery(place, null, signal);
    draw([]);
    return nothing(
      "This search was by a picture that this browser does not have.",
      "Choose the picture again, and it is found again.",
    );
  }
  const [answer] = await Promise.all([
    answered(place, files, signal),
    showQuery(place, files, signal),
  ]);
  shown.nBits = answer.n_bits;
  shown.reranked = answer.reranked;
  shown.code = answer.query.parts.length === 1 ? answer.query.parts[0].code : null;
  settle();
  const hits = answer.hits.filter((hit) => !place.ids.includes(hit.id)).slice(0, place.k);
  draw(hits);
  head(answer, hits);
  showKnown(answer.query.parts);
  if (hits.length === 0) nothingFound(place, await nearest(place, files, signal));
  else nothing("");
  return undefined;
}

/** How far the nearest picture is, where the radius lets none through. */
async function nearest(place, files, signal) {
  if (place.radius === null) return null;
  const wide = { ...place, k: 1 + place.ids.length, radius: null, rerank: false };
  const { hits } = await api.search(wide, files, signal);
  return hits.find((hit) => !place.ids.includes(hit.id))?.distance ?? null;
}

async function answered(place, files, signal) {
  const key = what(place);
  if (!answers.has(key)) {
    // An item that is the query is no news: one more is asked for in its place.
    const k = Math.min(place.k + place.ids.length, stats.limits.max_k);
    const answer = await progress(api.search({ ...place, k }, files, signal));
    if (answer.partial) return answer;
    answers.set(key, answer);
    if (answers.size > KEPT) answers.delete(answers.keys().next().value);
  }
  return answers.get(key);
}

function head(answer, hits) {
  const words = hits.length
    ? [`${counted(hits.length, "picture")} of ${count(answer.n_items)}`]
    : [];
  const distances = hits.map((hit) => hit.distance);
  const [near, far] = [Math.min(...distances), Math.max(...distances)];
  if (hits.length) words.push(near === far ? `${bits(near)} away` : `${near} to ${bits(far)} away`);
  if (answer.reranked && hits.length > 1) words.push("most similar first");
  if (answer.partial) words.push("not all of the collection was in reach");
  if (hits.length) words.push(`${Math.max(1, Math.round(1000 * answer.seconds.total))} ms`);
  at("found").textContent = words.join(" · ");
  const promise = answer.promise ?? "";
  at("promise").textContent = promise.charAt(0).toUpperCase() + promise.slice(1);
  toggle(at("promise"), promise !== "" && hits.length > 0);
  toggle(at("again"), false);
  toggle(at("more"), false);
  say(`${counted(hits.length, "picture")} found`);
}

async function look(place, signal) {
  if (stats.n_items === 0) {
    draw([]);
    at("found").textContent = "";
    return emptyCollection(stats);
  }
  const found = await progress(browse(place, stats, signal));
  Object.assign(shown, { code: null, nBits: stats.n_bits, reranked: false });
  settle();
  draw(found.items);
  at("found").textContent = found.words;
  toggle(at("promise"), false);
  toggle(at("again"), found.again !== null);
  toggle(at("more"), found.more !== null);
  const once = (act) => () => look(place, signal, act()).catch((error) => fail(error, place));
  at("again").onclick = found.again && once(found.again);
  at("more").onclick = found.more && once(found.more);
  return found.items.length ? nothing("") : nothingFound(place, null);
}

function settle() {
  filterError("");
  at("pictures").removeAttribute("aria-busy");
}

function draw(pictures) {
  shown.pictures = pictures;
  const inGrid = at("pictures").contains(document.activeElement);
  fillGrid(
    at("pictures"),
    pictures.filter((picture) => !hidden.has(picture.id)),
    {
      place: here(),
      code: shown.code,
      nBits: shown.nBits,
      side: tile(),
      details: (id) => go({ show: id }),
    },
  );
  if (inGrid && !at("pictures").contains(document.activeElement) && pictures.length) {
    focusCard(at("pictures"), pictures[0].id);
  }
  drawn();
}

function fail(error, place) {
  if (error.name === "AbortError") return;
  told = "";
  if (error.field === "where") {
    filterError(error.message);
    return;
  }
  if (error.status === 0) return; // the bar at the top says it, and the page tries again
  draw([]);
  for (const id of ["promise", "again", "more"]) toggle(at(id), false);
  at("found").textContent = "";
  refused(error, place);
}

/** A click searches by the picture; with shift, by it together with the query. */
function onClick(event) {
  const link = event.target.closest("a.picture");
  if (!link || event.ctrlKey || event.metaKey || event.button !== 0) return;
  event.preventDefault();
  const id = Number(link.closest(".card").dataset.id);
  const { ids } = here();
  const together = event.shiftKey && ids.length > 0 && ids.length < stats.limits.max_images;
  go({ ids: together ? [...ids, id] : [id], upload: null });
}
