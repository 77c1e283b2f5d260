"""Read `policy.toml` and report all its errors at once, each with its key and a sentence.

People edit the file while the desk runs; reporting only the first error would cost them one round per error.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import Invalid
from core.rules.policy.changes import quoted
from core.rules.policy.sections import FROM_FILE, Policy, Secret, SiteOverride

DEFAULT_TOML: Final = """\
# What this desk allows. A valid edit that tightens takes effect at once. One that loosens waits until governance runs
# `postroom policy apply FILE --reason TEXT`. An invalid edit changes nothing and is reported.
# Durations: 10s, 5m, 72h, 30d. Rates: 0.0005 is 0.05 %.

[oversight]
default_mode = "gated_send"  # read_only < gated_all < gated_send < monitored < autonomous
pending_expiry = "72h"       # undecided mail expires after this and never leaves (1h to 30d)
expiry_calendar = ""         # hours in which this time counts, such as "mon-fri 08:00-18:00 Europe/Berlin"; "": always
release_delay = "10s"        # how long an approval in the console can be undone
minimum_time_on_rung = "24h" # between two raises of a mailbox's mode; the first raise does not wait

[identities]
longest_life = "365d"        # from request or renewal to expiry; renew an identity to keep it longer
drill_every = "90d"          # how often to exercise revocation (`postroom drill AGENT`); operators are asked when due
unused_after = "30d"         # report an identity as unused when its tokens have not been presented for this long

[budgets.run]
cap = 100                    # recipients over a run's whole life; more needs explicit confirmation by a human
on_exceed = "hold"

[budgets.agent]              # a new mailbox starts small; governance widens it
hour = 10                    # in any 60 minutes
day = 10                     # in any 24 hours
on_exceed = "queue"          # or "refuse"
new_recipients_day = 10      # people it has never written to: the best signal of a runaway

[budgets.site]               # per mailbox and recipient site
minute = 50                  # a steady pace, burst 1
hour = 600                   # every attempt counts
stream_minute = 50           # all mailboxes of a stream together; never below the limit of one mailbox
stream_hour = 600

[budgets.sites."gmail.com"]  # one table per site that differs; omitted keys keep the values above
minute = 50

[warmup]                     # daily caps of a new stream; no cap after the last day
days = [50, 100, 200, 400, 800, 1600, 3200, 6400]

[guards.complaints]          # per agent: complaints over deliveries, each recipient counted once
window = "7d"                # by time of sending; evaluated on each report
warn = 0.0003
suspend = 0.0005             # receivers act at 0.001 and 0.003
min_events = 2               # fewer events never suspend

[guards.bounces]
window = "72h"
warn = 0.02
suspend = 0.05
min_events = 5

[anomalies]
window = "7d"                # held mail of one mailbox, by time of decision
rejections = 0.20            # rejected share of decided mail that suggests a lower mode
expiry = 0.25                # share of held mail that expired unread and suggests a lower mode
min_decisions = 10

[allow_list]
outside = "hold"             # or "block": recipients not on the mailbox's allow-list

[consent]
require = ["cold_outreach"]  # classes that need a record of consent
missing = "hold"             # or "block": mail without such a record
prior_consent_regions = ["CA", "EU", "UK"]
unknown_region = "require"   # or "allow"

[classes]
hold = ["cold_outreach", "commitment"]  # held in every mode
commitment_phrases = []      # further phrases that make a message a commitment, such as "on our account"

[runs]
require = []                 # a run must declare: "user", "via", "agent_version", "prompt_version", "tools_version",
                             # "purpose", "targets"
missing = "hold"             # or "refuse": mail of a run that does not declare it

[disclosure]
header = true
footer = "This message was written by an AI agent of {organisation}."
footer_except = []           # classes sent without the footer, such as "internal"

[delivery]
first_retry = "5m"
give_up = "48h"
uncertain = "retry"          # or "hold": connection lost after the message was sent; class commitment always holds
schedule_ahead = "30d"       # maximum delay of `send_at`; "0s": no scheduling

[retention]
bodies = "30d"

[review]
seconds_per_message = 3      # a faster approval was hardly read
messages_per_minute = 20     # a faster reviewer raises the rubber-stamping alarm
four_eyes = []               # classes that two people must approve, such as "commitment"; "receive": mail that came in

[suppression]
scope = "desk"               # or "stream": where a bounce or complaint suppresses, for all classes
unsubscribe = "commercial"   # commercial mail of that stream only; "stream": all its mail; "desk": all mail
soft_after = 3               # consecutive soft bounces that suppress temporarily
soft_expiry = "30d"

[notify]
urls = []                    # Apprise URLs: chat, pager, mail; without one nobody is notified of a suspension
events = ["agent.suspended", "agent.warned", "desk.stopped", "email.altered", "gateway.lost", "webhook.dead"]
expiry_before = ["2h", "24h"] # notify this long before held mail expires (messages batched) and when it has
pending_older_than = "4h"    # notify when mail has waited for a human this long
digest = "5m"                # events within this time become one notification

