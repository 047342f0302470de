// Answers joined, prolonged and laid out as columns for chart and tables. Nothing here touches the page.

const FEWEST_STEPS = 4;
const LADDER = [
  ...[1, 5, 10, 15, 30].map((n) => [`${n}s`, n]),
  ...[1, 5, 15, 30].map((n) => [`${n}m`, n * 60]),
  ...[1, 3, 6, 12].map((n) => [`${n}h`, n * 3600]),
  ["day", 86400],
];

/** Tell whether an answer's tail, asked from `start` on, lies on the buckets of the whole. */
export function fits(whole, tail, start) {
  if (whole.series.length !== tail.series.length || whole.interval !== tail.interval) return false;
  return whole.series.every(({ at, metric, aggregation }, i) => {
    const late = tail.series[i];
    if (late.metric !== metric || late.aggregation !== aggregation) return false;
    const known = new Set(at);
    const last = at.at(-1) ?? start;
    return late.at.every((instant) => instant > last || known.has(instant));
  });
}

/** Replace what `whole` has from `start` on by `tail`; with `span` seconds the window moves along. */
export function prolong(whole, tail, start, span) {
  const to = Math.max(whole.to, tail.to);
  const from = span ? to - span : whole.from;
  const join = (old, late) => old && late && prolongSeries(old, late, start, from);
  return {
    from,
    to,
    interval: whole.interval,
    series: whole.series.map((old, i) => join(old, tail.series[i])),
    bands: whole.bands.map((edges, i) => edges && edges.map((old, j) => join(old, tail.bands[i]?.[j]))),
  };
}

function prolongSeries(old, late, start, from) {
  const width = old.at.length > 1 ? old.at[1] - old.at[0] : 0;
  const first = old.at.findIndex((instant) => instant + width > from);
  const end = old.at.findIndex((instant) => instant >= start);
  const kept = [Math.max(first, 0), end === -1 ? old.at.length : end];
  return {
    ...late,
    at: [...old.at.slice(...kept), ...late.at],
    values: [...old.values.slice(...kept), ...late.values],
    partial: new Set([...[...old.partial].filter((instant) => instant < start), ...late.partial]),
    gaps: joinGaps(old.gaps, late.gaps, start).filter(({ to }) => to > from),
  };
}

/** Gaps before `start` of one list and from there on of another; one that goes on over it stays one. */
function joinGaps(old, late, start) {
  const before = old
    .filter(({ from }) => from < start)
    .map(({ from, to }) => ({ from, to: Math.min(to, start) }));
  const after = [...late];
  const last = before.at(-1);
  if (last && after.length && last.to === after[0].from) last.to = after.shift().to;
  return [...before, ...after];
}

/** Every bucket start of an answer, ascending. */
export function instantsOf(answer) {
  const all = new Set();
  for (const { at } of answer.series) for (const instant of at) all.add(instant);
  return [...all].sort((a, b) => a - b);
}

/** The values of a series at these instants, null where it has none. */
export function valuesAt(series, instants) {
  const known = new Map(series.at.map((instant, i) => [instant, series.values[i]]));
  return instants.map((instant) => known.get(instant) ?? null);
}

/** The values of a previous period at these instants: its buckets moved on, each to the nearest instant. */
export function movedTo(series, instants, shift) {
  const values = instants.map(() => null);
  if (instants.length === 0) return values;
  const reach = instants.length > 1 ? (instants[1] - instants[0]) / 2 : Infinity;
  let i = 0;
  series.at.forEach((at, k) => {
    const moved = at + shift;
    while (i + 1 < instants.length && Math.abs(instants[i + 1] - moved) <= Math.abs(instants[i] - moved))
      i += 1;
    if (Math.abs(instants[i] - moved) <= reach) values[i] = series.values[k];
  });
  return values;
}

/** Latest, lowest and highest value of a series: {latest: {at, value} or null, lowest, highest}. */
export function extremes({ at, values }) {
  let latest = null;
  let lowest = null;
  let highest = null;
  values.forEach((value, i) => {
    if (value === null) return;
    latest = { at: at[i], value };
    lowest = lowest === null ? value : Math.min(lowest, value);
    highest = highest === null ? value : Math.max(highest, value);
  });
  return { latest, lowest, highest };
}

/**
 * An interval of the ladder that suits how often points come, "" if that of the answer does.
 *
 * Where only every tenth bucket of the liveliest series has points, nine of ten would be called gaps.
 */
export function calmerInterval({ series }) {
  const steps = series.map(({ at, values }) => medianStepS(at, values)).filter((step) => step > 0);
  const width = series[0].at.length > 1 ? series[0].at[1] - series[0].at[0] : 0;
  const step = Math.min(...steps);
  if (steps.length === 0 || step <= width) return "";
  return LADDER.find(([, seconds]) => seconds >= step)?.[0] ?? "";
}

/** The median time between buckets with points, in seconds; 0 for too few to tell. */
function medianStepS(at, values) {
  const filled = at.filter((_, i) => values[i] !== null);
  const steps = filled.slice(1).map((instant, i) => instant - filled[i]);
  return steps.length < FEWEST_STEPS ? 0 : steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)];
}

/** The gaps of a series, without those that are but a bucket at the edge of which the range shows a part. */
export function gapsOf({ at, gaps, partial }) {
  const [first, second = Infinity] = at;
  const last = at.at(-1);
  const isEdge = ({ from, to }) =>
    (partial.has(first) && to <= second) || (partial.has(last) && from >= last);
  return gaps.filter((gap) => !isEdge(gap));
}

/** Tell whether an instant lies in one of some gaps. */
export function isGap(gaps, instant) {
  return gaps.some(({ from, to }) => from <= instant && instant < to);
}
