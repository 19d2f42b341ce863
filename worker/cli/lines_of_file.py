"""The lines of a file for `enqueue`, read as they come: JSON lines, or CSV of addresses for `audience`."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from producers.errors import Fault, InvalidEvent
from producers.lines import Line, parse_line
from producers.normalisation import is_sha256

COLUMNS = ("account", "action", "list", "email", "sha256")
ADDRESSES = ("email", "sha256")
ACTIONS = ("include", "exclude")
_NEEDED = ("account", "action")
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
LONGEST = 1_000_000  # bytes of one line of a CSV file
MOST_LINES = 100  # of one row: a quote that is never closed must not swallow the file


class Read(NamedTuple):
    """A line of the file, by its number there; or why it is none."""

    number: int
    line: Line | InvalidEvent


class Counted:
    """The lines of a stream, and how many bytes of it were read."""

    def __init__(self, stream: BinaryIO, longest: int = -1) -> None:
        self._stream = stream
        self._longest = longest
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        while text := self._stream.readline(self._longest):
            self.bytes += len(text)
            yield text


def json_lines(source: Counted) -> Iterator[Read]:
    """One JSON object a line; blank lines are passed over, but counted."""
    for number, text in enumerate(source, start=1):
        if text.strip():
            try:
                yield Read(number, parse_line(text))
            except InvalidEvent as error:
                yield Read(number, error)


def csv_lines(source: Counted, defaults: Mapping[str, str]) -> Iterator[Read]:
    """The rows after the header, by the line on which each begins. Raises `UnusableFile`."""
    lines = iter(source)
    header = read_header(next(lines, b""), defaults)
    for number, row in _rows(lines, header.delimiter):
        if isinstance(row, InvalidEvent):
            yield Read(number, row)
        elif row:
            try:
                yield Read(number, header.line(row))
            except InvalidEvent as error:
                yield Read(number, error)


def _rows(lines: Iterator[bytes], delimiter: str) -> Iterator[tuple[int, list[str] | InvalidEvent]]:
    """A row that cannot be read costs its first line alone: what it took after that is read again."""
    taker = _Taker(lines)
    while True:
        try:
            for row in csv.reader(taker, delimiter=delimiter, strict=True):
                yield taker.first, row
                taker.forget()
            return
        except (csv.Error, InvalidEvent) as error:
            yield taker.first, error if isinstance(error, InvalidEvent) else _bad(csv_fault(error))
            taker.give_back()


def _bad(message: str) -> InvalidEvent:
    return InvalidEvent([Fault("line", message)])


class _Taker:
    """Gives lines as text to a CSV reader, and remembers those of the row that it is at. The header was line 1."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._again: deque[bytes] = deque()
        self._row: list[bytes] = []
        self.first = 2

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._row) >= MOST_LINES:
            raise _bad(f"a quote is opened and not closed within {MOST_LINES} lines")
        line = self._again.popleft() if self._again else self._whole(next(self._lines))
        self._row.append(line)
        if len(line) >= LONGEST:
            raise _bad(f"is longer than {LONGEST} bytes")
        return text_of(line)

    def forget(self) -> None:
        """The row was read."""
        self.first += len(self._row)
        self._row = []

    def give_back(self) -> None:
        """All lines of the row but its first will be read again."""
        self._again.extendleft(reversed(self._row[1:]))
        self.first += 1
        self._row = []

    def _whole(self, line: bytes) -> bytes:
        """Passes over the rest of a line that is too long to be kept."""
        rest = line
        while len(rest) >= LONGEST and not rest.endswith(b"\n"):
            rest = next(self._lines, b"")
        return line


class UnusableFile(ValueError):
    """The file has no header that can be used; nothing of it was enqueued."""


