// @ts-check
/**
 * Exact arithmetic on decimal texts, as the server sends them. Numbers are used for drawing only.
 * @module decimal
 */

/**
 * A decimal as `units / 10^scale`.
 * @typedef {{units: bigint, scale: number}} Parsed
 */

/**
 * @param {string} text such as `-12.50`
 * @returns {Parsed}
 */
function parse(text) {
  const [whole, fraction = ""] = text.split(".");
  return { units: BigInt(whole + fraction), scale: fraction.length };
}

/** @param {Parsed} value @param {number} scale at least that of the value */
const unitsAt = (value, scale) => value.units * 10n ** BigInt(scale - value.scale);

/** @param {bigint} units @param {number} scale */
function print(units, scale) {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  if (scale === 0) return sign + digits;
  const whole = digits.slice(0, -scale);
  const fraction = digits.slice(-scale).replace(/0+$/, "");
  return sign + whole + (fraction && `.${fraction}`);
}

/**
 * The exact sum, without zeros at the end.
 * @param {string} left
 * @param {string} right
 */
export function add(left, right) {
  const [a, b] = [parse(left), parse(right)];
  const scale = Math.max(a.scale, b.scale);
  return print(unitsAt(a, scale) + unitsAt(b, scale), scale);
}

/**
 * The exact difference, without zeros at the end.
 * @param {string} left
 * @param {string} right
 */
export function subtract(left, right) {
  const [a, b] = [parse(left), parse(right)];
  const scale = Math.max(a.scale, b.scale);
  return print(unitsAt(a, scale) - unitsAt(b, scale), scale);
}

/**
 * Negative, zero or positive, as the first is less than, equal to or greater than the second.
 * @param {string} left
 * @param {string} right
 * @returns {number}
 */
export function compare(left, right) {
  const rough = Number(left) - Number(right);
  if (Math.abs(rough) > 1e-9 * Math.abs(Number(left))) return rough;
  const [a, b] = [parse(left), parse(right)];
  const scale = Math.max(a.scale, b.scale);
  const [x, y] = [unitsAt(a, scale), unitsAt(b, scale)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** @param {string} text */
export const isZero = (text) => /^-?0*\.?0*$/.test(text);

/**
 * The same number with at least `digits` decimal places, so that columns are aligned.
 * @param {string} text
 * @param {number} digits
 */
export function pad(text, digits) {
  const dot = text.indexOf(".");
  const have = dot < 0 ? 0 : text.length - dot - 1;
  if (have >= digits) return text;
  return text + (dot < 0 ? "." : "") + "0".repeat(digits - have);
}

/**
 * The same number with a comma between thousands.
 * @param {string} text
 */
export function group(text) {
  const [whole, fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/**
 * A number with its sign and two decimal places, such as `+0.25`; `0.00` has no sign.
 * @param {number} value
 */
export function signed(value) {
  const text = Math.abs(value).toFixed(2);
  return text === "0.00" ? text : (value < 0 ? "-" : "+") + text;
}

/**
 * A short form of a quantity for narrow columns, such as `4.3M`. The exact text belongs into a title beside it.
 * @param {number} value
 */
export function short(value) {
  const size = Math.abs(value);
  const units = /** @type {[number, string][]} */ ([[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]]);
  for (const [unit, name] of units) {
    if (size >= unit) return `${trim((value / unit).toFixed(size >= 100 * unit ? 0 : size >= 10 * unit ? 1 : 2))}${name}`;
  }
  return trim(value.toFixed(size >= 100 ? 1 : 4));
}

/** @param {string} text */
const trim = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
