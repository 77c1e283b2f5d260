"""Every command that works on a desk, in the order of help; its module is imported on use.

The modules import the database, and some the HTTP server or DNS: two seconds for `--help`, and for `stop`, which is
typed in a hurry. So this table holds what help lists: a noun takes its sentence from here, and a test keeps a command's
sentence equal to its docstring.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter

WHOLE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A command, or a noun with subcommands: its `module` in this package, and the name of the `app` there.

    `remote` is the module of those subcommands that work through a gateway, if not all do: it imports no database.
    """

    name: str
    about: str
    module: str
    app: str = "app"
    noun: bool = True
    remote: str | None = None

    def load(self, *, subcommand: str | None = None) -> typer.Typer:
        """The app. `subcommand`, for a desk elsewhere: only the part that works there, if it has this one."""
        if self.remote is not None and subcommand is not None:
            part: typer.Typer = importlib.import_module(f"core.cli.{self.remote}").app
            if subcommand in {one.name for one in part.registered_commands}:
                return part
        found: typer.Typer = getattr(importlib.import_module(f"core.cli.{self.module}"), self.app)
        return found


ENTRIES: Final = (
    Entry("init", "Make a desk, its people and its first stream; --dev: one person's desk to try things.", "init",
          noun=False),
    Entry("serve", "Run the gateway until SIGTERM or Ctrl-C, then drain.", "serve", noun=False),
    Entry("stop", "The all-stop: no delivery starts anywhere from now on.", "remote.stop", noun=False),
    Entry("start", "End the all-stop: by one governance operator, or by two on call.", "remote.stop", noun=False),
    Entry("status", "What is held, whether mail may leave, which gateways run, and what is wrong.", "remote.stop",
          noun=False),
    Entry("history", "Complaints, bounces, held, blocked and review time by time, with the guards' lines.",
          "remote.history", noun=False),
    Entry("desk", "The desks that you work on from here: add, use, list, remove.", "desks"),
    Entry("report", "Show how the desk reads bounces and complaints, one line per file.", "report", noun=False),
    Entry("trace", "Everything known of a message, a recipient, a run, an agent or a person, in time order.",
          "remote.trace", noun=False),
    Entry("logs", "A gateway's own log lines, of all its processes: the newest, or following them.", "remote.logs",
          noun=False),
    Entry("doctor", "What is missing before real mail can leave: DNS, keys, routes, feedback, clock, disk.", "doctor",
          noun=False),
    Entry("backup", "Copy database, settings and policy into one file, while the gateway runs.", "backup", noun=False),
    Entry("restore", "Make a desk from a backup in an empty directory.", "backup", noun=False),
    Entry("migrate", "Bring the database to the schema of this version, in one transaction.", "backup", noun=False),
    Entry("docs", "Read a page of the documentation: providers, setting up.", "docs", noun=False),
    Entry("drill", "Revocation drill: revoke an agent's tokens, check that no gateway accepts them, issue new ones.",
          "remote.drill", noun=False),
    Entry("inventory", "Every non-human identity: owner, reviewers, credentials and their age, last use, last drill, "
          "findings.", "remote.inventory", noun=False),
    Entry("mcp", "Serve a gateway's tools to an MCP client on stdin and stdout.", "mcp", noun=False),
    Entry("inbound", "Received mail: what to configure at the mail server in front.", "inbound"),
    Entry("stream", "Sending subdomains: routes, DKIM keys, DNS records, warm-up.", "remote.streams"),
    Entry("mailbox", "Mailboxes: request, approve, limit, renew, retire.", "remote.mailboxes"),
    Entry("agent", "Agents: suspend, resume, list, show.", "remote.agents"),
    Entry("token", "Agents' tokens: issue, enrol, delegate, revoke, list.", "remote.tokens"),
    Entry("operator", "People at the desk: add, claim, confirm, rotate, revoke, list, disable.", "remote.operators"),
    Entry("queue", "Held mail and lanes: list, review, claim, approve, reject, return, undo.", "remote.review",
          "queue_app"),
    Entry("handover", "The hand-over for the next shift: what happened since a time, what waits, who did what.",
          "remote.handover", noun=False),
    Entry("note", "Notes of the people at the desk on messages, agents and incidents: add, list.", "remote.teamwork",
          "note_app"),
    Entry("attention", "What needs attention now; acknowledge it for a while, show it again, list what is quiet.",
          "remote.teamwork", "attention_app"),
    Entry("inbox", "Received mail: list, show, release or reject what is held; contacts.", "remote.inbox"),
    Entry("lane", "Lanes (one mailbox towards one site): pause, resume.", "remote.lanes", "lane_app"),
    Entry("run", "Runs: open, list, show, confirm, close.", "remote.runs"),
    Entry("suppress", "Suppression list: add, remove, list, import, export.", "remote.recipients", "suppress_app"),
    Entry("consent", "Consent records: add, withdraw, list, import, export.", "remote.recipients",
          "consent_app"),
    Entry("recipient", "Data of one recipient: erase on request.", "remote.recipients", "recipient_app"),
    Entry("webhook", "Dead letters of webhooks: list, replay.", "remote.webhooks"),
    Entry("notify", "Notifications by chat, pager and mail: test.", "remote.notify"),
    Entry("policy", "What the desk allows: check, show, apply, replay, confirm what waits.", "remote.policy"),
    Entry("audit", "The log: list, follow, verify, export, sign, bundle as evidence.", "audit", remote="remote.audit"),
)  # fmt: skip


class WholeSentences(TyperGroup):
    """Lists its commands with what each does, on as many lines as that takes: half a sentence helps nobody choose."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        found = [(name, command) for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))]
        rows = [(name, command.get_short_help_str(limit=WHOLE)) for name, command in found if not command.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def group(name: str) -> typer.Typer:
    """The app of a noun with subcommands."""
    about = next(entry.about for entry in ENTRIES if entry.name == name)
    return typer.Typer(
        name=name, help=about, no_args_is_help=True, rich_markup_mode=None, add_completion=False, cls=WholeSentences
    )


def after(given: Sequence[str], command: str | None) -> str | None:
    """The subcommand of a noun on a command line."""
    words = [argument for argument in given if not argument.startswith("-")]
    return words[words.index(command) + 1] if command in words[:-1] and command is not None else None


def asked_for(given: Sequence[str], *, completing: str = "") -> str | None:
    """The command at the start of a command line or, during shell completion, of the line typed so far."""
    arguments = completing.split()[1:] if completing else given
    return next((argument for argument in arguments if not argument.startswith("-")), None)


def mount(
    app: typer.Typer, *, only: str | None = None, subcommand: str | None = None, whole: bool = True
) -> None:  # fmt: skip
    """Add all commands. Unless `whole`, load only the command `only` and add the others as names for help to list.

    `subcommand`: what follows it, if the command is for a desk elsewhere.
    """
    for entry in ENTRIES:
        ready = whole or entry.name == only
        if entry.noun:
            app.add_typer(entry.load(subcommand=subcommand) if ready else group(entry.name))
        elif ready:
            app.registered_commands += [one for one in entry.load().registered_commands if one.name == entry.name]
        else:
            app.command(entry.name, help=entry.about)(_elsewhere)


def _elsewhere() -> None:
    """Never runs: the requested command is always loaded."""
