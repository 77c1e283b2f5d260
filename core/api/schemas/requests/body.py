"""The base of the bodies of HTTP requests: `core.json_body`, under the name by which routes import it."""

from __future__ import annotations

from core.json_body import (
    AddressText,
    Line,
    Name,
    Purpose,
    ReasonRequest,
    Sentence,
    Sha256,
    Shape,
    Short,
    as_list,
    null_as_list,
    read,
)

__all__ = [
    "AddressText",
    "Line",
    "Name",
    "Purpose",
    "ReasonRequest",
    "Sentence",
    "Sha256",
    "Shape",
    "Short",
    "as_list",
    "null_as_list",
    "read",
]
