/** How to search: the number of results, the radius, re-ranking, and the size of the pictures. */

import { at, svg, toggle } from "./dom.js";
import { go, here } from "./place.js";
import { bits } from "./words.js";

const MOST = 200; // results on one page
const TILE = "tile";
const TILES = [96, 320];

let nBits = 0;

/** @param {(side: number) => void} resized  is told the width of a picture when it changes */
export function makeControls(resized) {
  for (const id of ["k", "k-number"]) at(id).addEventListener("input", () => takeK(at(id)));
  at("k-number").addEventListener("change", () => showControls(here(), true));
  at("radius").addEventListener("input", () => {
    const radius = Number(at("radius").value);
    change({ radius: radius > farthest() ? null : radius });
  });
  at("rerank").addEventListener("change", () =>
    change({ rerank: at("rerank").checked ? null : false }),
  );
  makeTiles(resized);
  makeFolded();
}

/** Let the sliders reach as far as the collection does. @param {object} stats */
export function fitControls(stats) {
  nBits = stats.n_bits;
  at("k").max = at("k-number").max = Math.max(1, Math.min(MOST, stats.n_items, stats.limits.max_k));
  at("radius").max = farthest() + 1;
  toggle(at("rerank").parentElement, stats.n_features > 0);
  drawNear(stats.distances.counts);
}

/** On a small screen the pictures come first. */
function makeFolded() {
  if (matchMedia("(max-width: 720px)").matches) at("tuning").open = false;
}

/** Show what holds. @param {import("./place.js").Place} place */
export function showControls(place, forced = false) {
  at("k").value = place.k;
  if (forced || document.activeElement !== at("k-number")) at("k-number").value = place.k;
  at("radius").value = place.radius ?? farthest() + 1;
  const words = place.radius === null ? "any" : bits(place.radius);
  at("radius-number").textContent = words;
  at("radius").setAttribute("aria-valuetext", words);
  at("radius-hint").textContent =
    place.radius === null
      ? "Pictures at any distance."
      : `Only pictures within ${bits(place.radius)}.`;
  at("rerank").checked = place.rerank !== false;
  for (const id of ["k", "radius", "tile"]) paint(at(id));
}

/** The width of a picture, in pixels of the page. */
export const tile = () => Number(at("tile").value);

function takeK(field) {
  const k = Math.round(Number(field.value));
  if (k >= 1 && k <= Number(field.max)) change({ k });
}

// A slider that is dragged leaves no trail in the history.
const change = (changes) => go(changes, { replace: true });

/** Beyond half the bits, codes are farther apart than chance: no radius of use is there. */
const farthest = () => Math.max(1, Math.floor(nBits / 2));

/** The part of a slider that is passed is coloured. */
function paint(slider) {
  const [low, high] = [Number(slider.min) || 0, Number(slider.max) || 100];
  const share = high > low ? (slider.value - low) / (high - low) : 1;
  slider.style.setProperty("--share", `${100 * share}%`);
}

/** Above the radius: how many pairs of pictures lie at each distance. */
function drawNear(counts) {
  const shown = counts.slice(0, farthest() + 1);
  const top = Math.max(...shown, 1);
  const heights = shown.map((n) => (n ? Math.max(0.04, Math.sqrt(n / top)) : 0));
  at("near").setAttribute("viewBox", `0 0 ${farthest() + 1} 1`);
  at("near").replaceChildren(
    ...heights.map((height, i) => svg("rect", { x: i, y: 1 - height, width: 0.8, height })),
  );
}

function makeTiles(resized) {
  const slider = at("tile");
  const kept = Number(localStorage.getItem(TILE));
  const usual = innerWidth < 720 ? 104 : 176;
  slider.value = kept >= TILES[0] && kept <= TILES[1] ? kept : usual;
  const use = () => {
    document.documentElement.style.setProperty("--tile", `${slider.value}px`);
    paint(slider);
  };
  use();
  slider.addEventListener("input", use);
  slider.addEventListener("change", () => {
    localStorage.setItem(TILE, slider.value);
    resized(Number(slider.value));
  });
}
