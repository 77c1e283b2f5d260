"""`postroom policy`: check, show, apply and replay the desk's policy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import BaseModel

from core.cli.commands import group
from core.cli.context import CommandContext, Reason, command
from core.cli.output import Output, plain, private, table
from core.durations import DAY, spell
from core.errors import Invalid, NotFound, PostroomError, Unauthenticated
from core.model import plural
from core.rules import policy as rules
from core.rules.policy import Change
from core.rules.policy.sections import Span
from core.services import context
from core.services.control import policy
from core.services.sending import policy_replay

app: Final = group("policy")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A policy.toml.")]


@command(app, "check", example="postroom policy check policy.toml")
def check(desk: CommandContext, file: File) -> Output:
    """Whether a policy is valid, and what it would change here. Exits 1 with every mistake and its key."""
    try:
        new = rules.parse(_text(file))
    except Invalid as error:
        problems = error.problems or (("policy.toml", error.reason),)
        data = {"ok": False, "problems": [{"key": key, "problem": problem} for key, problem in problems], "changes": []}
        return Output(data, plain("\n".join(f"{key} {problem}" for key, problem in problems)), code=1)
    try:
        _, old = desk.look(context.current_policy)
    except Unauthenticated:
        raise
    except PostroomError:
        return Output(
            {"ok": True, "problems": [], "changes": []},
            "The policy is valid. There is no desk here to compare it with.",
        )
    changes = rules.changes(old, new)
    return Output(
        {"ok": True, "problems": [], "changes": _as_json(changes)}, f"The policy is valid.\n{_listed(changes)}"
    )


@command(app, "show", example="postroom policy show")
def show(desk: CommandContext) -> Output:
    """The policy in force, every key, with its version."""
    version, found = desk.look(context.current_policy)
    text = "\n".join(f"{path} = {value}" for path, value in _lines(found, ()))
    return Output({"version": version, "policy": rules.shown(found)}, plain(f"# version {version}\n{text}"))


@command(app, "apply", example="postroom policy apply policy.toml --reason 'more mail for the spring'")
def apply(desk: CommandContext, file: File, reason: Reason) -> Output:
    """Put a policy in force, whole. Loosening anything needs governance."""
    text = _text(file)
    new = rules.parse(text)
    applied = desk.act(lambda tx, actor: policy.apply_policy(tx, new, reason=reason, actor=actor))
    # The gateways watch the desk's own file: if it stayed as it was, it would tighten again what was just loosened.
    _replace(desk.settings.policy_file, text)
    data = {"version": applied.version, "changes": _as_json(applied.changes)}
    return Output(data, f"Version {applied.version} is in force.\n{_listed(applied.changes)}")


@command(app, "replay", example="postroom policy replay policy.toml --days 30")
def replay(
    desk: CommandContext,
    file: File,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="How far back.")] = 30,
) -> Output:
    """What a policy would have done with the mail of the last days. Changes nothing."""
    new = rules.parse(_text(file))
    desk.note("reading the decisions ...")
    with desk.read() as conn:
        found = policy_replay.replay(conn, new, since=desk.now - days * DAY)
    moved = [(pair, n) for pair, n in sorted(found.verdicts.items()) if pair[0] != pair[1]]
    data = {
        "messages": found.messages,
        "then": found.then,
        "now": found.now,
        "moved": [
            {"then": pair[0], "now": pair[1], "messages": n, "examples": list(found.examples.get(pair, ()))}
            for pair, n in moved
        ],
    }
    rows = [(pair[0], pair[1], f"{n:,}", ", ".join(found.examples.get(pair, ()))) for pair, n in moved]
    text = table(("THEN", "NOW", "MESSAGES", "SUCH AS"), rows, none="no decision would have been different")
    return Output(data, f"{plural(found.messages, 'message')} in {plural(days, 'day')}.\n{text}")


# --- helpers ------------------------------------------------------------------------------------------------------


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is not UTF-8 text") from error
    except OSError as error:
        raise NotFound(
            f"{file}: {error.strerror}", fix="name a file such as policy.toml in the desk's directory"
        ) from error


def _replace(file: Path, text: str) -> None:
    """Replace the file atomically: a watcher never sees half a policy."""
    if file.is_file() and file.read_text(encoding="utf-8", errors="replace") == text:
        return
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    private(fresh, text.encode())
    fresh.replace(file)


def _as_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [{"path": one.path, "old": one.old, "new": one.new, "direction": one.direction} for one in changes]


def _listed(changes: Sequence[Change]) -> str:
    rows = [(one.direction, one.path, _spelled(one.old), _spelled(one.new)) for one in changes]
    return table(("", "KEY", "WAS", "IS"), rows, none="It is already in force.")


def _spelled(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, tuple) else str(value)


def _lines(section: BaseModel, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every key as written in the file: durations with their unit, notification URLs without their secrets."""
    for name, field in type(section).model_fields.items():
        value, here = getattr(section, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _lines(value, here)
        elif isinstance(value, dict) and value and all(isinstance(one, BaseModel) for one in value.values()):
            for key, one in value.items():
                yield from _lines(one, (*here, json.dumps(key)))
        elif value is not None:
            yield ".".join(here), _toml(value, span=any(isinstance(one, Span) for one in field.metadata))


def _toml(value: Any, *, span: bool) -> str:
    if span and isinstance(value, int):
        return json.dumps(spell(value))
    if isinstance(value, list | tuple):
        return json.dumps([_veiled(str(one)) for one in value])
    return json.dumps(value, ensure_ascii=False, default=str)


def _veiled(text: str) -> str:
    """A notification URL without the part after its scheme, which is secret."""
    return f"{text.partition('://')[0]}://..." if "://" in text else text