[webhooks]
timeout = "10s"
give_up = "72h"

[quota]                      # what one agent may have held, queued and in flight; more is refused
messages = 100000
megabytes = 2000
"""


_SENTENCES: Final[Mapping[str, str]] = {
    "value_error": "{error}",
    "greater_than_equal": "must be at least {ge}, not {given}",
    "less_than_equal": "must be at most {le}, not {given}",
    "enum": "must be {expected}, not {given!r}",
    "literal_error": "must be {expected}, not {given!r}",
    "int_type": "must be a whole number, not {given!r}",
    "int_parsing_size": "must be a smaller number, not {given!r}",
    "float_type": "must be a number, not {given!r}",
    "finite_number": "must be a number, not {given!r}",
    "bool_type": "must be true or false, not {given!r}",
    "tuple_type": "must be a list in brackets, not {given!r}",
    "string_type": "must be text in quotes, not {given!r}",
    "model_type": "must be a table of keys, not {given!r}",
    "mapping_type": "must be a table of keys, not {given!r}",
    "string_pattern_mismatch": "is not of the right form: {given!r}",
}
"""Pydantic error type -> the message for the person who edited the file."""


def parse(text: str) -> Policy:
    """Parse a `policy.toml`; missing keys get their defaults.

    Raises `Invalid` whose `problems` are all the (dotted key, sentence) pairs.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as wrong:
        raise _invalid([("policy.toml", f"is not TOML: {wrong}")]) from None
    try:
        # Through JSON: only from JSON does strict validation accept lists as tuples and strings as enum members.
        return Policy.model_validate_json(json.dumps(document, default=str), context=FROM_FILE)
    except ValidationError as wrong:
        raise _invalid([_problem(error) for error in wrong.errors(include_url=False)]) from None


def to_json(policy: Policy) -> str:
    """Serialize a policy for storage, durations in microseconds."""
    return policy.model_dump_json()


def from_json(text: str) -> Policy:
    """Load the policy of a stored version. Raises `Invalid`."""
    try:
        return Policy.model_validate_json(text)
    except ValidationError as wrong:
        raise _invalid([_problem(error) for error in wrong.errors(include_url=False)]) from None


def _invalid(problems: Sequence[tuple[str, str]]) -> Invalid:
    first = f"{problems[0][0]} {problems[0][1]}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Invalid(f"the policy is not valid: {first}{more}", fix="correct the keys named", problems=tuple(problems))


def _problem(error: ErrorDetails) -> tuple[str, str]:
    parts = [str(part) for part in error["loc"] if part != "[key]"]
    return quoted(parts) or "the whole", _sentence(error, parts)


def _sentence(error: ErrorDetails, parts: Sequence[str]) -> str:
    if error["type"] == "extra_forbidden":
        return _unknown(parts)
    if error["loc"][-1:] == ("[key]",):
        return 'must be a site\'s name in small letters, such as "gmail.com"'
    template = _SENTENCES.get(error["type"])
    if template is None:
        return f"{error['msg'][:1].lower()}{error['msg'][1:]}"
    # A refused edit is logged permanently, and a misspelt notification URL still contains its token.
    value_shown = "(not shown: it may hold a credential)" if _secret(parts) else error["input"]
    return template.format(given=value_shown, **error.get("ctx", {}))


def _secret(parts: Sequence[str]) -> bool:
    """Whether a key, or the list that contains it, holds credentials."""
    model: type[BaseModel] = Policy
    for part in parts:
        field = model.model_fields.get(part)
        if field is None:
            return False
        if any(isinstance(one, Secret) for one in field.metadata):
            return True
        inner = field.annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return False
        model = inner
    return False


def _unknown(parts: Sequence[str]) -> str:
    """The sentence about an unknown key, with the key that was probably meant."""
    known_keys = _keys(parts[:-1])
    close = get_close_matches(parts[-1], known_keys, n=1, cutoff=0.6)
    if close:
        return f"is not a key of the policy; did you mean {close[0]}?"
    elsewhere = [quoted(path) for path in _paths(Policy, ()) if path[-1] == parts[-1]]
    if elsewhere:
        return f"is not a key here; did you mean {elsewhere[0]}?"
    return f"is not a key of the policy; known here: {', '.join(known_keys)}"


def _keys(parts: Sequence[str]) -> list[str]:
    model: type[BaseModel] = Policy
    for part in parts:
        field = model.model_fields.get(part)
        inner = field.annotation if field else None
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else SiteOverride
    return list(model.model_fields)


def _paths(model: type[BaseModel], prefix: tuple[str, ...]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        found.append(path)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += _paths(field.annotation, path)
    return found
