"""The operator's own editor ($EDITOR), for every place where a held message is edited."""

from __future__ import annotations

import click

from core.errors import Invalid


def edited(text: str) -> str | None:
    """What the operator made of this text; None if they did not save it. Raises `Invalid`: the editor failed."""
    try:
        return click.edit(text, extension=".eml")
    except click.ClickException as error:
        raise _failed(error.message) from error
    except Exception as error:  # whatever an odd $EDITOR leaves behind, such as text that is not UTF-8
        raise _failed(str(error)) from error


def _failed(why: str) -> Invalid:
    return Invalid(f"nothing was changed: {why}", fix="look at $EDITOR")
