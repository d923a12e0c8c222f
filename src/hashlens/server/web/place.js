/** Where the page is: all of it in the address, so that links, back and forward work. */

/**
 * @typedef {object} Place
 * @property {"search"|"duplicates"|"bits"} view
 * @property {number[]} ids     items that are the query
 * @property {string|null} upload  key of the uploaded pictures that are the query
 * @property {number} k
 * @property {number|null} radius  in bits; null: any
 * @property {string} where     filter
 * @property {boolean|null} rerank null: as the collection has it
 * @property {number|null} show    item whose details are open
 */

export const DEFAULT_K = 24;
const VIEWS = ["search", "duplicates", "bits"];
const listeners = [];
let latest = read();

/** Read a place from an address; what is no number is left out. @returns {Place} */
export function read(search = location.search) {
  const words = new URLSearchParams(search);
  const number = (name, fallback) => {
    const text = words.get(name);
    return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : fallback;
  };
  const view = words.get("view");
  return {
    view: VIEWS.includes(view) ? view : "search",
    ids: (words.get("id") ?? "")
      .split(",")
      .filter((text) => /^\d{1,15}$/.test(text))
      .map(Number),
    upload: words.get("upload"),
    k: Math.max(1, number("k", DEFAULT_K)),
    radius: number("radius", null),
    where: words.get("where") ?? "",
    rerank: words.has("rerank") ? words.get("rerank") !== "0" : null,
    show: number("show", null),
  };
}

/** The address of a place. @param {Partial<Place>} place */
export function address(place) {
  const words = new URLSearchParams();
  if (place.view && place.view !== "search") words.set("view", place.view);
  if (place.ids?.length) words.set("id", place.ids.join(","));
  if (place.upload) words.set("upload", place.upload);
  if (place.k && place.k !== DEFAULT_K) words.set("k", place.k);
  if (place.radius !== null && place.radius !== undefined) words.set("radius", place.radius);
  if (place.where) words.set("where", place.where);
  if (place.rerank === true || place.rerank === false) words.set("rerank", Number(place.rerank));
  if (place.show !== null && place.show !== undefined) words.set("show", place.show);
  const text = words.toString().replaceAll("%2C", ",");
  return text ? `?${text}` : location.pathname;
}

/** The place the page is at. @returns {Place} */
export const here = () => latest;

/** Whether a place asks for pictures like some picture. @param {Place} place */
export const asks = (place) => place.ids.length > 0 || place.upload !== null;

/**
 * Go to another place: the present one with changes.
 * @param {Partial<Place>} changes @param {{replace?: boolean}} [how] replace: no step of history
 */
export function go(changes, { replace = false } = {}) {
  const next = address({ ...latest, ...changes });
  if (replace) {
    history.replaceState(history.state, "", next);
  } else {
    history.replaceState({ ...history.state, top: scrollY }, "");
    history.pushState({ steps: (history.state?.steps ?? 0) + 1 }, "", next);
  }
  tell(false);
}

/** Go back if this page put the present place there, or else to `changes`. */
export function back(changes) {
  if (history.state?.steps) history.back();
  else go(changes, { replace: true });
}

/** Be told of each place: `act(place, before, top)`; top: where it was scrolled to, if known. */
export function onPlace(act) {
  listeners.push(act);
}

/** Tell the listeners where the page is. */
export function tell(returned = true) {
  const before = latest;
  latest = read();
  const top = returned ? history.state?.top : undefined;
  for (const act of listeners) act(latest, before, top);
}

history.scrollRestoration = "manual";
addEventListener("popstate", () => tell());
