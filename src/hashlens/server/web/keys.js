/** The keys of the page, and the sheet that shows them. */

import { at, h, isTyping } from "./dom.js";
import { choose } from "./drop.js";
import { go } from "./place.js";

const KEYS = [
  [["/"], "Filter"],
  [["u"], "Choose a picture to search by"],
  [["Ctrl", "V"], "Search by the picture on the clipboard"],
  [["←", "→", "↑", "↓"], "Walk through the pictures"],
  [["Enter"], "More like this one"],
  [["Shift", "Enter"], "More like this one and the query together"],
  [["i"], "Details; the arrows go on to the next"],
  [["Esc"], "Back"],
  [["1", "2", "3"], "Search, duplicates, bits"],
  [["?"], "These keys"],
];

const ACTS = {
  "/": () => {
    at("where").focus();
    at("where").select();
  },
  u: () => choose("search"),
  1: () => go({ view: "search", show: null }),
  2: () => go({ view: "duplicates", show: null }),
  3: () => go({ view: "bits", show: null }),
  "?": () => showKeys(),
};

/** Listen for the keys. */
export function makeKeys() {
  at("help").addEventListener("click", showKeys);
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key.startsWith("Arrow") && document.activeElement === document.body) {
      const first = at("pictures").querySelector("a[tabindex='0']");
      if (first?.checkVisibility()) {
        event.preventDefault();
        first.focus();
      }
      return;
    }
    const act = Object.hasOwn(ACTS, event.key) ? ACTS[event.key] : null;
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function showKeys() {
  const dialog = at("keys");
  dialog.replaceChildren(
    h("h2", { id: "keys-title" }, "Keys"),
    h(
      "dl",
      { class: "keylist" },
      ...KEYS.flatMap(([keys, words]) => [
        h("dt", {}, ...keys.map((key) => h("kbd", {}, key))),
        h("dd", {}, words),
      ]),
    ),
    h("form", { method: "dialog", class: "row" }, h("button", { class: "primary" }, "Close")),
  );
  dialog.showModal();
}
