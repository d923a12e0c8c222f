/** Where there are no pictures to show: why, and what to do about it. */

import { at, h, toggle } from "./dom.js";
import { choose } from "./drop.js";
import { asks, go } from "./place.js";
import { bits } from "./words.js";

/**
 * Say why there is nothing; an empty text takes it away.
 * @param {string} title @param {string} [more] @param {[string, () => void][]} [actions]
 */
export function nothing(title, more = "", actions = []) {
  const buttons = actions.map(([text, act]) =>
    h("button", { type: "button", on: { click: act } }, text),
  );
  at("nothing").replaceChildren(
    h("h2", {}, title),
    more ? h("p", {}, more) : "",
    h("div", { class: "row" }, ...buttons),
  );
  toggle(at("nothing"), title !== "");
}

/** Nothing was found at a place. @param {number|null} nearest  distance beyond the radius */
export function nothingFound(place, nearest) {
  const within = asks(place) && place.radius !== null;
  const actions = [];
  if (nearest !== null) {
    actions.push([`Look within ${bits(nearest)}`, () => go({ radius: nearest })]);
    actions.push(["Look at any distance", () => go({ radius: null })]);
  }
  if (place.where) actions.push(["Clear the filter", () => go({ where: "" })]);
  const words = [];
  if (nearest !== null) words.push(`The nearest is ${bits(nearest)} away.`);
  if (place.where) words.push(`The filter is: ${place.where}`);
  const other = asks(place) && !place.where ? "No other picture here." : "No picture here.";
  nothing(within ? `Nothing within ${bits(place.radius)}.` : other, words.join(" "), actions);
}

/** The collection has no pictures. */
export function emptyCollection(stats) {
  if (stats.writing.allowed) {
    nothing("No pictures here yet.", "Drop some anywhere on this page, or choose them.", [
      ["Add pictures", () => choose("add")],
    ]);
  } else {
    nothing("No pictures here yet.", "They are added with: hashlens index FOLDER --out COLLECTION");
  }
}

/** The server refused; in its own words. @param {import("./api.js").ApiError} error */
export function refused(error, place) {
  const titles = {
    404: "That picture is not in the collection.",
    413: "That picture is too large.",
    503: "The server is busy.",
  };
  const title =
    titles[error.status] ??
    (error.field === "image" ? "That picture cannot be read." : "That search cannot be done.");
  const actions = [];
  if (error.status === 503) actions.push(["Try again", () => go({}, { replace: true })]);
  if (asks(place)) actions.push(["Choose another picture", () => choose("search")]);
  nothing(title, error.message, actions);
}
