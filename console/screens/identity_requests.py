"""Request an identity, and complete its record until it is signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from textual.content import Content

from console import record_operations as operations
from console.dialogs import WaitingDialog
from console.form_dialogs import FormDialog, FormField
from console.keymap import key_of
from console.safe_text import fill
from console.screens.record_list import ListScreen
from core.desk_client.interface import Json
from core.views.identities import Identity

ADDRESS: Final = FormField("address", "address", hint="help@support-bot.acme.com")
FIELDS: Final = (
    FormField("agent", "agent", hint="which agent it is for"),
    FormField("purpose", "purpose", hint="what it is for"),
    FormField("owner", "owner", hint="the operator who answers for it: not you"),
    FormField("system_owner", "system owner", hint="who owns the systems it touches"),
    FormField("systems", "systems", hint="which systems it touches, such as: tickets, read only"),
    FormField("users", "people", hint="whom it writes to or acts for"),
    FormField("revoke_when", "ends early if", hint="its workflow ends or its owner leaves"),
    FormField("expires", "expires", hint="90d, or a date"),
    FormField("allow", "may write to", hint="jane@x.com, x.com, *.x.com or *"),
    FormField("oversight_mode", "mode", hint="empty: the policy's default"),
    FormField("standing_reason", "unattended as", hint="why it must act unattended, from monitored up"),
)
"""Members of the request, in the order in which they are asked for."""


class IdentityRequestsScreen(ListScreen):
    """A list of identities in which new ones can be requested."""

    def __init__(self) -> None:
        super().__init__()
        self._draft: Mapping[str, str] = {}

    def _identity(self) -> Identity | None:
        """The identity under the cursor."""
        raise NotImplementedError

    def why_not(self, name: str) -> str | None:
        if name != "complete_identity":
            return super().why_not(name)
        one = self._identity()
        if one is None:
            return "no identity is under the cursor"
        return None if one.record.status == "requested" else "only a request can be changed before it is signed"

    def do_request_identity(self) -> None:
        """Ask for the record. What the desk refuses is offered again at the next try."""
        fields = _filled((ADDRESS, *FIELDS), self._draft)
        self._ask(Content("Request an identity"), fields, self._request)

    def _request(self, values: Mapping[str, str]) -> None:
        self._draft = values
        given = members({name: value for name, value in values.items() if value and name != ADDRESS.name})
        self.console.run_operation(operations.request_identity(values[ADDRESS.name], given), self._requested)

    def _requested(self, record: Json) -> None:
        self._draft = {}
        self._report(record)

    def do_complete_identity(self) -> None:
        one = self._identity()
        if one is None:
            return
        title = fill("Record of $address", address=one.record.address)
        waiting: WaitingDialog[Json] = WaitingDialog(title, Content("Loading ..."), clock=self.console.monotonic)
        self.ask(waiting, self._ask_to_complete)
        self.console.run_operation(operations.mailbox(one.record.address), waiting.found, otherwise=waiting.failed)

    def _ask_to_complete(self, record: Json) -> None:
        address, known = record["address"], spelled(record)

        def complete(values: Mapping[str, str]) -> None:
            changed = {name: value for name, value in values.items() if value and value != known.get(name, "")}
            if not changed:
                self.console.say("nothing was changed")
                return
            self.console.run_operation(operations.complete_identity(address, members(changed)), self._report)

        self._ask(fill("Record of $address", address=address), _filled(FIELDS, known), complete)

    def _ask(self, title: Content, fields: Sequence[FormField], then: Any) -> None:
        dialog = FormDialog(
            title, Content("It takes the signatures of others. What is still missing is said when it is filed."),
            fields=fields, does="files it", clock=self.console.monotonic,
        )  # fmt: skip
        self.ask(dialog, then)

    def _report(self, record: Json) -> None:
        lacks, stuck = ", ".join(record["missing"]), record["stuck"]
        said = f"{record['address']} is requested; it waits for {', '.join(record['waiting_for'])}"
        if lacks:
            said += f". Its record lacks {lacks}: press {key_of('complete_identity')} to complete it"
        if stuck:
            said += f". It cannot be signed as it is: {stuck}"
        self.console.say(said, "warning" if lacks or stuck else "information")
        self.reload()


def members(values: Mapping[str, str]) -> dict[str, Any]:
    """Typed values as members of the request."""
    found: dict[str, Any] = dict(values)
    if "allow" in found:
        found["allow"] = [one for one in found["allow"].replace(",", " ").split() if one]
    return found


def spelled(record: Mapping[str, Any]) -> dict[str, str]:
    """A record as it would be typed."""
    found = {field.name: str(record.get(field.name) or "") for field in FIELDS}
    return found | {"allow": " ".join(record["allow"]), "expires": str(record["expires_at"] or "")}


def _filled(fields: Sequence[FormField], values: Mapping[str, str]) -> tuple[FormField, ...]:
    return tuple(FormField(one.name, one.label, values.get(one.name, ""), one.hint) for one in fields)
