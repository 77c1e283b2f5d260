"""Which permission each command needs: one table for all, so that no command can read without an entry.

Reading takes an operator's token and the same role as over HTTP and in the console. A command that writes reads with
the role that every operator has, and its service function checks its own. Commands without a token are for people on
the host, who can read the desk's files anyway, and reveal nothing about who writes to whom; the table gives the reason
for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.rules.roles import Verb


@dataclass(frozen=True, slots=True)
class Free:
    """No token is needed, and why. `desk`: it is about a desk; the others have none to be about."""

    why: str
    desk: bool = True


ACTS: Final = Verb.DESK_READ
"""The service function checks the role; any role may read what the command is about."""

ACCESS: Final[Mapping[str, Verb | Free]] = {
    "init": Free("there is nobody yet who could have a token"),
    "serve": Free("started by the host's service manager; it acts for nobody"),
    "doctor": Free("run while a desk is set up or broken; it reads settings, DNS and disk, no mail"),
    "backup": Free("run on the host, often by a timer, by whoever can read these files anyway; it shows none of them"),
    "restore": Free("there is no desk yet to have a token of; it must know the master key"),
    "migrate": Free("run on the host before a new version serves; it changes no content"),
    "docs": Free("prints pages that come with the program", desk=False),
    "report": Free("reads the files it is given", desk=False),
    "policy check": Free("reads the file it is given and says how it differs from the policy in force"),
    "stream dns": Free("prints what is published for the world"),
    "mcp": Free("passes an agent's token on to a gateway, which checks it; it reads nothing of the desk"),
    "inbound postfix": Free("prints a configuration; it names the desk's domains, which are published"),
    "audit verify": Free("proves the log from its bytes alone: an auditor with the disk needs nobody's leave"),
    "operator claim": Free("whoever claims has no token yet, and gets none that works before it is confirmed"),
    "desk add": Free("notes on this machine where a desk is; a claimed token opens nothing before it is confirmed"),
    "desk set": Free("notes on this machine how a desk is shown, and whether it is guarded here"),
    "desk use": Free("says which of these desks a command is for"),
    "desk list": Free("prints the names and places that this person has noted"),
    "desk remove": Free("forgets a note, and the token in this person's own keyring"),
    "status": Verb.DESK_READ,
    "history": Verb.DESK_READ,
    "stop": ACTS,
    "start": ACTS,
    "trace": Verb.TRACE_READ,
    "logs": Verb.GATEWAY_LOG_READ,
    "stream add": ACTS,
    "stream set": ACTS,
    "stream rotate": ACTS,
    "stream pause": ACTS,
    "stream resume": ACTS,
    "stream warmup": ACTS,
    "stream list": Verb.DESK_READ,
    "stream show": Verb.DESK_READ,
    "mailbox mode": ACTS,
    "mailbox limits": ACTS,
    "mailbox allow": ACTS,
    "mailbox classes": ACTS,
    "mailbox webhook": ACTS,
    "mailbox request": ACTS,
    "mailbox approve": ACTS,
    "mailbox veto": ACTS,
    "mailbox renew": ACTS,
    "mailbox retire": ACTS,
    "mailbox list": Verb.DESK_READ,
    "mailbox show": Verb.DESK_READ,
    "mailbox evidence": Verb.DESK_READ,
    "agent suspend": ACTS,
    "agent resume": ACTS,
    "drill": ACTS,
    "inventory": Verb.DESK_READ,
    "agent list": Verb.DESK_READ,
    "agent show": Verb.DESK_READ,
    "token issue": ACTS,
    "token delegate": Free("an agent passes on its own token, which it names; it reads nothing of the desk"),
    "token enrol": ACTS,
    "token revoke": ACTS,
    "token list": Verb.DESK_READ,
    "operator add": ACTS,
    "operator confirm": ACTS,
    "operator rotate": ACTS,
    "operator revoke": ACTS,
    "operator disable": ACTS,
    "operator list": Verb.DESK_READ,
    "queue pending": Verb.MESSAGE_READ,
    "queue scheduled": Verb.MESSAGE_READ,
    "queue lanes": Verb.DESK_READ,
    "queue show": Verb.MESSAGE_READ,
    "queue review": Verb.MESSAGE_READ,
    "queue approve": ACTS,
    "queue reject": ACTS,
    "queue undo": ACTS,
    "queue cancel": ACTS,
    "queue claim": ACTS,
    "queue unclaim": ACTS,
    "queue return": ACTS,
    "queue edit": ACTS,
    "note add": ACTS,
    "handover": Verb.AUDIT_READ,
    "note list": Verb.AUDIT_READ,
    "attention acknowledge": ACTS,
    "attention wake": ACTS,
    "attention list": Verb.DESK_READ,
    "attention now": Verb.DESK_READ,
    "inbox list": Verb.MESSAGE_READ,
    "inbox show": Verb.MESSAGE_READ,
    "inbox thread": Verb.MESSAGE_READ,
    "inbox contacts": Verb.MESSAGE_READ,
    "inbox release": ACTS,
    "inbox reject": ACTS,
    "lane pause": ACTS,
    "lane resume": ACTS,
    "run list": Verb.MESSAGE_READ,
    "run show": Verb.MESSAGE_READ,
    "run confirm": ACTS,
    "run close": ACTS,
    "run open": ACTS,
    "suppress add": ACTS,
    "suppress remove": ACTS,
    "suppress import": ACTS,
    "suppress list": Verb.MESSAGE_READ,
    "suppress export": Verb.MESSAGE_READ,
    "recipient erase": ACTS,
    "consent add": ACTS,
    "consent withdraw": ACTS,
    "consent import": ACTS,
    "consent list": Verb.MESSAGE_READ,
    "consent export": Verb.MESSAGE_READ,
    "webhook dead": Verb.AUDIT_READ,
    "webhook replay": ACTS,
    "notify test": ACTS,
    "policy show": Verb.DESK_READ,
    "policy apply": ACTS,
    "policy waiting": Verb.DESK_READ,
    "policy confirm": ACTS,
    "policy withdraw": ACTS,
    "policy replay": Verb.AUDIT_READ,
    "audit checkpoint": ACTS,
    "audit bundle": Verb.AUDIT_READ,
    "audit export": Verb.AUDIT_READ,
    "audit list": Verb.AUDIT_READ,
    "audit tail": Verb.AUDIT_READ,
}
