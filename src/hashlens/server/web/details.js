/** The details of a picture: large, with what is known of it, and a walk to its neighbours. */

import * as api from "./api.js";
import { differing, grid } from "./codes.js";
import { at, h, icon } from "./dom.js";
import { note } from "./notes.js";
import { back, go, here } from "./place.js";
import { bits, percent } from "./words.js";

const LARGER = 2.7;

let ring = () => ({ pictures: [], code: null, nBits: 0 });
let remove = null;
let closed = () => {};
let open = null;
let running = new AbortController();

/**
 * @param {() => {pictures: object[], code: string|null, nBits: number}} shown  walked through
 * @param {((item: object) => void)|null} removing  removes an item; null where that is not allowed
 * @param {(id: number) => void} after  called when the details close
 */
export function makeDetails(shown, removing, after) {
  [ring, remove, closed] = [shown, removing, after];
  const dialog = at("details");
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) leave();
  });
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) walk(step);
  });
}

/** Draw the details again, as the pictures around have come or changed. */
export function redrawDetails() {
  if (open === null || !at("details").open) return;
  draw(open).catch(() => {}); // what is shown stays
}

/** Show what the place says. @param {import("./place.js").Place} place */
export function showDetails(place) {
  const dialog = at("details");
  if (place.show === null) {
    if (dialog.open) dialog.close();
    if (open !== null) closed(open);
    open = null;
  } else if (place.show !== open) {
    open = place.show;
    if (!dialog.open) dialog.showModal();
    draw(place.show).catch((error) => {
      if (error.name === "AbortError") return;
      note(error.status === 404 ? `There is no picture ${place.show}.` : error.message);
      leave();
    });
  }
}

const leave = () => back({ show: null });

function walk(step) {
  const { pictures } = ring();
  const next = pictures[pictures.findIndex((picture) => picture.id === open) + step];
  if (next) go({ show: next.id }, { replace: true });
}

async function draw(id) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const { pictures, code, nBits } = ring();
  const place = pictures.findIndex((picture) => picture.id === id);
  const found = pictures[place] ?? (await api.item(id, signal));
  signal.throwIfAborted();
  const facts = h("div", { class: "facts" }, ...words(found), ...actions(found));
  const alone = pictures.length < 2 || place < 0;
  at("details").replaceChildren(
    h(
      "div",
      { class: "large" },
      large(found),
      alone ? "" : arrow("left", "Picture before", -1, place === 0),
      alone ? "" : arrow("right", "Next picture", 1, place === pictures.length - 1),
    ),
    facts,
    h(
      "button",
      { type: "button", class: "round close", "aria-label": "Close", on: { click: leave } },
      icon("close"),
    ),
  );
  at("details").setAttribute("aria-label", `Picture ${id}, ${found.label ?? found.name}`);
  if (!at("details").contains(document.activeElement)) at("details").focus();
  const own = found.code ?? (await api.codeOf(id, signal));
  signal.throwIfAborted();
  const length = nBits || own.length * 4;
  facts.querySelector(".bits").append(grid(own, code, length), legend(own, code, length));
}

function large(found) {
  // The thumbnail is there already: it stands in until the picture itself has come.
  const image = h("img", {
    src: api.thumbnail(found, 320),
    alt: found.label ?? found.name,
    class: "there",
  });
  const whole = new Image();
  whole.onload = () => {
    image.src = whole.src;
    image.classList.toggle("pixelated", whole.naturalWidth <= 64);
    if (whole.naturalWidth <= 64) return;
    // A picture that is not large is not blown up to a blur.
    image.style.maxWidth = `${LARGER * whole.naturalWidth}px`;
    image.style.maxHeight = `${LARGER * whole.naturalHeight}px`;
  };
  whole.onerror = () =>
    image.after(h("p", { class: "gone" }, "The file of this picture is not there any more."));
  whole.src = found.image;
  return image;
}

function arrow(name, label, step, last) {
  return h(
    "button",
    {
      type: "button",
      class: `round arrow ${name}`,
      "aria-label": label,
      disabled: last,
      on: { click: () => walk(step) },
    },
    icon(name),
  );
}

function words(found) {
  const rows = [];
  if (found.distance !== undefined) rows.push(["Distance", bits(found.distance)]);
  if (typeof found.similarity === "number") rows.push(["Similarity", found.similarity.toFixed(3)]);
  if (typeof found.same_class === "number")
    rows.push(["Same class", `${percent(found.same_class)} of pictures so far apart`]);
  if (found.label) rows.push(["Name", found.name]);
  rows.push(["Id", String(found.id)]);
  if (found.added)
    rows.push([
      "Added",
      new Date(found.added).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }),
    ]);
  for (const [name, value] of Object.entries(found.metadata ?? {})) {
    rows.push([name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
  }
  return [
    h("h2", {}, found.label ?? found.name),
    h("dl", {}, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("div", { class: "bits" }),
  ];
}

function legend(own, code, nBits) {
  const marked = code
    ? ` Marked: the ${bits(differing(own, code, nBits).length)} that differ from the query's.`
    : "";
  return h("p", { class: "hint" }, `Its code.${marked}`);
}

function actions(found) {
  const like = h(
    "a",
    { class: "button primary", href: api.likeThis(found.id, here()) },
    icon("lens"),
    "More like this",
  );
  like.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go({ view: "search", ids: [found.id], upload: null, show: null });
  });
  const list = [
    like,
    h(
      "a",
      { class: "button", href: found.image, target: "_blank", rel: "noopener" },
      icon("picture"),
      "Open the picture",
    ),
    h("button", { type: "button", on: { click: copy } }, icon("link"), "Copy link"),
  ];
  if (remove)
    list.push(
      h(
        "button",
        { type: "button", class: "danger", on: { click: () => confirm(found) } },
        icon("bin"),
        "Remove",
      ),
    );
  return [h("div", { class: "actions" }, ...list)];
}

async function copy() {
  try {
    await navigator.clipboard.writeText(location.href);
    note("The link is copied.");
  } catch {
    note("This browser does not let the page copy. The link is in the address bar.");
  }
}

/** Ask once, in the place of the buttons. */
function confirm(found) {
  const actions = at("details").querySelector(".actions");
  const sure = h(
    "button",
    {
      type: "button",
      class: "danger",
      on: {
        click: () => {
          leave();
          remove(found);
        },
      },
    },
    "Remove",
  );
  const again = [...actions.children];
  actions.replaceChildren(
    h("p", {}, "Remove it from the collection? Its file on disk stays where it is."),
    sure,
    h("button", { type: "button", on: { click: () => actions.replaceChildren(...again) } }, "Keep"),
  );
  sure.focus();
}
