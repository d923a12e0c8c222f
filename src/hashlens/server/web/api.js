/** The server's addresses. All are relative, so that the page works below any prefix. */

import { address } from "./place.js";

/**
 * @typedef {object} Item
 * @property {number} id
 * @property {string} name       of its file, without a folder
 * @property {string|null} label
 * @property {Record<string, unknown>} metadata
 * @property {string|null} added
 * @property {string} thumbnail  address
 * @property {string} image      address
 *
 * @typedef {Item} Hit           an item with, beside that:
 * @property {number} distance   in bits
 * @property {number|null} similarity
 * @property {number|null} same_class
 * @property {string} [code]     in hex
 */

const TRIES = 5;

/** What the server, or its absence, refuses. `status` is 0 where there is no server. */
export class ApiError extends Error {
  constructor(status, message, field = null) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

/** What the rest of the page does for a request: set once, by `main.js`. */
export const hooks = {
  /** Told how many seconds a busy server asks to wait; 0 when it answers. */
  waiting: (_seconds) => {},
  /** Told whether the server is there. */
  reached: (_there) => {},
  /** Asks the user for the token. @returns {Promise<string|null>} */
  token: async () => null,
};

const token = {
  read: () => sessionStorage.getItem("token"),
  keep: (text) => sessionStorage.setItem("token", text),
};

/** Send a request; wait where the server is busy, ask for the token where it wants one. */
async function ask(path, options = {}) {
  for (let tried = 1; ; tried += 1) {
    const response = await send(path, options);
    if (response.ok) return response.status === 204 ? null : response.json();
    if (response.status === 503 && tried < TRIES) {
      await pause(Math.min(30, Number(response.headers.get("Retry-After")) || 1), options.signal);
    } else if (response.status === 401 && tried < TRIES && (await renewed(tried))) {
      continue;
    } else {
      throw await refusal(response);
    }
  }
}

/** The token goes with what may write, and with nothing else. */
async function send(path, options) {
  const headers = new Headers(options.headers);
  if (options.method && token.read()) headers.set("Authorization", `Bearer ${token.read()}`);
  try {
    const response = await fetch(path, { ...options, headers });
    hooks.reached(true);
    return response;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    hooks.reached(false);
    throw new ApiError(0, "The server does not answer.");
  }
}

async function renewed(tried) {
  const given = await hooks.token(tried > 1 || token.read() !== null);
  if (given) token.keep(given);
  return given !== null;
}

function pause(seconds, signal) {
  hooks.waiting(seconds);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      hooks.waiting(0);
      resolve();
    }, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      hooks.waiting(0);
      reject(signal.reason);
    });
  });
}

async function refusal(response) {
  const said = await response.json().catch(() => ({}));
  const plain = {
    401: "The token is not right.",
    413: "The picture is too large for this server.",
    415: "This is not a picture that can be read.",
    503: "The server is busy. Try again in a moment.",
  }[response.status];
  const message = said.error ?? plain ?? `The server answered ${response.status}.`;
  return new ApiError(response.status, message, said.field ?? null);
}

const words = (values) =>
  new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null && value !== ""));

/** Search by what the place says; `files` are the uploaded pictures. */
export function search(place, files, signal) {
  const how = words({
    k: place.k,
    radius: place.radius,
    where: place.where,
    rerank: place.rerank,
  });
  if (!files) {
    for (const id of place.ids) how.append("id", id);
    return ask(`search?${how}`, { signal });
  }
  const form = new FormData();
  for (const file of files) form.append("image", file, file.name || "picture");
  for (const [name, value] of how) form.append(name, value);
  return ask("search", { method: "POST", body: form, signal });
}

/** @returns {Promise<{items: Item[], total: number}>} */
export const items = ({ where = "", first = 0, n = 60 }, signal) =>
  ask(`items?${words({ where, first, n })}`, { signal });

/** The code of an item, in hex. */
export async function codeOf(id, signal) {
  const answer = await ask(`search?${words({ id, k: 1 })}`, { signal });
  return answer.query.parts[0].code;
}

/** @returns {Promise<Item>} */
export const item = (id, signal) => ask(`items/${id}`, { signal });

export const stats = (signal) => ask("stats", { signal });

export const duplicates = (how, signal) => ask(`duplicates?${words(how)}`, { signal });

/** @param {number} id @param {{keepalive?: boolean}} [how] */
export const remove = (id, how = {}) => ask(`items/${id}`, { method: "DELETE", ...how });

/** @param {File} file */
export function add(file) {
  const form = new FormData();
  form.append("image", file, file.name || "picture");
  return ask("items", { method: "POST", body: form });
}

/** The address of an item's thumbnail that fits `side` pixels of the page. @param {Item} item */
export const thumbnail = (item, side) =>
  side * Math.min(2, devicePixelRatio) > 180 ? `${item.thumbnail}&size=320` : item.thumbnail;

/** The address of the page that searches by an item. */
export const likeThis = (id, place) => address({ ...place, ids: [id], upload: null, show: null });
