"""Clean blocks to events by columns; rows that a check leaves in doubt go singly to the row path."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from apps.datasets.reading.arrow import compute as pc
from apps.datasets.reading.arrow_tables import ColumnsRead, read_columns
from apps.datasets.reading.cells import base_cells
from apps.datasets.reading.clean_blocks import CleanBlock, examine, is_single_byte
from apps.datasets.reading.coordinates import Points
from apps.datasets.reading.json_columns import join_objects
from apps.datasets.reading.limits import CATEGORY_MAX_CHARS, EXTERNAL_ID_MAX_CHARS
from apps.datasets.reading.lines import Block
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.numbers import parse_number, parse_numbers
from apps.datasets.reading.records import Record, RecordSplitter, Tally
from apps.datasets.reading.row_path import UNKNOWN, RowPath
from apps.datasets.reading.rows import Bools, Events, Floats, Int64s, Position, Reject, Terms
from apps.datasets.reading.rules import Rules
from apps.datasets.reading.texts import clean_term
from apps.datasets.reading.timestamps import Instants

Table = dict[int, Any]


@dataclass(frozen=True, slots=True)
class BlockRead:
    """What a whole block gave."""

    events: Events
    rejects: list[Reject]
    tally: Tally
    rows_read: int


@dataclass(frozen=True, slots=True)
class _Checked:
    """Columns of a block with the rows in which nothing is doubtful."""

    times: Instants
    points: Points
    value: Floats
    category: Terms
    label: Terms
    external_id: pa.StringArray
    ok: Bools

    def count(self, warnings: Counter[str]) -> None:
        """Count the warnings of the rows without doubt; the row path counts those of the others."""
        flags = {
            "time_in_gap": self.times.in_gap,
            "time_ambiguous": self.times.ambiguous,
            "in_future": self.times.in_future,
            "outside_area": self.points.outside_area,
        }
        for kind, flag in flags.items():
            if n := int(np.count_nonzero(flag & self.ok)):
                warnings[kind] += n


class FastPath:
    """Reads blocks by columns under the rules of one file."""

    def __init__(self, rules: Rules, dialect: Dialect, encoding: str, row_path: RowPath) -> None:
        self._rules = rules
        self._dialect = dialect
        self._encoding = encoding
        self._row_path = row_path
        self._splitter = RecordSplitter(dialect, encoding)
        self._is_possible = encoding == "utf-8" or is_single_byte(encoding)
        self._is_possible &= rules.plan.geometry is None
        decimals = {decimal for _, decimal in rules.degrees} | {rules.value_decimal}
        numeric_tokens = any(
            parse_number(token, mark) is not None for token in rules.nulls.tokens for mark in ".,"
        )
        self._reads_doubles = decimals == {"."} and not numeric_tokens
        self._tokens_are_times = any(not isinstance(rules.times.one(t), str) for t in rules.nulls.tokens)

    def read(
        self, block: Block, start: Position, warnings: Counter[str], notes: Counter[str]
    ) -> BlockRead | None:
        """Read a block that is clean; None for others."""
        if not self._is_possible or block.skipped or not block.data:
            return None
        clean = examine(block.data, self._dialect, self._encoding)
        if clean is None:
            return None
        read = self._parse(clean)
        if read is None:
            return None
        checked = self._check(read.columns, len(read.records))
        checked.count(warnings)
        events = self._events(checked, read, clean, start)
        doubtful = np.ones(len(clean.lines), np.bool_)
        doubtful[read.records[checked.ok]] = False
        rows = self._row_path.read(
            self._records(block.data, clean, np.flatnonzero(doubtful), start), warnings, notes
        )
        tally = Tally(
            Position(
                start.byte_offset + len(block.data),
                start.line + clean.line_count,
                start.record + len(doubtful),
            ),
            clean.blank_lines,
        )
        return BlockRead(_in_order(events, rows.events), rows.rejects, tally, len(doubtful))

    def _records(self, data: bytes, clean: CleanBlock, rows: Int64s, start: Position) -> Iterator[Record]:
        """Yield single rows of the block, as the splitter would."""
        for row in rows.tolist():
            first, last = int(clean.starts[row]), int(clean.ends[row])
            at = Position(start.byte_offset + first, start.line + int(clean.lines[row]), start.record + row)
            yield from self._splitter.split(Block(data[first:last], 0, at_end=True), Tally(at))

    def _parse(self, clean: CleanBlock) -> ColumnsRead | None:
        """Parse the mapped and kept columns, the numbers as doubles if they all are such, else as texts."""
        plan, nulls = self._rules.plan, self._rules.nulls.spellings()
        numbers = [index for index in (plan.latitude, plan.longitude, plan.value) if index is not None]
        texts = [*plan.timestamp, plan.category, plan.label, plan.external_id, *plan.properties]
        types: dict[int, pa.DataType] = {i: pa.string() for i in (*numbers, *texts) if i is not None}
        if self._reads_doubles:
            doubles: dict[int, pa.DataType] = {i: pa.float64() for i in numbers if i not in texts}
            try:
                return read_columns(clean, self._dialect, len(plan.names), types | doubles, nulls)
            except pa.ArrowInvalid:
                pass
        return read_columns(clean, self._dialect, len(plan.names), types, nulls)

    def _check(self, rows: Table, count: int) -> "_Checked":
        """Check all columns that are mapped."""
        plan, rules = self._rules.plan, self._rules
        times = self._times(rows, count)
        (latitude, lat_ok), (longitude, lon_ok) = (self._numbers(rows[i], mark) for i, mark in rules.degrees)
        points = rules.points.many(latitude, longitude)
        value, value_ok = self._value(rows, count)
        category, category_ok = self._terms(rows, plan.category, rules.category, UNKNOWN, count)
        label, label_ok = self._terms(rows, plan.label, rules.label, None, count)
        external_id, id_ok = self._external_ids(rows, count)
        ok = times.ok & points.ok & lat_ok & lon_ok & value_ok & category_ok & label_ok & id_ok
        return _Checked(times, points, value, category, label, external_id, ok)

    def _events(self, checked: "_Checked", read: ColumnsRead, clean: CleanBlock, start: Position) -> Events:
        """Return the rows without doubt as events, their records where the block begins at `start`."""
        good = np.flatnonzero(checked.ok)
        picked = pa.array(good, pa.int64())
        at = read.records[good]
        lat_e7, lon_e7 = checked.points.lat_e7[good], checked.points.lon_e7[good]
        lines = start.line + 1 + clean.lines[at]
        names = self._rules.plan.names
        kept = {names[index]: read.columns[index] for index in self._rules.plan.properties}
        return Events(
            occurred_us=checked.times.occurred_us[good],
            precision=checked.times.precision[good],
            lat_e7=lat_e7,
            lon_e7=lon_e7,
            cell=base_cells(lat_e7, lon_e7),
            value=checked.value[good],
            category=checked.category.take(picked),
            label=checked.label.take(picked),
            external_id=checked.external_id.take(picked),
            properties=join_objects(kept, len(checked.ok)).take(picked),
            file_no=np.full(len(good), self._rules.file_no, np.int32),
            line=lines,
            line_end=lines,
            record=start.record + 1 + at,
            byte_offset=start.byte_offset + clean.starts[at],
            byte_length=clean.ends[at] - clean.starts[at],
        )

    def _times(self, rows: Table, count: int) -> Instants:
        constant = self._rules.constant_instant
        if constant is not None:
            return Instants.same(constant, count)
        columns = [rows[index] for index in self._rules.plan.timestamp]
        if len(columns) == 1 and not self._tokens_are_times:
            return self._rules.times.many(columns[0])
        dates, *clocks = (self._rules.nulls.clean_all(column) for column in columns)
        for clock in clocks:
            both: Any = pc.binary_join_element_wise(dates, clock, " ")
            dates = pc.if_else(pc.is_null(clock), dates, both)
        return self._rules.times.many(dates)

    def _numbers(self, column: Any, decimal: str) -> tuple[Floats, Bools]:
        """Return doubles and which are there and finite."""
        if not pa.types.is_float64(column.type):
            return parse_numbers(self._rules.nulls.clean_all(column), decimal)
        doubles = column.to_numpy(zero_copy_only=False)
        finite = np.isfinite(doubles)
        return np.where(finite, doubles, 0.0), finite

    def _value(self, rows: Table, count: int) -> tuple[Floats, Bools]:
        """Return values with NaN for missing ones, and which rows are sure."""
        index = self._rules.plan.value
        if index is None:
            return np.full(count, np.nan), np.ones(count, np.bool_)
        column = rows[index]
        missing = column if pa.types.is_float64(column.type) else self._rules.nulls.clean_all(column)
        is_missing = np.asarray(pc.is_null(missing))
        doubles, read = self._numbers(column, self._rules.value_decimal)
        return np.where(is_missing, np.nan, doubles + 0.0), read | is_missing

    def _terms(
        self, rows: Table, index: int | None, constant: str | None, missing: str | None, count: int
    ) -> tuple[Terms, Bools]:
        """Clean each distinct term once; return dictionary codes and which rows are sure."""
        if index is None:
            same = pa.array([constant or missing], pa.string())
            codes: Any = pa.array(np.zeros(count, np.int32), mask=np.full(count, same.null_count == 1))
            terms: Any = pa.DictionaryArray.from_arrays(codes, same.drop_null())
            return terms, np.ones(count, np.bool_)
        encoded = rows[index].dictionary_encode()
        found = [clean_term(self._rules.nulls.clean(text)) for text in encoded.dictionary.to_pylist()]
        cleaned = [missing if term is None else term for term in found]
        too_long = np.array(
            [term is not None and len(term) > CATEGORY_MAX_CHARS for term in cleaned], np.bool_
        )
        numbers: dict[str, int] = {}
        codes_of = [None if term is None else numbers.setdefault(term, len(numbers)) for term in cleaned]
        codes = pc.take(pa.array(codes_of, pa.int32()), encoded.indices)
        terms = pa.DictionaryArray.from_arrays(codes, pa.array(list(numbers), pa.string()))
        return terms, ~too_long[np.asarray(encoded.indices)]

    def _external_ids(self, rows: Table, count: int) -> tuple[pa.StringArray, Bools]:
        index = self._rules.plan.external_id
        if index is None:
            return pa.nulls(count, pa.string()), np.ones(count, np.bool_)
        ids = self._rules.nulls.clean_all(rows[index])
        short: Any = pc.less_equal(pc.utf8_length(ids), EXTERNAL_ID_MAX_CHARS)
        return ids, np.asarray(short.fill_null(True))


def _in_order(by_columns: Events, by_row: Events) -> Events:
    """Merge both kinds of rows into the order of the file."""
    if not len(by_row):
        return by_columns
    both = Events.concat([by_columns, by_row])
    return both.take(np.argsort(both.record, kind="stable"))
