/** Starts the page: asks what the collection is, and shows the place that the address says. */

import * as api from "./api.js";
import { showBits } from "./bits.js";
import { focusCard } from "./cards.js";
import { fitControls, makeControls } from "./controls.js";
import { makeDetails, redrawDetails, showDetails } from "./details.js";
import { at, toggle } from "./dom.js";
import { choose, makeDrop } from "./drop.js";
import { duplicatesShown, forgetDuplicates, showDuplicates } from "./duplicates.js";
import { fitFilter, makeFilter } from "./filter.js";
import { makeKeys } from "./keys.js";
import { note, trouble } from "./notes.js";
import { go, here, onPlace, tell } from "./place.js";
import { makeQuery } from "./query.js";
import { fitSearch, hide, makeSearch, redraw, shown, showSearch } from "./search.js";
import { makeTheme } from "./theme.js";
import { keep } from "./uploads.js";
import { addFiles, askToken, makeWriting, removeItem } from "./writing.js";
import { bits, counted } from "./words.js";

const AGAIN = 3000; // ms between two looks for a server that is gone

let stats = null;
let there = true;

start().catch((error) => {
  if (error.status !== 0) trouble(error.message);
});

async function start() {
  makeTheme();
  api.hooks.token = askToken;
  api.hooks.waiting = (seconds) =>
    trouble(seconds ? `The server is busy. Trying again in ${counted(seconds, "second")} …` : "");
  api.hooks.reached = onReached;
  stats = await api.stats();
  makeControls(redraw);
  makeFilter((where) => go({ where }));
  makeSearch(redrawDetails);
  makeQuery(stats.writing.allowed);
  makeDrop(stats, { search: searchBy, add: addFiles });
  makeWriting(afresh);
  makeDetails(ring, stats.writing.allowed ? remove : null, (id) => focusCard(at("pictures"), id));
  makeKeys();
  makeLinks();
  fit();
  onPlace(show);
  show(here(), here(), history.state?.top);
}

/** Say and offer what the collection is now. */
function fit() {
  fitControls(stats);
  fitFilter(stats);
  fitSearch(stats);
  forgetDuplicates();
  const name = stats.name.replace(/\.hl$/, "");
  document.title = `${name} · hashlens`;
  at("name").textContent = name;
  at("size").textContent = `${counted(stats.n_items, "picture")} · ${bits(stats.n_bits)}`;
  at("welcome").textContent =
    `${counted(stats.n_items, "picture")}, each kept as ${bits(stats.n_bits)}. ` +
    "Give one of yours, or choose one below: the nearest are those that differ in the fewest bits.";
  at("version").textContent = `hashlens ${stats.version}`;
  toggle(at("add"), stats.writing.allowed);
}

function show(place, before, top) {
  for (const view of ["search", "duplicates", "bits"]) {
    toggle(at(`view-${view}`), place.view === view);
    const link = document.querySelector(`nav [data-view="${view}"]`);
    if (place.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (place.view !== before.view) scrollTo(0, top ?? 0);
  if (place.view === "search") showSearch(place, before, top);
  if (place.view === "duplicates") showDuplicates(stats);
  if (place.view === "bits") showBits(stats);
  showDetails(place);
}

const ring = () => (here().view === "duplicates" ? duplicatesShown() : shown);

async function searchBy(files) {
  go({ view: "search", ids: [], upload: await keep(files), show: null });
}

function remove(item) {
  removeItem(item, (gone) => hide(item.id, gone));
}

/** The collection has changed: count it again, and look again at what is shown. */
async function afresh() {
  stats = await api.stats();
  fit();
  tell(false);
}

/** Links of the page change the place without loading it anew. */
function makeLinks() {
  const away = { show: null };
  const plain = (event) => !(event.ctrlKey || event.metaKey || event.shiftKey);
  for (const link of document.querySelectorAll("nav [data-view]")) {
    link.addEventListener("click", (event) => {
      if (!plain(event)) return;
      event.preventDefault();
      go({ ...away, view: link.dataset.view });
    });
  }
  document.querySelector("[data-place=start]").addEventListener("click", (event) => {
    if (!plain(event)) return;
    event.preventDefault();
    go({ ...away, view: "search", ids: [], upload: null, where: "", radius: null, rerank: null });
  });
  at("add").addEventListener("click", () => choose("add"));
}

/** Say when the server is gone, look for it, and go on when it is back. */
function onReached(answered) {
  if (answered === there) return;
  there = answered;
  trouble(answered ? "" : "The server does not answer. Trying again …");
  if (answered) return;
  const look = setInterval(async () => {
    const found = await fetch("healthz").then(
      (response) => response.ok,
      () => false,
    );
    if (!found) return;
    clearInterval(look);
    there = true;
    trouble("");
    if (stats === null) location.reload();
    else {
      note("The server is back.");
      await afresh();
    }
  }, AGAIN);
}