class Header:
    """The columns of a file. `defaults` stand for those that it has not."""

    def __init__(self, delimiter: str, columns: Sequence[str], defaults: Mapping[str, str]) -> None:
        self.delimiter = delimiter
        self._columns = tuple(columns)
        self._defaults = {name: value for name, value in defaults.items() if name not in columns}

    def line(self, row: Sequence[str]) -> Line:
        """A row as a line of `enqueue`; the address itself is checked by the destination. Raises `InvalidEvent`."""
        if len(row) != len(self._columns):
            raise InvalidEvent([Fault("line", f"has {_fields(len(row))}, the header {len(self._columns)}")])
        cells = {**self._defaults, **{name: cell.strip() for name, cell in zip(self._columns, row, strict=True)}}
        if faults := _faults(cells):
            raise InvalidEvent(faults)
        event = {name: cells[name] for name in ("action", "list", *ADDRESSES) if cells.get(name)}
        return Line(destination="audience", account=cells["account"], event=event)


def read_header(raw: bytes, defaults: Mapping[str, str]) -> Header:
    """The header row; `,` or `;`, whichever it holds more of. Raises `UnusableFile`."""
    if raw.startswith(_UTF_16):
        raise UnusableFile("is not UTF-8: it looks like UTF-16; save it as CSV UTF-8")
    try:
        text = text_of(raw.removeprefix(_BOM))
    except InvalidEvent:
        raise UnusableFile("is not UTF-8: its first line cannot be read; save it as CSV UTF-8") from None
    if not text.strip():
        what = "its first line is blank" if text else "is empty"
        raise UnusableFile(f"{what}; the first line must name the columns: {', '.join(COLUMNS)}")
    delimiter = ";" if text.count(";") > text.count(",") else ","
    columns = _columns(text, delimiter)
    if faults := list(_column_faults(columns, defaults)):
        raise UnusableFile("; ".join(faults))
    return Header(delimiter, columns, defaults)


def text_of(line: bytes) -> str:
    """Raises `InvalidEvent` for what is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise InvalidEvent([Fault("line", f"is not UTF-8, at its byte {error.start + 1}")]) from None


def csv_fault(error: csv.Error) -> str:
    """What Python's reader says, in words that repeat nothing of the row."""
    said = str(error)
    if "unexpected end" in said:
        return "opens a quote and never closes it"
    if "new-line character" in said:
        return "holds a carriage return in its middle; lines must end with LF or CR LF"
    return f"is not CSV: {said}"


def _columns(text: str, delimiter: str) -> list[str]:
    try:
        return [name.strip().lower() for name in next(csv.reader([text], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise UnusableFile(f"its header {csv_fault(error)}") from None


def _column_faults(columns: Sequence[str], defaults: Mapping[str, str]) -> list[str]:
    if any("@" in name or is_sha256(name) for name in columns):
        return [f"its first line holds an address; it must name the columns: {', '.join(COLUMNS)}"]
    known = f"(known: {', '.join(COLUMNS)})"
    faults = [f"column {_quoted(name)} is not known {known}" for name in columns if name not in COLUMNS]
    faults += [f"column {name} stands twice" for name in COLUMNS if columns.count(name) > 1]
    faults += [
        f"there is no column {name}; add it, or say --{name}"
        for name in _NEEDED
        if name not in columns and not defaults.get(name)
    ]
    return faults if set(columns) & set(ADDRESSES) else [*faults, "there is neither a column email nor sha256"]


def _quoted(name: str) -> str:
    return repr(name[:50]) if name else "without a name"


def _faults(cells: Mapping[str, str]) -> list[Fault]:
    """What the destination would not say, or not without repeating a value that stands in the wrong column."""
    faults = [Fault(name, "is empty") for name in _NEEDED if not cells[name]]
    if "@" in cells["account"]:
        faults.append(Fault("account", "holds an address; is it in the wrong column?"))
    if cells["action"] and cells["action"] not in ACTIONS:
        faults.append(Fault("action", f"must be one of {', '.join(ACTIONS)}"))
    filled = [name for name in ADDRESSES if cells.get(name)]
    if len(filled) != 1:
        faults.append(
            Fault("line", f"exactly one of email and sha256 must be filled, {'both are' if filled else 'none is'}")
        )
    return faults


def _fields(count: int) -> str:
    return f"{count} field{'s' * (count != 1)}"
