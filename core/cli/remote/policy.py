"""`postroom policy`: check, show, apply and replay the desk's policy, and confirm what of an edit waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.cli.commands import group
from core.cli.known_desks import SETTINGS
from core.cli.output import Output, plain, table
from core.cli.remote.context import AnyDesk, Reason, command
from core.desk_client.interface import Json
from core.errors import Invalid, NotFound
from core.model import plural
from core.rules import policy as rules

app: Final = group("policy")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A policy.toml.")]
Digest = Annotated[str, typer.Argument(metavar="DIGEST", help="What you have read: postroom policy waiting prints it.")]


@command(app, "check", example="postroom policy check policy.toml")
def check(desk: AnyDesk, file: File) -> Output:
    """Whether a policy is valid, and what it would change here. Exits 1 with every mistake and its key."""
    text = _text(file)
    try:
        rules.parse(text)
    except Invalid as error:
        problems = error.problems or (("policy.toml", error.reason),)
        data = {"ok": False, "problems": [{"key": key, "problem": problem} for key, problem in problems], "changes": []}
        return Output(data, plain("\n".join(f"{key} {problem}" for key, problem in problems)), code=1)
    found = _compared(desk, text)
    if found is None:
        return Output(
            {"ok": True, "problems": [], "changes": []},
            "The policy is valid. There is no desk here to compare it with.",
        )
    return Output(found, f"The policy is valid.\n{_listed(found['changes'])}")


def _compared(desk: AnyDesk, text: str) -> Json | None:
    """What it would change; None if no desk is named and there is none in this directory."""
    if isinstance(desk.where, Path) and not (desk.where / SETTINGS).is_file():
        return None
    return desk.call("policy.check", text=text)


@command(app, "show", example="postroom policy show")
def show(desk: AnyDesk) -> Output:
    """The policy in force, every key, with its version."""
    found = desk.call("policy.show")
    lines = "\n".join(found.pop("listing"))
    return Output(found, plain(f"# version {found['version']}\n{lines}"))


@command(app, "apply", example="postroom policy apply policy.toml --reason 'more mail for the spring'")
def apply(desk: AnyDesk, file: File, reason: Reason) -> Output:
    """Put a policy in force, whole. Loosening anything needs governance."""
    done = desk.call("policy.set", text=_text(file), reason=reason)
    problem = done.get("file_problem")
    return Output(
        done,
        f"Version {done['version']} is in force.\n{_listed(done['changes'])}",
        code=1 if problem else 0,
        refused=[f"{problem}; write it there, or its next edit takes back what this one loosened"] if problem else [],
    )


@command(app, "waiting", example="postroom policy waiting")
def waiting(desk: AnyDesk) -> Output:
    """What an edit of policy.toml loosened: it is not in force until governance confirms it."""
    found = desk.call("policy.waiting")
    if found["digest"] is None:
        return Output(found, "Nothing waits.")
    return Output(
        found, f"{_listed(found['changes'])}\nConfirm: postroom policy confirm {found['digest']} --reason TEXT"
    )


@command(app, "confirm", example="postroom policy confirm 5f2c... --reason 'agreed for the spring'")
def confirm(desk: AnyDesk, digest: Digest, reason: Reason) -> Output:
    """Put in force what an edit of policy.toml loosened, as governance."""
    done = desk.call("policy.confirm", digest=digest, reason=reason)
    return Output(done, f"Version {done['version']} is in force.\n{_listed(done['changes'])}")


@command(app, "withdraw", example="postroom policy withdraw 5f2c... --reason 'not agreed'")
def withdraw(desk: AnyDesk, digest: Digest, reason: Reason) -> Output:
    """Forget what an edit of policy.toml loosened. The policy in force stays, and so does the file."""
    done = desk.call("policy.withdraw", digest=digest, reason=reason)
    return Output(done, f"Nothing waits any more; version {done['version']} stays in force.")


@command(app, "replay", example="postroom policy replay policy.toml --days 30")
def replay(
    desk: AnyDesk,
    file: File,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="How far back.")] = 30,
) -> Output:
    """What a policy would have done with the mail of the last days. Changes nothing."""
    text = _text(file)
    desk.note("reading the decisions ...")
    found = desk.call("policy.replay", text=text, days=days)
    rows = [(one["then"], one["now"], f"{one['messages']:,}", ", ".join(one["examples"])) for one in found["moved"]]
    shown = table(("THEN", "NOW", "MESSAGES", "SUCH AS"), rows, none="no decision would have been different")
    return Output(found, f"{plural(found['messages'], 'message')} in {plural(days, 'day')}.\n{shown}")


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


def _listed(changes: Sequence[Mapping[str, Any]]) -> str:
    rows = [(one["direction"], one["path"], _spelled(one["old"]), _spelled(one["new"])) for one in changes]
    return table(("", "KEY", "WAS", "IS"), rows, none="It is already in force.")


def _spelled(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
