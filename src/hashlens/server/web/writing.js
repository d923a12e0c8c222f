/** Adding pictures and removing them, and the token that the server may want for that. */

import * as api from "./api.js";
import { at, h } from "./dom.js";
import { note, progress } from "./notes.js";
import { counted } from "./words.js";

let changed = async () => {};

/** @param {() => Promise<void>} act  called when the collection has changed */
export function makeWriting(act) {
  changed = act;
}

/** Add files to the collection, one after the other. @param {File[]} files */
export async function addFiles(files) {
  const done = { added: 0, already: 0 };
  let failed = null;
  for (const file of files) {
    try {
      const report = await progress(api.add(file));
      done.added += report.added;
      done.already += report.already;
    } catch (error) {
      failed = error.message.includes(file.name) ? error.message : `${file.name}: ${error.message}`;
      if (error.status !== 422 && error.status !== 413) break;
    }
  }
  const words = [];
  if (done.added) words.push(`${counted(done.added, "picture")} added`);
  if (done.already) words.push(`${counted(done.already, "picture")} there already`);
  if (words.length) note(`${words.join(", ")}.`);
  if (failed) note(failed);
  if (done.added) await changed();
  return failed === null;
}

/**
 * Remove an item, after some seconds in which it can be undone.
 * @param {import("./api.js").Item} item
 * @param {(gone: boolean) => void} hide  hides it, or shows it again
 */
export function removeItem(item, hide) {
  hide(true);
  let waiting = true;
  const act = async (keepalive) => {
    if (!waiting) return;
    waiting = false;
    removeEventListener("pagehide", leaving);
    try {
      await api.remove(item.id, { keepalive });
      await changed();
    } catch (error) {
      hide(false);
      note(`Picture ${item.id} was not removed: ${error.message}`);
    }
  };
  const leaving = () => act(true);
  addEventListener("pagehide", leaving);
  note(`${item.label ?? item.name} is removed from the collection.`, {
    action: "Undo",
    act: () => {
      waiting = false;
      removeEventListener("pagehide", leaving);
      hide(false);
    },
    done: () => act(false),
  });
}

/** Ask for the token. @param {boolean} wrong  whether one was given that is not right */
export function askToken(wrong) {
  const dialog = at("token");
  const field = h("input", {
    type: "password",
    id: "token-field",
    autocomplete: "off",
    required: true,
    "aria-describedby": "token-error",
  });
  const cancel = () => dialog.close("");
  dialog.replaceChildren(
    h(
      "form",
      {
        method: "dialog",
        on: {
          submit: (event) => {
            event.preventDefault();
            dialog.close(field.value.trim());
          },
        },
      },
      h("h2", { id: "token-title" }, "This needs the token"),
      h(
        "p",
        {},
        "The server wants a token for adding and removing. It is kept until this tab closes.",
      ),
      h("label", { for: "token-field" }, "Token"),
      field,
      h(
        "p",
        { class: "error", id: "token-error", role: "alert" },
        wrong ? "That token was not right." : "",
      ),
      h(
        "div",
        { class: "row" },
        h("button", { type: "submit", class: "primary" }, "Go on"),
        h("button", { type: "button", on: { click: cancel } }, "Cancel"),
      ),
    ),
  );
  dialog.returnValue = "";
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue || null), { once: true });
  });
}
