"""Agents and their runs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.db import directory
from core.db.queries import identity_filters
from core.errors import NotFound
from core.filter_fields import Listing
from core.json_body import Name, Purpose, ReasonRequest, Shape
from core.operations.answers import Answer, WideAnswer
from core.operations.bodies import LAST_ID, AfterRequest, AgentReason, AgentRequest, FilterText, Limit, Required, wanted
from core.operations.operation import Call, Json, act, read
from core.operations.tokens import may_see_users, users_shown
from core.rules.addresses import check_pattern
from core.rules.roles import Verb
from core.serializers import controls, identities, mail, people
from core.services.control import emergency
from core.services.control.read_log import Shown, What
from core.services.sending import runs
from core.services.sending.runs import RunView
from core.services.sending.submission import RunClaim
from core.text.numbers import whole_number

# --- agents -------------------------------------------------------------------------------------------------------


class AgentsRequest(AfterRequest):
    """A page that starts after a name; `filter` is a filter of the agents, such as `state:suspended held>0`."""

    filter: FilterText = ""


def list_agents(call: Call, request: AgentsRequest) -> Json:
    filtered = identity_filters.agents(wanted(request.filter, Listing.AGENTS), now=call.tx.now)
    found = directory.agents(call.tx.conn, after=request.after, filtered=filtered)
    return {"agents": [people.agent(one) for one in found]}


def show(call: Call, request: AgentRequest) -> Json:
    conn = call.tx.conn
    found = directory.agent(conn, request.agent)
    if found is None:
        raise NotFound(f"there is no agent {request.agent}", fix="postroom agent list lists them")
    mailboxes, users = directory.mailboxes(conn, agent=request.agent), may_see_users(call)
    return people.agent(found) | {
        "mailboxes": [identities.identity(call.tx, one) for one in mailboxes],
        "tokens": [people.token(one, users=users) for one in directory.tokens(conn, agent=request.agent)],
    }


def suspend(call: Call, request: AgentReason) -> Json:
    frozen = emergency.suspend_agent(call.tx, request.agent, reason=request.reason, actor=call.actor)
    return controls.suspended(request.agent, frozen)


def resume(call: Call, request: AgentReason) -> Json:
    emergency.resume_agent(call.tx, request.agent, reason=request.reason, actor=call.actor)
    return controls.resumed(request.agent)


# --- runs ---------------------------------------------------------------------------------------------------------


class RunsRequest(Shape):
    """A page of one agent's runs, or of all, the newest first; `cursor` is the last one's `number`."""

    agent: Name | None = None
    cursor: Annotated[int, Field(ge=1, le=LAST_ID)] | None = None
    limit: Limit = runs.PAGE


class RunRequest(Shape):
    """One run: its id with the agent's name, its number, or an id that only one agent has."""

    run: Required
    agent: Name | None = None


class RunConfirmRequest(RunRequest, ReasonRequest):
    """How many recipients the run may reach in its whole life, and the reason for the log."""

    up_to: Annotated[int, Field(ge=1, le=10_000_000)]


class RunOpenRequest(Shape):
    """A run that starts, or the purpose and targets of one that runs; the others say who and what executes it."""

    run: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
    agent: Required
    user: Name | None = None
    via: Annotated[list[Name], Field(max_length=10)] = Field(default_factory=list)
    agent_version: Name | None = None
    prompt_version: Name | None = None
    tools_version: Name | None = None
    purpose: Purpose | None = None
    targets: Annotated[list[Required], Field(max_length=200)] = Field(default_factory=list)


def list_runs(call: Call, request: RunsRequest) -> Json:
    found = runs.listed(call.tx.conn, agent=request.agent, before=request.cursor, limit=request.limit)
    return {"runs": [mail.run(one) for one in found]}


def show_run(call: Call, request: RunRequest) -> Json:
    return mail.run(_run(call, request))


def open_run(call: Call, request: RunOpenRequest) -> Json:
    patterns = tuple(dict.fromkeys(check_pattern(one) for one in request.targets))
    claim = RunClaim(
        key=request.run, user=request.user, via=tuple(request.via), agent_version=request.agent_version,
        prompt_version=request.prompt_version, tools_version=request.tools_version, purpose=request.purpose,
        targets=patterns,
    )  # fmt: skip
    runs.open_run(call.tx, agent=request.agent, claim=claim, actor=call.actor)
    return mail.run(runs.show(call.tx.conn, agent=request.agent, key=request.run))


