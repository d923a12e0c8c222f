/** Elements, built from values: what is given as a child is text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/** The element of this id; the page has it. @param {string} id @returns {HTMLElement} */
export const at = (id) => document.getElementById(id);

/**
 * Build an element. `on` holds listeners, `class` the classes; other names are attributes.
 * @param {string} tag @param {object} [attributes] @param {...(Node|string|number|null)} children
 */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for an element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** One of the drawings that the page holds. @param {string} name */
export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
}

/** Show or hide. @param {HTMLElement} element @param {boolean} shown */
export function toggle(element, shown) {
  element.hidden = !shown;
  return element;
}

/** Whether a key press is meant for a field that is typed into. @param {KeyboardEvent} event */
export function isTyping(event) {
  const field = event.target;
  if (!(field instanceof HTMLElement)) return false;
  return field.matches("input:not([type=checkbox], [type=range]), textarea, select");
}

/** Whether the user asks for less motion. */
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Call `act` once, `ms` after the last of several calls. */
export function afterwards(ms, act) {
  let waiting = 0;
  return (...given) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => act(...given), ms);
  };
}

function fill(element, attributes, children) {
  const { on = {}, ...rest } = attributes;
  for (const [name, value] of Object.entries(rest)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, act] of Object.entries(on)) element.addEventListener(event, act);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
