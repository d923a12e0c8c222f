/** Charts, drawn by hand. */

import { h, svg } from "./dom.js";
import { bits, count, percent } from "./words.js";

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 8;
const BOTTOM = 30;

/**
 * Pairs of pictures by distance, with what fair and independent bits would give.
 * @param {number[]} counts @param {number} total
 */
export function distances(counts, total) {
  const nBits = counts.length - 1;
  const ideal = binomial(nBits).map((share) => share * total);
  const top = Math.max(...counts, ...ideal);
  const x = (i) => LEFT + ((WIDTH - 2 * LEFT) * i) / (nBits + 1);
  const y = (n) => (HEIGHT - BOTTOM) * (1 - n / (1.06 * top));
  const wide = (WIDTH - 2 * LEFT) / (nBits + 1);
  const bars = counts.map((n, i) =>
    svg(
      "rect",
      {
        x: x(i) + wide * 0.08,
        y: y(n),
        width: wide * 0.84,
        height: HEIGHT - BOTTOM - y(n),
        rx: Math.min(2, wide / 4),
      },
      svg("title", {}, `${bits(i)}: ${count(n)} pairs`),
    ),
  );
  const line = ideal
    .map((n, i) => `${i ? "L" : "M"}${(x(i) + wide / 2).toFixed(1)} ${y(n).toFixed(1)}`)
    .join("");
  return chart(
    "How far apart pictures are",
    ...bars,
    svg("path", { class: "ideal", d: line }),
    ...axis(
      [0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * nBits)),
      (i) => x(i) + wide / 2,
      (i) => (i === nBits ? bits(i) : String(i)),
    ),
  );
}

/** The share of pictures with a one at each bit: half of them is best. @param {number[]} ones */
export function balance(ones) {
  const wide = (WIDTH - 2 * LEFT) / ones.length;
  const ground = HEIGHT - BOTTOM;
  const y = (share) => 6 + (ground - 6) * (1 - share);
  const bars = ones.map((share, i) =>
    svg(
      "rect",
      {
        x: LEFT + (i + 0.1) * wide,
        y: y(share),
        width: wide * 0.8,
        height: ground - y(share),
        class: quality(share),
        rx: Math.min(2, wide / 4),
      },
      svg("title", {}, `bit ${i}: ${percent(share)} ones`),
    ),
  );
  const band = svg("rect", {
    class: "band",
    x: 0,
    y: y(0.7),
    width: WIDTH,
    height: y(0.3) - y(0.7),
  });
  const rule = svg("path", { class: "ideal", d: `M0 ${y(0.5)}H${WIDTH}` });
  const words = [
    [1, "all ones"],
    [0.7, "70 %"],
  ].map(([share, text]) =>
    svg("text", { x: WIDTH - LEFT, y: y(share) + (share === 1 ? 10 : -6), class: "side" }, text),
  );
  const ticks = [0, 0.25, 0.5, 0.75]
    .map((share) => Math.round(share * ones.length))
    .concat(ones.length - 1);
  return chart(
    "Balance of each bit",
    band,
    ...bars,
    rule,
    ...words,
    ...axis(
      ticks,
      (i) => LEFT + (i + 0.5) * wide,
      (i) => (i === 0 ? "bit 0" : String(i)),
    ),
  );
}

/** Whether a bit splits the pictures well: "even", "uneven" or "dead". @param {number} share */
export function quality(share) {
  const off = Math.abs(share - 0.5);
  if (off > 0.45) return "dead";
  return off > 0.2 ? "uneven" : "even";
}

/** What a distance has meant: the share of pictures at it that were of the same class. */
export function meaning(at) {
  const nBits = at.length - 1;
  const x = (i) => LEFT + ((WIDTH - 2 * LEFT) * i) / nBits;
  const y = (share) => 8 + (HEIGHT - BOTTOM - 8) * (1 - share);
  const line = at
    .map((share, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(share).toFixed(1)}`)
    .join("");
  const ground = HEIGHT - BOTTOM;
  const grid = [0, 0.5, 1].flatMap((share) => [
    svg("path", { class: "rule", d: `M0 ${y(share)}H${WIDTH}` }),
    svg(
      "text",
      { x: WIDTH - LEFT, y: y(share) + (share ? 13 : -5), class: "side" },
      percent(share),
    ),
  ]);
  return chart(
    "What a distance has meant",
    ...grid,
    svg("path", { class: "area", d: `${line}L${x(nBits)} ${ground}L${x(0)} ${ground}Z` }),
    svg("path", { class: "line", d: line }),
    ...axis(
      [0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * nBits)),
      x,
      (i) => (i === nBits ? bits(i) : String(i)),
    ),
  );
}

/**
 * Counts as bars, each a button.
 * @param {[string, number][]} rows @param {(name: string) => void} act
 */
export function bars(rows, act) {
  const top = Math.max(...rows.map(([, n]) => n));
  return h(
    "ul",
    { class: "bars" },
    ...rows.map(([name, n]) => {
      const bar = svg(
        "svg",
        { viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("rect", { width: (100 * n) / top, height: 1 }),
      );
      return h(
        "li",
        {},
        h(
          "button",
          { type: "button", on: { click: () => act(name) } },
          h("span", {}, name),
          bar,
          h("b", {}, count(n)),
        ),
      );
    }),
  );
}

function chart(label, ...parts) {
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    ...parts,
  );
}

function axis(ticks, x, words) {
  const last = ticks.length - 1;
  return [...new Set(ticks)].map((i, place) =>
    svg(
      "text",
      { x: x(i), y: HEIGHT - 6, class: place === 0 ? "first" : place === last ? "last" : "" },
      words(i),
    ),
  );
}

/** The chance of each number of ones among n fair coins, by logarithms, as n may be thousands. */
function binomial(n) {
  const logs = [0];
  for (let i = 1; i <= n; i += 1) logs.push(logs[i - 1] + Math.log(i));
  return logs.map((_, i) => Math.exp(logs[n] - logs[i] - logs[n - i] - n * Math.LN2));
}
