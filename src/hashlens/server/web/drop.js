/** Pictures come in: dropped anywhere, pasted, or chosen (on a phone also from the camera). */

import { at, h, isTyping, toggle } from "./dom.js";
import { note } from "./notes.js";
import { bytes } from "./words.js";

let purpose = "search";
let act = { search: () => {}, add: () => {} };
let limits = { max_upload_bytes: Infinity, max_images: 8 };
let writable = false;

/**
 * @param {object} stats
 * @param {{search: (files: File[]) => void, add: (files: File[]) => void}} acts
 */
export function makeDrop(stats, acts) {
  act = acts;
  limits = stats.limits;
  writable = stats.writing.allowed;
  for (const button of document.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", () => choose("search"));
  }
  at("files").addEventListener("change", () => {
    take([...at("files").files], purpose);
    at("files").value = "";
  });
  document.addEventListener("paste", onPaste);
  at("over").replaceChildren(...targets());
  addEventListener("dragenter", onDrag);
  addEventListener("dragover", onDrag);
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) toggle(at("over"), false);
  });
  addEventListener("drop", onDrop);
}

/** Let the user choose files. @param {"search"|"add"} wanted */
export function choose(wanted) {
  purpose = wanted;
  at("files").click();
}

function targets() {
  const target = (name, text) => h("div", { class: "target", "data-drop": name }, h("b", {}, text));
  const search = target("search", "Find what looks like this");
  return writable ? [search, target("add", "Add to the collection")] : [search];
}

const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

function onDrag(event) {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  toggle(at("over"), true);
  const over = event.target.closest?.("[data-drop]");
  for (const target of at("over").children) target.classList.toggle("aimed", target === over);
}

function onDrop(event) {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  toggle(at("over"), false);
  const wanted = event.target.closest?.("[data-drop]")?.dataset.drop ?? "search";
  take([...event.dataTransfer.files], wanted);
}

function onPaste(event) {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length) {
    event.preventDefault();
    take(files, "search");
  } else if (!isTyping(event)) {
    note("There is no picture on the clipboard.");
  }
}

/** Leave out what cannot be sent, say so, and go on with the others. */
function take(files, wanted) {
  const pictures = files.filter((file) => file.type === "" || file.type.startsWith("image/"));
  const fit = pictures.filter((file) => file.size <= limits.max_upload_bytes);
  const other = files.find((file) => !pictures.includes(file));
  const large = pictures.find((file) => !fit.includes(file));
  if (other) note(`${other.name} is not a picture.`);
  if (large)
    note(
      `${large.name} is too large: ${bytes(large.size)}. ` +
        `The most is ${bytes(limits.max_upload_bytes)}.`,
    );
  const most = wanted === "search" ? limits.max_images : Infinity;
  if (fit.length > most) note(`The first ${most} pictures are searched by.`);
  if (fit.length) act[wanted](fit.slice(0, most));
}
