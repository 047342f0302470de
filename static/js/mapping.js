// The mapping of a waiting import: suggestions with scores, choices, and what they mean for the first rows.

import { byId, el } from "./dom.js";
import { count, plural } from "./format.js";
import { checkRows, formatTest } from "./mapping-check.js";
import { call, clearProblem, showProblem } from "./problems.js";

const FIELDS = [
  { name: "timestamp", label: "Time" },
  { name: "time", label: "Time of day, if in a column of its own" },
  { name: "latitude", label: "Latitude" },
  { name: "longitude", label: "Longitude" },
  { name: "geometry", label: "Or the place as one text" },
  { name: "category", label: "Category", none: "The same for all rows: event" },
  { name: "value", label: "Value" },
  { name: "label", label: "Label" },
  { name: "external_id", label: "Id in the source" },
];
const REASONS = {
  encoding_undecided: "The file’s encoding is not certain.",
  timestamp_undecided: "No column, or more than one, looks like the time.",
  day_month_undecidable:
    "Day and month cannot be told apart: every date reads both ways. Put the right format first.",
  day_month_mixed: "Some dates read only with the day first, others only with the month first.",
  place_undecided: "No columns, or more than one pair, look like coordinates.",
};
const SUGGESTED_FROM = 0.85;
const GEOMETRIES = ["wkt", "wkb", "geojson"];
const ENCODINGS = ["utf-8", "cp1252", "iso8859-1", "iso8859-15", "cp1250", "cp1251", "mac-roman", "utf-16"];
const FORMATS = [
  "iso",
  "%d/%m/%Y",
  "%m/%d/%Y",
  "%d.%m.%Y",
  "%d/%m/%Y %H:%M",
  "%m/%d/%Y %H:%M",
  "%Y/%m/%d",
  "epoch_s",
  "epoch_ms",
];

/** Fill the mapping section from the API; `onConfirmed` when the import is queued again. */
export async function openMapping(section, { onConfirmed }) {
  try {
    const body = await call(section.dataset.mapping);
    new MappingForm(section.dataset.mapping, body, onConfirmed).show();
  } catch (problem) {
    showProblem(byId("problem"), problem);
  }
}

class MappingForm {
  constructor(address, body, onConfirmed) {
    this.address = address;
    this.body = body;
    this.onConfirmed = onConfirmed;
    this.controls = {};
  }

  show() {
    const { reasons = [], mapping } = this.body.suggestion;
    byId("mapping-facts").textContent = this.#facts();
    byId("mapping-fields").replaceChildren(
      ...FIELDS.map((field) => this.#field(field, mapping?.fields ?? {})),
      this.#formats(mapping),
      this.#choiceOf("encoding", "Encoding", ENCODINGS, this.body.dialect.encoding),
      this.#choiceOf("decimal", "Decimal sign", [".", ","], this.body.dialect.decimal),
      this.#choiceOf("as", "Form of the place’s text", GEOMETRIES, mapping?.fields.geometry?.encoding ?? "wkt"),
    );
    byId("mapping-form").before(
      ...reasons.filter((reason) => reason in REASONS).map((reason) => note(REASONS[reason])),
    );
    byId("mapping-form").before(...(this.body.suggestion.oddities ?? []).map(({ detail }) => note(detail)));
    byId("mapping-form").addEventListener("input", () => this.check());
    byId("mapping-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.check();
  }

  #facts() {
    const { file, dialect, header } = this.body;
    const parts = [file?.name ?? file, plural(header.length, "column"), dialect.encoding];
    return parts.filter((part) => typeof part === "string").join(" · ");
  }

  #field({ name, label, none }, fields) {
    const id = `map-${name}`;
    const select = el("select", { class: "input", id });
    select.append(new Option(none ?? "Not used", ""));
    const scores = new Map(
      (this.body.suggestion.candidates?.[name] ?? []).map((found) => [found.column, found.score]),
    );
    for (const column of this.body.header) {
      const score = scores.get(column);
      select.append(new Option(score ? `${column} · ${Math.round(100 * score)} %` : column, column));
    }
    select.value = chosenColumn(name, fields);
    this.controls[name] = select;
    return el("div", { class: "field" }, el("label", { for: id }, label), select, this.#evidence(scores));
  }

  #evidence(scores) {
    const best = [...scores.entries()][0];
    if (!best || best[1] < SUGGESTED_FROM) return null;
    return el("p", { class: "hint" }, `Suggested: ${best[0]} (score ${best[1].toFixed(2)})`);
  }

  #formats(mapping) {
    const suggested =
      mapping?.fields.timestamp?.formats ?? this.body.suggestion.timestamp_formats?.formats ?? [];
    const area = el("textarea", {
      class: "input mono",
      id: "map-formats",
      rows: 3,
      spellcheck: "false",
      "aria-describedby": "formats-hint",
    });
    area.value = (suggested.length ? suggested : ["iso"]).join("\n");
    this.controls.formats = area;
    const add = (format) =>
      el(
        "button",
        { type: "button", class: "link-button mono", onclick: () => this.#addFormat(format) },
        format,
      );
    return el(
      "div",
      { class: "field" },
      el("label", { for: "map-formats" }, "Time formats, one a line, tried in order"),
      area,
      el("p", { class: "hint row", id: "formats-hint" }, "Add:", FORMATS.map(add)),
    );
  }