def confirm_run(call: Call, request: RunConfirmRequest) -> Json:
    found = _run(call, request)
    done = runs.confirm_run(
        call.tx, agent=found.agent, key=found.key, up_to=request.up_to, reason=request.reason, actor=call.actor
    )
    return mail.run_confirmed(found.agent, found.key, done)


def close_run(call: Call, request: RunRequest) -> Json:
    found = _run(call, request)
    return mail.run_closed(
        found.agent, found.key, runs.close_run(call.tx, agent=found.agent, key=found.key, actor=call.actor)
    )


def _run(call: Call, request: RunRequest) -> RunView:
    """Raises `NotFound`, and `Conflict` if several agents have a run of this id."""
    number = whole_number(request.run, most=LAST_ID)
    return runs.find(call.tx.conn, request.run, agent=request.agent, number=number)


def _runs_shown(_request: object, _answer: object) -> Shown:
    """A run's targets and user are people: who only runs the desk does not see them, and a read is logged."""
    return Shown(What.RUNS)


# --- answers ----------------------------------------------------------------------------------------------------------


class Agent(WideAnswer):
    """A non-human identity: suspended or not, by whom, why, its last revocation drill."""

    name: str
    status: str
    suspended_at: str | None
    suspended_by: str | None
    suspend_reason: str | None


class Agents(Answer):
    """A page of agents by name."""

    agents: list[Agent]


class Suspended(Answer):
    """Deliveries that had started before the suspension, and mail that stays where it is."""

    agent: str
    status: str
    in_flight: int
    queued: int
    pending: int


class Resumed(Answer):
    """An agent that may act again."""

    agent: str
    status: str


class Run(WideAnswer):
    """One execution of an agent. `id` is the agent's name for it, `number` the desk's."""

    id: str
    number: int
    agent: str
    accepted: int
    confirmed_up_to: int | None
    closed_at: str | None


class Runs(Answer):
    """A page of runs, newest first."""

    runs: list[Run]


class RunConfirmed(Answer):
    """What a confirmation released. `still_pending`: held for another reason as well, or beyond `up_to`."""

    agent: str
    run: str
    up_to: int
    released: int
    still_pending: int


class RunClosed(Answer):
    """A closed run, and how many recipients it had."""

    agent: str
    run: str
    accepted: int


OPERATIONS = (
    read("agent.list", list_agents, AgentsRequest, Agents, Verb.DESK_READ,
         about="Agents by name: suspended or not, by whom and why."),
    read("agent.show", show, AgentRequest, Agent, Verb.DESK_READ,
         about="One agent with its mailboxes and tokens.", shown=users_shown),
    act("agent.suspend", suspend, AgentReason, Suspended, Verb.AGENT_SUSPEND,
        about="Suspend an agent: none of its messages starts to leave from now on."),
    act("agent.resume", resume, AgentReason, Resumed, Verb.AGENT_RESUME,
        about="Resume a suspended agent; never by the operator who suspended it."),
    read("run.list", list_runs, RunsRequest, Runs, Verb.MESSAGE_READ, about="Runs, newest first.",
         shown=_runs_shown),
    read("run.show", show_run, RunRequest, Run, Verb.MESSAGE_READ,
         about="One run: who started it, its versions, and how much mail was accepted.",
         shown=_runs_shown),
    act("run.open", open_run, RunOpenRequest, Run, Verb.RUN_OPEN,
        about="Open a run, or set the purpose of a running one. Mail to anyone but its targets is held."),
    act("run.confirm", confirm_run, RunConfirmRequest, RunConfirmed, Verb.RUN_CONFIRM,
        about="Let a run reach up to this many recipients: lifts the run cap's hold and nothing else."),
    act("run.close", close_run, RunRequest, RunClosed, Verb.AGENT_SUSPEND,
        about="Close a run: it accepts no more mail, and tokens bound to it are no longer valid."),
)  # fmt: skip
