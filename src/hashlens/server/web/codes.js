/** Codes, drawn: which bits are set, and which differ from the query's. */

import { svg } from "./dom.js";
import { bits } from "./words.js";

const LONGEST_STRIP = 128; // a strip of more bits would be finer than the screen
const ROW = 16;

/** The bits of a code, the first bit of each byte being its highest. @param {string} hex */
export function unpack(hex, nBits) {
  const ones = [];
  for (let i = 0; i < nBits; i += 1) {
    ones.push((parseInt(hex.slice((i >> 3) * 2, (i >> 3) * 2 + 2), 16) >> (7 - (i & 7))) & 1);
  }
  return ones;
}

/**
 * A strip with a mark at each bit that differs; a bar of that length where the codes are not known.
 * @param {import("./api.js").Hit} hit @param {string|null} code the query's @param {number} nBits
 */
export function strip(hit, code, nBits) {
  const known = code && hit.code && nBits <= LONGEST_STRIP;
  const marks = known ? differing(hit.code, code, nBits) : range(hit.distance);
  return svg(
    "svg",
    {
      class: "strip",
      viewBox: `0 0 ${nBits} 1`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    svg("title", {}, `${bits(hit.distance)} of ${nBits} differ`),
    svg("path", { d: marks.map((i) => `M${i} 0h1v1h-1z`).join("") }),
  );
}

/** A code as a grid of cells; those that differ from the other code are marked. */
export function grid(hex, other, nBits) {
  const mine = unpack(hex, nBits);
  const theirs = other ? unpack(other, nBits) : mine;
  const cells = mine.map((one, i) =>
    svg("rect", {
      x: (i % ROW) * 10 + 1,
      y: Math.floor(i / ROW) * 10 + 1,
      width: 8,
      height: 8,
      rx: 1.5,
      class: `${one ? "one" : "zero"}${one === theirs[i] ? "" : " other"}`,
    }),
  );
  const rows = Math.ceil(nBits / ROW);
  const label = other ? `${mine.filter((one, i) => one !== theirs[i]).length} bits differ` : "Code";
  return svg(
    "svg",
    { class: "code", viewBox: `0 0 ${ROW * 10} ${rows * 10}`, role: "img", "aria-label": label },
    ...cells,
  );
}

/** The places at which two codes differ. @param {string} a @param {string} b  in hex */
export function differing(a, b, nBits) {
  const theirs = unpack(b, nBits);
  return unpack(a, nBits).flatMap((one, i) => (one === theirs[i] ? [] : [i]));
}

const range = (n) => Array.from({ length: n }, (_, i) => i);
