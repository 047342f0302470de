// Times of a named zone: how they read, and which instant a date and time there is.

const parts = {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
};
const formats = new Map();

function format(zone, name, options) {
  const key = `${zone} ${name}`;
  if (!formats.has(key))
    formats.set(key, new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone, hourCycle: "h23" }));
  return formats.get(key);
}

const DAY = { day: "numeric", month: "short", year: "numeric" };
const MINUTES = { hour: "2-digit", minute: "2-digit" };
const SECONDS = { ...MINUTES, second: "2-digit" };

/** "5 Jun 2025, 14:05", with seconds if wanted; a day alone where buckets are days. */
export function readable(epochS, zone, { seconds = false, dayOnly = false } = {}) {
  if (dayOnly) return format(zone, "day", DAY).format(epochS * 1000);
  const time = seconds ? SECONDS : MINUTES;
  return format(zone, seconds ? "long" : "short", { ...DAY, ...time }).format(epochS * 1000);
}

/** What stands on hover: the instant in UTC. */
export function utc(epochS) {
  return `${readable(epochS, "UTC", { seconds: true })} UTC`;
}

/** Time of day, with seconds if wanted. */
export function clock(epochS, zone, seconds) {
  return format(zone, seconds ? "clock-long" : "clock", seconds ? SECONDS : MINUTES).format(epochS * 1000);
}

/** "5 Jun", or "Jun 2025" of a month. */
export function day(epochS, zone, { month = false } = {}) {
  if (month) return format(zone, "month", { month: "short", year: "numeric" }).format(epochS * 1000);
  return format(zone, "day-month", { day: "numeric", month: "short" }).format(epochS * 1000);
}

/** The wall clock of an instant as a field takes it: 2025-06-05T14:05:00. */
export function wallClock(epochS, zone) {
  const found = Object.fromEntries(
    format(zone, "wall", parts)
      .formatToParts(epochS * 1000)
      .map(({ type, value }) => [type, value]),
  );
  const year = found.year.padStart(4, "0");
  return `${year}-${found.month}-${found.day}T${found.hour}:${found.minute}:${found.second}`;
}

/**
 * Epoch seconds of a wall clock of a zone, null for what is none.
 *
 * A time that comes twice is its first, one that the clocks skip is as long after the skip as it was into it.
 */
export function instantOf(wall, zone) {
  const asUtcS = Date.parse(`${wall}Z`) / 1000;
  if (Number.isNaN(asUtcS)) return null;
  const candidates = [-86400, 86400].map((step) => asUtcS - offsetAt(asUtcS + step, zone));
  const fitting = candidates.filter((epochS) => epochS + offsetAt(epochS, zone) === asUtcS);
  return fitting.length ? Math.min(...fitting) : Math.max(...candidates);
}

function offsetAt(epochS, zone) {
  const whole = Math.floor(epochS);
  return Date.parse(`${wallClock(whole, zone)}Z`) / 1000 - whole;
}
