"""What an agent may write into a request for its own mailbox, and the least that such a mailbox starts with.

The text is foreign: people read it on a screen and sign it. So it is short, on one line, and has no character that a
reader could not see or a terminal would obey.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from core.errors import Invalid
from core.text.unicode_safety import spell_out

STARTS_WITH: Final = 10
"""Messages a day of a mailbox that an agent requested, where the policy does not allow fewer."""
LONGEST_TEXT: Final = 500
LONGEST_NAME: Final = 100
_LOCAL: Final = re.compile(r"[a-z0-9](?:[a-z0-9._+-]*[a-z0-9])?")
"""Local parts that agents may ask for: no letter that looks like another one."""


def one_line(name: str, text: str, *, most: int = LONGEST_TEXT) -> str:
    """Return foreign text as people may be shown it. Raises `Invalid`, naming the field."""
    if not text.strip() or len(text) > most:
        raise _wrong(name, f"is 1 to {most} characters of text")
    if spell_out(text)[1] > 0:
        raise _wrong(name, "has a line break or a character that people cannot see; write one plain line")
    return " ".join(text.split())


def check_local_part(local: str) -> None:
    """Require the plain local part that an agent may ask for. Raises `Invalid`."""
    if not _LOCAL.fullmatch(local.lower()):
        raise _wrong("address", "must begin with plain letters and digits, such as help@support.example.com")


def patterns(allow: Sequence[str]) -> tuple[str, ...]:
    """Return the allow-list that an agent asks for; it may be empty. Raises `Invalid` for everybody, `*`."""
    for place, pattern in enumerate(allow):
        if not pattern.strip().strip("*@. "):
            raise _wrong(f"allow[{place}]", "names everybody; name addresses or domains")
    return tuple(allow)


def start_limits(asked: Mapping[str, int], *, usual: Mapping[str, int]) -> dict[str, int]:
    """Return the limits a requested mailbox starts with: at most `STARTS_WITH` a day, and the policy's of `usual`.

    An agent may ask for less. More is a second request, once people have seen how it uses the first. Raises `Invalid`.
    """
    most = {**usual, "day": min(STARTS_WITH, usual["day"])}
    for name, figure in asked.items():
        if name not in most:
            raise _wrong(f"limits.{name}", f"is not a limit; the limits are {', '.join(most)}")
        if not 0 <= figure <= most[name]:
            raise _wrong(f"limits.{name}", f"is 0 to {most[name]} at first; ask for more once the mailbox is in use")
    return {"day": most["day"], **asked}


def _wrong(name: str, problem: str) -> Invalid:
    return Invalid(f"{name} {problem}", problems=((name, problem),))
