"""Split a message into its header and its leaf parts (RFC 2045, 2046), within bounds and without recursion.

A part is a range of the message's bytes until somebody asks for its content. Each level of nesting costs one search
through its own range, and there are at most `MAX_DEPTH` levels. Where a boundary never occurs, the part stays as
it is; a part beyond a bound is kept whole and reported as a problem.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from core.text import mail_text

MAX_PARTS: Final = 200
MAX_DEPTH: Final = 20
MAX_HEADER_BYTES: Final = 256 * 1024
"""Bytes of a header that are read. Real ones have 20 KiB at most."""
MAX_FIELDS: Final = 2_000
MAX_VALUE: Final = 64 * 1024
"""Characters of one header field that are kept: a long list of recipients."""
MAX_PART_HEADER: Final = 16 * 1024
MAX_MARKS: Final = 20_000
"""Occurrences of a boundary that are looked at, delimiters or not."""

_BLANK_LINES: Final = (b"\n\r\n", b"\n\n", b"\r\r")
_FIELD: Final = re.compile(r"([!-9;-~]{1,200})[ \t]*:(.*)", re.DOTALL)
_DELIMITER_END: Final = re.compile(rb"(--)?[ \t]{0,200}(?=\r|\n|\Z)")
_BREAKS: Final = b"\r\n"
_FOLD: Final = re.compile(r"\r\n|\n|\r")
_PARAMETER: Final = re.compile(
    r";[ \t\r\n]*([\w!#$&+.^`|{}~-]{1,60}(?:\*\d{0,3}\*?)?)\s{0,20}=\s{0,20}(\"(?:[^\"\\]|\\.)*\"?|[^;\s]*)"
)
_TYPE: Final = re.compile(r"[\w!#$&+.^-]{1,100}/[\w!#$&+.^-]{1,100}")
_FROM_LINE: Final = re.compile(rb"\A>?From [^\r\n]*(?:\r\n|\n|\r)")


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf part, not decoded yet. `start` and `end` are the range of its body; `index` its place in the message.

    `multipart` is the type of the multipart it is directly in, empty at the top.
    """

    index: int
    type: str
    parameters: dict[str, str]
    encoding: str
    disposition: str
    name: str
    content_id: str
    start: int
    end: int
    multipart: str = ""

    def content(self, raw: bytes) -> bytes:
        """The decoded bytes. An encoding that is unknown or broken gives what there is."""
        body = raw[self.start : self.end]
        if self.encoding == "base64":
            return mail_text.unbase64(body)
        if self.encoding == "quoted-printable":
            return binascii.a2b_qp(body)
        return body


@dataclass(slots=True)
class Parts:
    """The result: the top header's fields, names in lower case; where the body begins; leaf parts in order."""

    fields: list[tuple[str, str]]
    body: int
    leaves: list[Part] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Range:
    start: int
    end: int
    depth: int
    multipart: str


def split(raw: bytes) -> Parts:
    """Split a message. Never raises, whatever the bytes."""
    from_line = _FROM_LINE.match(raw)
    start = from_line.end() if from_line else 0
    fields, body, whole = _header(raw, start, len(raw), most=MAX_HEADER_BYTES)
    found = Parts(fields, body)
    if not whole:
        found.problems.append(f"its header is longer than {MAX_HEADER_BYTES // 1024} KiB")
    if len(fields) >= MAX_FIELDS:
        found.problems.append(f"its header has more than {MAX_FIELDS:,} fields")
    waiting = [(_Range(body, len(raw), 0, ""), fields)]
    while waiting:
        place, own = waiting.pop()
        if len(found.leaves) + len(waiting) >= MAX_PARTS:
            _once(found, f"it has more than {MAX_PARTS} parts")
            break
        inner = _inside(raw, place, own, found)
        if inner is None:
            found.leaves.append(_leaf(len(found.leaves), place, own))
        else:
            waiting.extend(reversed(inner))
    return found


def _inside(
    raw: bytes, place: _Range, fields: list[tuple[str, str]], found: Parts
) -> list[tuple[_Range, list[tuple[str, str]]]] | None:
    """The parts of a multipart, each with its header; None if it is a leaf."""
    kind, parameters = content_type(_first(fields, "content-type"), digest=place.multipart == "multipart/digest")
    boundary = parameters.get("boundary", "")
    if not kind.startswith("multipart/") or not boundary:
        return None
    if place.depth >= MAX_DEPTH:
        _once(found, f"its parts are nested more than {MAX_DEPTH} deep")
        return None
    ranges = _ranges(raw, place, boundary.encode("latin-1", "replace"))
    if not ranges:
        return None
    inner = []
    for start, end in ranges[: MAX_PARTS + 1]:
        own, body, _ = _header(raw, start, end, most=MAX_PART_HEADER)
        inner.append((_Range(body, end, place.depth + 1, kind), own))
    return inner


