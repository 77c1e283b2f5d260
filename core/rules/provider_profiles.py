"""What each relay does to a message: which fields it rewrites, where it wants our id, how it spells its own.

A field that the relay rewrites must not be signed, or every signature breaks on the way (SES and its like overwrite
Message-ID and Date). The metadata field is read and taken away by the relay, so it is not signed either; the relay's
webhooks echo what it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

METADATA: Final = "postroom_message_id"


@dataclass(frozen=True, slots=True)
class Profile:
    """`rewrites`: field names in lower case. `field`: the metadata field, `{id}` in its `value` is our public id."""

    name: str
    rewrites: frozenset[str] = frozenset()
    field: str | None = None
    value: str = "{id}"
    own_id: re.Pattern[str] | None = None
    spf: str | None = None

    def metadata(self, public_id: str) -> bytes:
        """The metadata field as a header line, or nothing."""
        if self.field is None:
            return b""
        return f"{self.field}: {self.value.replace('{id}', public_id)}\r\n".encode()

    def message_id(self, reply: str) -> str | None:
        """The relay's own id for what it just took, from its reply to the final dot."""
        found = self.own_id.search(reply) if self.own_id else None
        return found[1] if found else None


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile("none"),
        # SES writes Message-ID and Date anew; its message tags take letters, digits, _ and - alone.
        Profile(
            "ses",
            rewrites=frozenset({"message-id", "date", "return-path"}),
            field="X-SES-MESSAGE-TAGS",
            value=f"{METADATA}={{id}}",
            own_id=re.compile(r"\b[Oo]k ([0-9a-f]{8,}[0-9a-f-]*)"),
            spf="amazonses.com",
        ),
        Profile(
            "sendgrid",
            rewrites=frozenset({"message-id"}),
            field="X-SMTPAPI",
            value=json.dumps({"unique_args": {METADATA: "{id}"}}),
            own_id=re.compile(r"queued as (\S+)", re.IGNORECASE),
            spf="sendgrid.net",
        ),
        Profile(
            "mailgun",
            rewrites=frozenset({"message-id"}),
            field="X-Mailgun-Variables",
            value=json.dumps({METADATA: "{id}"}),
            spf="mailgun.org",
        ),
        Profile(
            "postmark",
            rewrites=frozenset({"message-id", "date"}),
            field=f"X-PM-Metadata-{METADATA}",
            own_id=re.compile(r"queued as <?([0-9a-f-]{36})", re.IGNORECASE),
            spf="spf.mtasv.net",
        ),
    )
}
