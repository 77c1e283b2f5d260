"""Detect a file's type by its first bytes: enough to find a program named as a picture. Nothing is unpacked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNKNOWN: Final = "application/octet-stream"
_STARTS: Final[Mapping[bytes, str]] = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"BM": "image/bmp",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
    b"PK\x03\x04": "application/zip",
    b"PK\x05\x06": "application/zip",
    b"Rar!\x1a\x07": "application/vnd.rar",
    b"7z\xbc\xaf\x27\x1c": "application/x-7z-compressed",
    b"\x1f\x8b": "application/gzip",
    b"BZh": "application/x-bzip2",
    b"\xfd7zXZ\x00": "application/x-xz",
    b"\x28\xb5\x2f\xfd": "application/zstd",
    b"MSCF": "application/vnd.ms-cab-compressed",
    b"MZ": "application/x-msdownload",
    b"\x7fELF": "application/x-executable",
    b"\xca\xfe\xba\xbe": "application/x-mach-binary",
    b"\xcf\xfa\xed\xfe": "application/x-mach-binary",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "application/x-ole-storage",
    b"L\x00\x00\x00\x01\x14\x02\x00": "application/x-ms-shortcut",
    b"#!": "text/x-script",
    b"{\\rtf": "application/rtf",
    b"ID3": "audio/mpeg",
    b"OggS": "application/ogg",
}
_OFFICE: Final[Mapping[bytes, str]] = {
    b"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    b"META-INF/MANIFEST.MF": "application/java-archive",
}
_HTML: Final = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<svg")
_HEAD: Final = 4_096


def sniff(content: bytes) -> str:
    """The type that the content itself shows; `text/plain` for text, `UNKNOWN` for other bytes."""
    head = content[:_HEAD]
    for start, kind in _STARTS.items():
        if head.startswith(start):
            return _packed(head) if kind == "application/zip" else kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[257:262] == b"ustar":
        return "application/x-tar"
    low = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if low.startswith(_HTML):
        return "text/html"
    if low.startswith(b"begin:vcalendar"):
        return "text/calendar"
    return "text/plain" if _is_text(head) else UNKNOWN


def _packed(head: bytes) -> str:
    return next((kind for name, kind in _OFFICE.items() if name in head), "application/zip")


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # otherwise only a character cut in two at the end
            return sum(byte < 32 and byte not in b"\t\r\n\x0c\x1b" for byte in head) == 0
    return sum(byte < 32 and byte not in b"\t\r\n\x0c\x1b" for byte in head) == 0
