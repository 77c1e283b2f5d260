"""Findings about attachments: programs, files that pose as something else, archives. Nothing is unpacked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.rules.inbound.screening.types import Attached, Finding

_PROGRAMS: Final = frozenset(
    {
        "exe", "scr", "com", "pif", "bat", "cmd", "ps1", "psm1", "vbs", "vbe", "jse", "wsf", "wsh", "hta",
        "msi", "msp", "msix", "appx", "jar", "lnk", "cpl", "dll", "reg", "apk", "dmg", "pkg", "app", "deb",
        "rpm", "run", "bin", "sys", "inf", "gadget", "application", "settingcontent-ms", "url", "scf", "xll",
        "chm", "iqy", "slk", "one", "library-ms",
    }
)  # fmt: skip
_SCRIPTS: Final = frozenset({"js", "mjs", "sh", "bash", "py", "pl", "rb", "php", "command", "ksh", "csh"})
_DISKS: Final = frozenset({"iso", "img", "vhd", "vhdx", "udf"})
_MACROS: Final = frozenset({"docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppam", "ppsm", "sldm", "xlsb"})
_ARCHIVES: Final = frozenset(
    {
        "zip", "rar", "7z", "gz", "tgz", "bz2", "xz", "tar", "ace", "arj", "cab", "lzh", "z", "zst",
    }
)  # fmt: skip
_PAGES: Final = frozenset({"htm", "html", "xhtml", "shtml", "mht", "mhtml"})
_RUNS: Final = frozenset(
    {
        "application/x-msdownload", "application/x-executable", "application/x-mach-binary",
        "application/x-ms-shortcut", "application/java-archive",
    }
)  # fmt: skip
_PACKED: Final = frozenset(
    {
        "application/zip", "application/vnd.rar", "application/x-7z-compressed", "application/gzip",
        "application/x-bzip2", "application/x-xz", "application/zstd", "application/vnd.ms-cab-compressed",
        "application/x-tar",
    }
)  # fmt: skip
_INNOCENT: Final = frozenset(
    {
        "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "rtf", "csv", "jpg", "jpeg", "png", "gif",
        "bmp", "tif", "tiff", "mp3", "mp4", "mov", "wav", "ics", "odt", "ods", "heic", "webp",
    }
)  # fmt: skip
_ENDING: Final = re.compile(r"\.([A-Za-z0-9-]{1,20})[\s.]*$")
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f]")
_WIDE: Final = re.compile(r"\s{8,}")


def ending(name: str) -> str:
    """The extension, in lower case; trailing dots and spaces do not count."""
    found = _ENDING.search(name)
    return found[1].lower() if found else ""


def findings(files: list[Attached], *, password: bool) -> Iterator[Finding]:
    """Marks of all attachments. `password`: the text of the message names one."""
    for one in files:
        yield from _of(one, password=password)


def _of(one: Attached, *, password: bool) -> Iterator[Finding]:
    kind, where = ending(one.name), "attachment"
    before = ending(one.name[: -len(kind) - 1]) if kind else ""
    runs = one.sniffed in _RUNS and not (one.sniffed == "application/java-archive" and kind in {"docx", "xlsx"})
    if _BIDI.search(one.name) or _WIDE.search(one.name):
        yield Finding("attachment_name", "an attachment's name hides its extension", 0.8, where, one.name)
    yield from _kind(one, kind, before, runs=runs)
    if one.sniffed in _PACKED and kind in _INNOCENT - {"docx", "xlsx", "pptx", "odt", "ods"}:
        yield Finding("attachment_poses", f"an attachment called .{kind} is an archive", 0.6, where, one.name)
    if kind in _ARCHIVES or (one.sniffed in _PACKED and kind not in _INNOCENT):
        yield from _archive(one, kind, password=password)


def _kind(one: Attached, kind: str, before: str, *, runs: bool) -> Iterator[Finding]:
    """The mark of a file's kind, at most one."""
    where = "attachment"
    if runs and kind in _INNOCENT:
        yield Finding("attachment_poses", f"an attachment called .{kind} is a program", 0.95, where, one.name)
    elif before in _INNOCENT and kind in _PROGRAMS | _SCRIPTS | _DISKS | _PAGES:
        yield Finding("attachment_poses", f"an attachment ends in .{before}.{kind}", 0.9, where, one.name)
    elif runs or kind in _PROGRAMS:
        yield Finding("attachment_program", "an attachment is a program, or starts one", 0.8, where, one.name)
    elif kind in _DISKS:
        yield Finding("attachment_program", "an attachment is a disk image", 0.65, where, one.name)
    elif kind in _SCRIPTS or one.sniffed == "text/x-script":
        weight = 0.65 if kind in {"js", "mjs"} else 0.4
        yield Finding("attachment_script", "an attachment is a script", weight, where, one.name)
    elif kind in _MACROS:
        yield Finding("attachment_macros", "an attached document can hold macros", 0.62, where, one.name)
    elif kind in _PAGES or (kind != "svg" and one.sniffed == "text/html"):
        yield Finding("attachment_page", "an attachment is a web page", 0.35, where, one.name)
    elif kind == "svg":
        yield Finding("attachment_page", "an attached picture can hold scripts", 0.25, where, one.name)


def _archive(one: Attached, kind: str, *, password: bool) -> Iterator[Finding]:
    where = "attachment"
    inside = {ending(name) for name in one.inside}
    if inside & (_PROGRAMS | _DISKS) or (inside & {"js", "vbs", "wsf"} and len(one.inside) <= 3):
        name = next(name for name in one.inside if ending(name) in _PROGRAMS | _DISKS | {"js", "vbs", "wsf"})
        yield Finding("archive_program", "an archive holds a program", 0.85, where, name)
    elif inside & _MACROS:
        yield Finding("archive_program", "an archive holds a document that can hold macros", 0.62, where, one.name)
    if one.locked or (password and kind in _ARCHIVES):
        yield Finding("archive_locked", "an archive needs a password, and the message gives it", 0.62, where, one.name)
    elif kind in {"ace", "arj", "lzh", "z", "cab"}:
        yield Finding("archive", "an archive of an unusual kind", 0.5, where, one.name)
    else:
        yield Finding("archive", "an archive whose contents are not listed", 0.15, where, one.name)
