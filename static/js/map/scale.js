// From counts to colours: classes by quantile or equal interval, palettes that colour-blind people can read.

const CLASSES = 6;

// Each runs from low to high: towards dark on a light map, towards bright on a dark one.
export const PALETTES = {
  tide: {
    light: ["#c7e9b4", "#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8", "#0c2c84"],
    dark: ["#34519f", "#2273b5", "#2498c6", "#4fbcc7", "#93d6bd", "#e6f7cf"],
  },
  ember: {
    light: ["#fee391", "#fec44f", "#fe9929", "#ec7014", "#cc4c02", "#7f2704"],
    dark: ["#8a3d12", "#b5530c", "#de6e14", "#f7942f", "#fdc25c", "#fff0b8"],
  },
  viridis: {
    light: ["#fde725", "#7ad151", "#22a884", "#2a788e", "#414487", "#440154"],
    dark: ["#5b4a99", "#3f6d9e", "#2b8f8f", "#3fb37a", "#8dd14d", "#fde725"],
  },
  cividis: {
    light: ["#fee838", "#cab969", "#958f78", "#666970", "#31446b", "#00224e"],
    dark: ["#3c5180", "#666c7d", "#8a8779", "#b0a671", "#d6c65f", "#fee838"],
  },
};

/** The lower bounds of the classes above the first, ascending and distinct; whole ones for whole numbers. */
export function breaks(numbers, kind) {
  if (numbers.length === 0) return [];
  const sorted = Float64Array.from(numbers).sort();
  return kind === "linear" ? equalSteps(sorted) : equalNumbers(sorted);
}

function equalSteps(sorted) {
  const rounded = sorted.every(Number.isInteger) ? Math.ceil : (bound) => bound;
  const [low, high] = [sorted[0], sorted[sorted.length - 1]];
  const bounds = [];
  for (let step = 1; step < CLASSES; step += 1) {
    const bound = rounded(low + ((high - low) * step) / CLASSES);
    if (bound > (bounds.at(-1) ?? low)) bounds.push(bound);
  }
  return bounds;
}

/**
 * Classes of as many cells each as equal numbers allow: what one number alone fills is one class, and the rest
 * is shared among the others. Where most cells have one event, those with more still differ.
 */
function equalNumbers(sorted) {
  const bounds = [];
  let start = 0;
  for (let left = CLASSES; left > 1; left -= 1) {
    let end = start + Math.max(1, Math.round((sorted.length - start) / left));
    while (end < sorted.length && sorted[end] === sorted[end - 1]) end += 1;
    if (end >= sorted.length) break;
    bounds.push(sorted[end]);
    start = end;
  }
  return bounds;
}

/** As many colours as classes, spread over the whole palette. */
export function colours(palette, classes, isDark) {
  const ramp = PALETTES[palette][isDark ? "dark" : "light"];
  if (classes === 1) return [ramp[Math.floor(ramp.length / 2)]];
  return Array.from({ length: classes }, (_, i) => ramp[Math.round((i * (ramp.length - 1)) / (classes - 1))]);
}

/**
 * The classes as the legend shows them: colour, lowest and highest number, number of cells.
 *
 * A class of whole numbers ends below the next one, any other where the next one begins.
 */
export function classes(measured, kind, palette, isDark) {
  const numbers = measured.filter((number) => number !== null);
  if (numbers.length === 0) return [];
  const bounds = breaks(numbers, kind);
  const gap = numbers.every(Number.isInteger) ? 1 : 0;
  const lows = [numbers.reduce((a, b) => Math.min(a, b)), ...bounds];
  const highs = [...bounds.map((bound) => bound - gap), numbers.reduce((a, b) => Math.max(a, b))];
  const cells = new Array(lows.length).fill(0);
  for (const number of numbers) cells[classOf(number, bounds)] += 1;
  return colours(palette, lows.length, isDark).map((colour, i) => ({
    colour,
    low: lows[i],
    high: highs[i],
    cells: cells[i],
  }));
}

function classOf(number, bounds) {
  let index = 0;
  while (index < bounds.length && number >= bounds[index]) index += 1;
  return index;
}

/** The MapLibre expression that paints what is measured by these classes. */
export function paint(entries) {
  if (entries.length === 0) return "#888888";
  if (entries.length === 1) return entries[0].colour;
  return ["step", ["get", "measured"], entries[0].colour, ...entries.slice(1).flatMap((e) => [e.low, e.colour])];
}
