/** How numbers are written. */

const whole = new Intl.NumberFormat("en");

/** @param {number} n */
export const count = (n) => whole.format(n);

/** @param {number} n @param {string} one @param {string} [many] */
export const counted = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** A distance. @param {number} n */
export const bits = (n) => counted(n, "bit");

/** A share, 0 to 1; what is nearly all, or nearly nothing, is not called so. @param {number} x */
export function percent(x) {
  const shown = Math.floor(100 * x + 1e-9);
  const near = x > 0.99 && x < 1 ? "> 99" : x < 0.01 && x > 0 ? "< 1" : `${shown}`;
  return `${near}\u00a0%`;
}

/** @param {number} n */
export function bytes(n) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let step = 0;
  for (; n >= 1000 && step < units.length - 1; step += 1) n /= 1000;
  return `${step && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[step]}`;
}

/** A string as SQL writes it. @param {string} text */
export const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

/** A column as SQL writes it. @param {string} name */
export const column = (name) =>
  /^[A-Za-z_]\w*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
