/** The view of the collection's bits: are the codes any good, in pictures and in words. */

import { balance, bars, distances, meaning, quality } from "./charts.js";
import { at, h } from "./dom.js";
import { go } from "./place.js";
import { bits, bytes, count, counted, percent, quoted } from "./words.js";

const LABELS = 24;

/** @param {object} stats */
export function showBits(stats) {
  const parts = [
    h(
      "header",
      { class: "intro" },
      h("h1", {}, "The collection and its bits"),
      h(
        "p",
        {},
        `Each picture is ${bits(stats.n_bits)}. Their distance is how many of them differ.`,
      ),
    ),
    tiles(stats),
  ];
  if (stats.n_items > 1) {
    parts.push(distanceCard(stats), balanceCard(stats));
    if (stats.meaning) parts.push(meaningCard(stats.meaning));
  }
  if (stats.n_labels > 0) parts.push(labelCard(stats));
  parts.push(modelCard(stats));
  at("view-bits").replaceChildren(...parts);
}

function tiles(stats) {
  const tile = (value, words) =>
    h("div", { class: "tile" }, h("b", {}, value), h("span", {}, words));
  return h(
    "div",
    { class: "tiles" },
    tile(count(stats.n_items), stats.n_items === 1 ? "picture" : "pictures"),
    tile(count(stats.n_bits), "bits each"),
    tile(bytes((stats.n_bits / 8) * stats.n_items), "for all codes"),
    tile(bytes(stats.size_bytes), "on disk"),
  );
}

function panel(title, lead, drawing, ...more) {
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, title),
    h("p", { class: "lead" }, lead),
    drawing,
    ...more,
  );
}

function distanceCard({ distances: found, n_bits: nBits }) {
  const half = nBits / 2;
  const off = Math.abs(found.mean - half) / nBits;
  const lead =
    `Two pictures differ by ${found.mean.toFixed(1)} of ${bits(nBits)} on average; half is best. ` +
    (off < 0.05
      ? "That is good: the codes use their room."
      : "The codes crowd together, and use part of their room.");
  return panel(
    "How far apart pictures are",
    lead,
    distances(found.counts, found.n_pairs),
    h(
      "p",
      { class: "hint" },
      `${count(found.n_pairs)} pairs. ` +
        "The line is what independent coin tosses would give. " +
        "A tail to the left of it is what is looked for: pairs that look alike.",
    ),
  );
}

function balanceCard({ bits: found }) {
  const even = found.ones.filter((share) => quality(share) === "even").length;
  const dead = found.ones.filter((share) => quality(share) === "dead").length;
  const lead =
    `${even} of ${bits(found.ones.length)} split the pictures evenly, ` +
    "between 30 % and 70 % ones. " +
    (dead
      ? `Of ${counted(dead, "bit")} nearly every picture has the same: they tell nothing apart.`
      : "No bit is dead.");
  const hint =
    "A bar is the share of pictures with a one at that bit. The bits' mean correlation is " +
    `${found.mean_correlation?.toFixed(2) ?? "not known"}; 0 is best: then no bit repeats another.`;
  return panel("Balance of each bit", lead, balance(found.ones), h("p", { class: "hint" }, hint));
}

function meaningCard(found) {
  const lead =
    "Of the pictures at each distance, the share that was of the query's class: " +
    `${percent(found.at[0])} at 0 bits.`;
  return panel(
    "What a distance has meant",
    lead,
    meaning(found.at),
    h(
      "p",
      { class: "hint" },
      `Measured on ${counted(found.n_queries, "picture")} that the training kept out, ` +
        `where a class was ${percent(found.share)} of them.`,
    ),
  );
}

function labelCard(stats) {
  const rows = Object.entries(stats.labels);
  const act = (label) =>
    go({ view: "search", ids: [], upload: null, where: `label = ${quoted(label)}` });
  const more =
    stats.n_labels > LABELS
      ? [h("p", { class: "hint" }, `And ${counted(stats.n_labels - LABELS, "label")} more.`)]
      : [];
  return panel(
    "Labels",
    `${counted(stats.n_labels, "label")}. Choose one to see its pictures.`,
    bars(rows.slice(0, LABELS), act),
    ...more,
  );
}

function modelCard({ model, n_features: nFeatures, version, n_removed: nRemoved }) {
  const rows = [["Method", model.method.toUpperCase()]];
  if (model.features) rows.push(["Looks at", model.features]);
  if (model.data)
    rows.push([
      "Learnt on",
      model.n_images ? `${model.data}, ${counted(model.n_images, "picture")}` : model.data,
    ]);
  if (model.n_classes) rows.push(["Classes", count(model.n_classes)]);
  rows.push([
    "Re-ranking",
    nFeatures ? `by ${count(nFeatures)} features a picture` : "no features are stored",
  ]);
  if (nRemoved) rows.push(["Removed", `${counted(nRemoved, "picture")} that still take space`]);
  rows.push(["hashlens", version]);
  return panel(
    "The model",
    "What turns a picture into bits.",
    h(
      "dl",
      { class: "model" },
      ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    ),
  );
}
