/** What the page says: notes that pass, what is wrong, and words for those who listen. */

import { at, h, toggle } from "./dom.js";

const SECONDS = 6;

/**
 * Show a note for some seconds.
 * @param {string} text @param {{action?: string, act?: () => void, done?: () => void}} [offer]
 *   a button and what it does; `done` is called when the note goes and the button was not used
 */
export function note(text, { action, act, done } = {}) {
  const box = h("div", { class: "toast" }, h("span", {}, text));
  const leave = (taken) => {
    clearTimeout(timer);
    box.remove();
    if (!taken) done?.();
  };
  if (action) {
    const take = () => {
      leave(true);
      act();
    };
    box.append(h("button", { type: "button", class: "link", on: { click: take } }, action));
  }
  const timer = setTimeout(() => leave(false), 1000 * SECONDS);
  at("toasts").append(box);
  return () => leave(false);
}

/** Say something to screen readers only. @param {string} text */
export function say(text) {
  at("said").textContent = text;
}

/** A bar at the top for what goes on being wrong; none where there is no text. */
export function trouble(text) {
  const bar = at("trouble");
  if (bar.textContent !== text) bar.textContent = text;
  toggle(bar, text !== "");
}

let running = 0;

/** Show that something is on its way until it is there; fast answers show nothing. */
export async function progress(promise) {
  running += 1;
  setTimeout(() => toggle(at("progress"), running > 0), 150);
  try {
    return await promise;
  } finally {
    running -= 1;
    toggle(at("progress"), running > 0);
  }
}