  #addFormat(format) {
    const lines = this.#formatLines().filter((line) => line !== format);
    this.controls.formats.value = [format, ...lines].slice(0, 4).join("\n");
    this.check();
  }

  #formatLines() {
    return this.controls.formats.value
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  }

  #choiceOf(name, label, values, current) {
    const id = `map-${name}`;
    const select = el("select", { class: "input", id });
    for (const value of new Set([current, ...values])) select.append(new Option(value, value));
    select.value = current;
    this.controls[name] = select;
    return el("div", { class: "field" }, el("label", { for: id }, label), select);
  }

  #choice() {
    const choice = Object.fromEntries(FIELDS.map(({ name }) => [name, this.controls[name].value]));
    return { ...choice, formats: this.#formatLines(), decimal: this.controls.decimal.value };
  }

  /** Show what the choice means for the first rows; the button waits until the required ones are chosen. */
  check() {
    const choice = this.#choice();
    const { preview, header } = this.body;
    const missing = missingIn(choice);
    const unreadable = choice.formats.filter((format) => !formatTest(format));
    const { bad, good } = checkRows(preview, header, choice);
    showPreview(header, preview, bad, new Set(Object.values(choice).flat()));
    byId("confirm").disabled = missing.length > 0 || unreadable.length > 0 || choice.formats.length === 0;
    byId("mapping-result").textContent = missing.length
      ? `Still to choose: ${missing.join(", ")}.`
      : unreadable.length
        ? `${unreadable[0]} is not a time format.`
        : `${count(good)} of the first ${plural(preview.length, "row")} fit.`;
  }

  #document() {
    const choice = this.#choice();
    const columns = choice.time ? { columns: [choice.timestamp, choice.time] } : { column: choice.timestamp };
    const fields = {
      timestamp: { ...columns, formats: choice.formats },
      ...placeOf(choice, this.controls.as.value),
      category: choice.category ? { column: choice.category } : { constant: "event" },
    };
    for (const name of ["value", "label", "external_id"])
      if (choice[name]) fields[name] = { column: choice[name] };
    const { fields: _, ...rest } = this.body.suggestion.mapping ?? {};
    return { ...rest, fields };
  }

  async send() {
    const { encoding, decimal } = this.controls;
    const dialect = { ...this.body.dialect, encoding: encoding.value, decimal: decimal.value };
    byId("confirm").disabled = true;
    clearProblem(byId("problem"));
    try {
      const name = byId("save-as").value.trim();
      const decision = { mapping: this.#document(), dialect, ...(name && { save_as: name }) };
      await call(this.address, { method: "POST", json: decision });
      this.onConfirmed();
    } catch (problem) {
      showProblem(byId("problem"), problem);
      byId("problem").scrollIntoView({ block: "center" });
      byId("save-as").setAttribute("aria-invalid", String(problem.code === "datasets.profile_name_taken"));
      byId("confirm").disabled = false;
    }
  }
}

/** What still has to be chosen, in words. */
function missingIn({ timestamp, latitude, longitude, geometry }) {
  const missing = timestamp ? [] : ["time"];
  if (!geometry && !(latitude && longitude)) missing.push("latitude and longitude, or the place as one text");
  if (geometry && (latitude || longitude))
    missing.push("either coordinates or the place as one text, not both");
  return missing;
}

function placeOf({ latitude, longitude, geometry }, encoding) {
  if (geometry) return { geometry: { column: geometry, encoding } };
  return { latitude: { column: latitude }, longitude: { column: longitude } };
}

function chosenColumn(name, fields) {
  const { timestamp } = fields;
  if (name === "timestamp") return timestamp?.column ?? timestamp?.columns?.[0] ?? "";
  if (name === "time") return timestamp?.columns?.[1] ?? "";
  return fields[name]?.column ?? "";
}

function note(text) {
  return el("div", { class: "note", "data-tone": "warn" }, el("div", {}, text));
}

function showPreview(header, rows, bad, used) {
  const head = header.map((column) => el("th", { scope: "col", "data-used": used.has(column) }, column));
  const body = rows.map((row, i) =>
    el(
      "tr",
      {},
      header.map((_, at) => {
        const reason = bad[i].get(at);
        return el(
          "td",
          { "data-bad": Boolean(reason), title: reason ? `${row[at] ?? ""}: ${reason}` : row[at] },
          row[at] ?? "",
        );
      }),
    ),
  );
  byId("preview").replaceChildren(el("thead", {}, el("tr", {}, head)), el("tbody", {}, body));
  const failing = bad.filter((found) => found.size > 0).length;
  byId("preview-note").textContent = failing
    ? `${plural(failing, "row")} with marked cells would be rejected`
    : "";
}
