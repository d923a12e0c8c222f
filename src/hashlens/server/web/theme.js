/** Dark or light: as the system has it, until the user says otherwise. */

import { at } from "./dom.js";

const KEY = "theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Let the button change it. */
export function makeTheme() {
  use(localStorage.getItem(KEY));
  at("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    // What the system has anyway needs no remembering.
    const asSystem = (next === "dark") === dark.matches;
    if (asSystem) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
    use(asSystem ? null : next);
  });
}

function use(theme) {
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}
