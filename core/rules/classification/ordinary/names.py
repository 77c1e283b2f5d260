"""The names of what speaks against a promise, each a bit."""

from __future__ import annotations

from typing import Final

NAMES: Final = (
    "asks reader", "reader must", "others say", "in general", "declines", "only perhaps", "takes place",
    "nobody named", "others alone", "reader's people", "others of nobody",
    "others decide", "only asks", "to us", "valid until", "reader's people decide", "public body", "promises beside",
)  # fmt: skip
(
    ASKS, MUST, OTHERS_SAY, IN_GENERAL, DECLINES, PERHAPS, TAKES_PLACE, NOBODY, OTHERS_ALONE, READERS_PEOPLE,
    OTHERS_OF_NOBODY, OTHERS_DECIDE, ONLY_ASKS, TO_US, VALID, READERS_DECIDE, PUBLIC_BODY,
    BESIDE,
) = (1 << n for n in range(len(NAMES)))  # fmt: skip
