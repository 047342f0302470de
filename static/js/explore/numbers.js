// Values of points as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
const HUGE = 1e15;
const TINY = 1e-6;

/** A value with thousands separators and six digits that count; a dash for none. */
export function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= HUGE || (size > 0 && size < TINY)) return value.toExponential(4);
  return Number.isInteger(value) || size >= 1e6 ? whole.format(value) : significant.format(value);
}

/** A short form for axes, such as 12.5K. */
export function onAxis(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  if (size >= HUGE || (size > 0 && size < TINY)) return value.toExponential(1);
  return size >= 10000 ? compact.format(value) : significant.format(value);
}

/** A value with its unit. */
export function withUnit(value, unit) {
  return unit && value !== null && value !== undefined ? `${number(value)} ${unit}` : number(value);
}