def _ranges(raw: bytes, place: _Range, boundary: bytes) -> list[tuple[int, int]]:
    """The ranges between the delimiter lines of a boundary; without a closing one the last ends with the message."""
    mark = b"--" + boundary
    ranges: list[tuple[int, int]] = []
    opened: int | None = None
    at = place.start
    for _ in range(MAX_MARKS):
        at = raw.find(mark, at, place.end)
        if at < 0:
            break
        begins = at == place.start or raw[at - 1] in _BREAKS
        line = _DELIMITER_END.match(raw, at + len(mark), place.end) if begins else None
        if line is None:
            at += len(mark)
            continue
        if opened is not None:
            ranges.append((opened, max(opened, _before_break(raw, at))))
        opened = None
        if line[1] or len(ranges) > MAX_PARTS:
            break
        opened = at = _after_line(raw, line.end(), place.end)
    if opened is not None:
        ranges.append((opened, place.end))
    return ranges


def _before_break(raw: bytes, at: int) -> int:
    """The position before the line break that ends at `at`: it belongs to the delimiter (RFC 2046 5.1.1)."""
    if raw[at - 2 : at] == b"\r\n":
        return at - 2
    return at - 1


def _after_line(raw: bytes, at: int, end: int) -> int:
    """The position after the line break at `at`."""
    if raw[at : at + 2] == b"\r\n":
        return min(at + 2, end)
    return min(at + 1, end)


def _header(raw: bytes, start: int, end: int, *, most: int) -> tuple[list[tuple[str, str]], int, bool]:
    """Fields of the header that begins at `start`, where the body begins, and whether all of it was read."""
    if raw[start : start + 1] in {b"\r", b"\n"}:  # no header at all
        return [], _after_line(raw, start, end), True
    stop, body = min(_blank_lines(raw, start, end), default=(end, end))
    text = raw[start : min(stop, start + most)].decode("latin-1")
    fields: list[tuple[str, str]] = []
    for line in _FOLD.split(text):
        if line[:1] in {" ", "\t"} and fields:
            name, value = fields[-1]
            if len(value) < MAX_VALUE:
                fields[-1] = (name, f"{value}\n{line}")
            continue
        hit = _FIELD.fullmatch(line)
        if hit is not None and len(fields) < MAX_FIELDS:
            fields.append((hit[1].lower(), hit[2].strip(" \t")[:MAX_VALUE]))
        elif hit is None and line and not fields and stop == end:
            return [], start, True  # no field in sight: all of it is body
    return fields, body, stop - start <= most


def _blank_lines(raw: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """For each way to write an empty line, where the first one is and where it ends."""
    found = [(raw.find(mark, start, end), len(mark)) for mark in _BLANK_LINES]
    return [(at, at + size) for at, size in found if at >= 0]


def _leaf(index: int, place: _Range, fields: list[tuple[str, str]]) -> Part:
    kind, parameters = content_type(_first(fields, "content-type"), digest=place.multipart == "multipart/digest")
    disposition, more = _with_parameters(_first(fields, "content-disposition"))
    name = more.get("filename") or parameters.get("name") or ""
    return Part(
        index=index,
        type=kind,
        parameters=parameters,
        encoding=_first(fields, "content-transfer-encoding").strip().lower(),
        disposition=disposition.lower(),
        name=mail_text.header_value(name, most=500),
        content_id=_first(fields, "content-id").strip()[:300],
        start=place.start,
        end=place.end,
        multipart=place.multipart,
    )


def content_type(value: str, *, digest: bool = False) -> tuple[str, dict[str, str]]:
    """Type in lower case, and its parameters. What is no type is text (RFC 2045 5.2)."""
    kind, parameters = _with_parameters(value)
    kind = kind.lower()
    if not kind:
        return ("message/rfc822" if digest else "text/plain"), parameters
    return (kind if _TYPE.fullmatch(kind) else "application/octet-stream"), parameters


def _with_parameters(value: str) -> tuple[str, dict[str, str]]:
    """A value and its parameters, RFC 2231 pieces joined and decoded to Latin-1 or Unicode text."""
    value = value[:4_000]
    head = value.partition(";")[0].strip().strip('"').strip()
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for hit in _PARAMETER.finditer(value):
        name, said = hit[1].lower(), hit[2]
        if said.startswith('"'):
            said = re.sub(r"\\(.)", r"\1", said[1:-1] if said.endswith('"') and len(said) > 1 else said[1:])
        base, star, rest = name.partition("*")
        if not star:
            plain.setdefault(base, said)
        else:
            number = rest.rstrip("*")
            pieces.setdefault(base, []).append((int(number) if number else 0, rest.endswith("*") or not rest, said))
    for base, listed in pieces.items():
        plain.setdefault(base, _joined(listed))
    return head, plain


def _joined(pieces: list[tuple[int, bool, str]]) -> str:
    """The pieces of an RFC 2231 parameter as one text."""
    charset, octets = "utf-8", bytearray()
    for place, (_, coded, said) in enumerate(sorted(pieces, key=lambda one: one[0])[:50]):
        text = said
        if place == 0 and coded and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        octets += unquote_to_bytes(text.encode("latin-1", "replace")) if coded else text.encode("latin-1", "replace")
    return mail_text.decoded(bytes(octets[:2_000]), charset or "utf-8")


def _first(fields: list[tuple[str, str]], name: str) -> str:
    return next((value for key, value in fields if key == name), "")


def _once(found: Parts, problem: str) -> None:
    if problem not in found.problems:
        found.problems.append(problem)
