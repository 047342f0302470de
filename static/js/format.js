// Numbers, times and sizes as people read them.

const integers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const decimals = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const plurals = new Intl.PluralRules("en");

const localTime = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const utcTime = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZone: "UTC",
});

/** A whole number with thousands separators; a dash for none. */
export function count(value) {
  return value === null || value === undefined ? "–" : integers.format(value);
}

/** A number with up to two decimals. */
export function decimal(value) {
  return value === null || value === undefined ? "–" : decimals.format(value);
}

/** A short form such as 1.2K for axes. */
export function short(value) {
  return value < 10000 ? integers.format(value) : compact.format(value);
}

/** "1 cell", "12 cells". */
export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${plurals.select(value) === "one" ? one : many}`;
}

/** Bytes in steps of 1,024. */
export function size(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const scaled = bytes / 1024 ** step;
  return `${scaled.toFixed(step === 0 || scaled >= 100 ? 0 : 1)} ${units[step]}`;
}

/** Seconds as "8 s", "3 min 20 s", "1 h 5 min". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  return `${Math.floor(whole / 3600)} h${whole % 3600 >= 60 ? ` ${Math.floor((whole % 3600) / 60)} min` : ""}`;
}

/** Show every <time> below `root` in the viewer's zone, with UTC on hover. */
export function localizeTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]:not([data-localized])")) {
    const instant = new Date(element.dateTime);
    if (Number.isNaN(instant.getTime())) continue;
    element.textContent = localTime.format(instant);
    element.title = `${utcTime.format(instant)} UTC`;
    element.dataset.localized = "";
  }
}
