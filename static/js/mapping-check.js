// What the importer will say about a row, told at once while somebody chooses columns.
//
// The preview's fifty rows only; the import checks every row by the server's own rules.

const NUMBER = /^[+\-\u2212]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const ISO =
  /^\d{4}(?:-?\d{2}(?:-?\d{2}(?:[T ]\d{2}(?::?\d{2}(?::?\d{2}(?:[.,]\d+)?)?)?\s*(?:Z|z|[+-]\d{2}:?(?:\d{2})?)?)?)?)?$/;
const MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec";
const LONG_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december";
const DIRECTIVES = {
  Y: "\\d{4}",
  y: "\\d{2}",
  m: "(?:0?[1-9]|1[0-2])",
  d: "(?:0?[1-9]|[12]\\d|3[01])",
  j: "\\d{1,3}",
  H: "(?:[01]?\\d|2[0-3])",
  I: "(?:0?[1-9]|1[0-2])",
  M: "[0-5]?\\d",
  S: "[0-5]?\\d",
  f: "\\d{1,9}",
  p: "[ap]\\.?m\\.?",
  z: "(?:z|[+-]\\d{2}(?::?\\d{2})?)",
  b: `(?:${MONTHS})\\.?`,
  B: `(?:${LONG_MONTHS})`,
  a: "(?:mon|tue|wed|thu|fri|sat|sun)\\.?",
  A: "(?:mon|tues|wednes|thurs|fri|satur|sun)day",
  "%": "%",
};

/** A test for texts of one timestamp format; null for a format that cannot be read. */
export function formatTest(format) {
  if (format === "iso") return (text) => ISO.test(text);
  if (format === "epoch_s" || format === "epoch_ms") return (text) => /^-?\d+(?:\.\d+)?$/.test(text);
  let expression = "";
  for (let i = 0; i < format.length; i += 1) {
    if (format[i] !== "%") {
      expression += format[i].replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
      continue;
    }
    i += 1;
    const directive = DIRECTIVES[format[i]];
    if (!directive) return null;
    expression += directive;
  }
  const pattern = new RegExp(`^${expression}$`, "i");
  return (text) => pattern.test(text);
}

/** Check the preview against a choice; returns bad cells by row ({column index: reason}) and good rows. */
export function checkRows(rows, header, choice) {
  const checks = checksOf(header, choice);
  const bad = rows.map((row) => {
    const found = new Map();
    for (const { index, test } of checks) {
      const reason = test((row[index] ?? "").trim(), row);
      if (reason) found.set(index, reason);
    }
    return found;
  });
  return { bad, good: bad.filter((found) => found.size === 0).length };
}

function checksOf(header, choice) {
  const at = (column) => header.indexOf(column);
  const checks = [
    { index: at(choice.latitude), test: (text) => degrees(text, choice.decimal, 90) },
    { index: at(choice.longitude), test: (text) => degrees(text, choice.decimal, 180) },
    { index: at(choice.geometry), test: (text) => (text === "" ? "no place" : "") },
    { index: at(choice.timestamp), test: timeTest(choice, at(choice.time)) },
    {
      index: at(choice.value),
      test: (text) => (text === "" || isNumber(text, choice.decimal) ? "" : "not a number"),
    },
    { index: at(choice.category), test: (text) => (text.length > 200 ? "longer than 200 characters" : "") },
  ];
  return checks.filter(({ index }) => index >= 0);
}

function timeTest({ formats }, timeIndex) {
  const tests = formats.map(formatTest).filter(Boolean);
  return (text, row) => {
    if (text === "") return "no time";
    const whole = timeIndex >= 0 ? `${text} ${(row[timeIndex] ?? "").trim()}` : text;
    return tests.some((test) => test(whole)) ? "" : "none of the formats reads it";
  };
}

function isNumber(text, decimal) {
  return NUMBER.test(decimal === "," ? text.replace(",", ".") : text);
}

function degrees(text, decimal, limit) {
  if (text === "") return "no coordinate";
  if (!isNumber(text, decimal)) return "not a number";
  const number = Number(text.replace(",", ".").replace("\u2212", "-"));
  return Math.abs(number) > limit ? `beyond ${limit} degrees` : "";
}
