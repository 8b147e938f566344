/* Amounts of money as they come: decimal strings, compared and subtracted exactly, never as floating point numbers. */

const DECIMAL = /^(\d{1,30})(?:\.(\d{1,12}))?$/;

/** The amount as a whole number of 10^-scale units, or null for what is no plain decimal. */
function units(amount, scale) {
  const match = DECIMAL.exec(String(amount ?? ""));
  return match && BigInt(match[1] + (match[2] ?? "").padEnd(scale, "0"));
}

const scaleOf = (amount) => DECIMAL.exec(String(amount ?? ""))?.[2]?.length ?? 0;

/** Both amounts at one scale; null when either is no plain decimal. */
function aligned(a, b) {
  const scale = Math.max(scaleOf(a), scaleOf(b));
  const [left, right] = [units(a, scale), units(b, scale)];
  return left === null || right === null ? null : { left, right, scale };
}

export const isDecimal = (amount) => DECIMAL.test(String(amount ?? ""));

/** Below, at or above 0 as in Array.sort; what is no decimal comes last. */
export function compareDecimals(a, b) {
  const both = aligned(a, b);
  if (!both) return Number(!isDecimal(a)) - Number(!isDecimal(b));
  return both.left < both.right ? -1 : Number(both.left > both.right);
}

/** a - b as a decimal string, for a >= b; null when there is no such difference. */
export function subtractDecimals(a, b) {
  const both = aligned(a, b);
  if (!both || both.left < both.right) return null;
  const digits = String(both.left - both.right).padStart(both.scale + 1, "0");
  return both.scale ? `${digits.slice(0, -both.scale)}.${digits.slice(-both.scale)}` : digits;
}
