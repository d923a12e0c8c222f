/** Pictures to begin with: a handful of the whole collection, or those that a filter lets pass. */

import * as api from "./api.js";
import { count, counted } from "./words.js";

const HANDFUL = 48;
let turn = Math.floor(Math.random() * 1e6);
let pages = { where: "", n: 1 };

/**
 * @param {import("./place.js").Place} place @param {object} stats @param {AbortSignal} signal
 * @returns {Promise<{items: object[], words: string, again: Function|null, more: Function|null}>}
 *   `again` takes another handful, `more` one page more, when the same is called anew
 */
export function browse(place, stats, signal) {
  const apart = Math.floor(stats.n_items / HANDFUL);
  return place.where === "" && apart > 1
    ? handful(stats, apart, signal)
    : inOrder(place.where, signal);
}

/** Every so many-th picture, so that each part of the collection has its share; shuffled. */
async function handful(stats, apart, signal) {
  const where = `id % ${apart} = ${turn % apart}`;
  const { items } = await api.items({ where, n: HANDFUL }, signal);
  const place = (item) => (Math.imul(item.id + turn, 2654435761) >>> 0) / 2 ** 32;
  items.sort((a, b) => place(a) - place(b));
  return {
    items,
    words: `${count(items.length)} of ${counted(stats.n_items, "picture")}`,
    again: () => {
      turn += 1;
    },
    more: null,
  };
}

async function inOrder(where, signal) {
  if (pages.where !== where) pages = { where, n: 1 };
  const { items, total } = await api.items({ where, n: Math.min(1000, HANDFUL * pages.n) }, signal);
  return {
    items,
    words: where ? `${counted(total, "picture")} with ${where}` : counted(total, "picture"),
    again: null,
    more:
      total > items.length && items.length < 1000
        ? () => {
            pages.n += 1;
          }
        : null,
  };
}
