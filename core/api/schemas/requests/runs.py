"""Bodies of the routes under /runs, and the `run` member of a message.

A run is one execution of an agent. It may name its intended recipients (`targets`).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from core.api.schemas.requests.body import AddressText, Name, Purpose, Sentence, Shape, as_list
from core.errors import Invalid
from core.rules.addresses import check_pattern


class ToolCall(Shape):
    """The tool call as the agent's framework issued it."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: Name | None = None
    arguments: dict[str, Any] | None = None


def _patterns(value: list[str]) -> list[str]:
    """Each pattern in the normalised form that addresses are compared with."""
    try:
        return list(dict.fromkeys(check_pattern(one) for one in value))
    except Invalid as error:
        raise ValueError(error.reason) from error


Targets = Annotated[
    list[AddressText],
    Field(max_length=200),
    AfterValidator(_patterns),
    BeforeValidator(
        as_list, json_schema_input_type=Annotated[list[AddressText], Field(max_length=200)] | AddressText | None
    ),
]
"""The intended recipients of a run: addresses, domains, or patterns as in an allow-list."""


class RunMember(Shape):
    """The agent's run that a message belongs to, the user it acts for, and its purpose.

    Mail of a run that names `targets` to any other address waits for a person. The first values given stay.
    """

    id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")] | None = None
    user: Name | None = None
    via: Annotated[list[Name], Field(max_length=10)] = Field(default_factory=list)
    agent_version: Name | None = None
    prompt_version: Name | None = None
    tools_version: Name | None = None
    purpose: Purpose | None = None
    targets: Targets = Field(default_factory=list)
    tool_call: ToolCall | None = None


class OpenRun(RunMember):
    """`POST /runs`: start a run of an agent before its first message, or set purpose and targets of a running one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
    agent: Name


class ConfirmRequest(Shape):
    """`POST /runs/{id}/confirm`. `agent` may be omitted if `id` is the run's number."""

    agent: Name | None = None
    up_to: Annotated[int, Field(ge=1, le=10_000_000)]
    reason: Sentence


class CloseRequest(Shape):
    """`POST /runs/{id}/close`. `agent` may be omitted if `id` is the run's number."""

    agent: Name | None = None
