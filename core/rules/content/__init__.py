"""What a held message says, looked at for what would deceive a reviewer, and for which others are like it.

`examined` is the list of failed checks: characters nobody sees, links that go elsewhere than they say, hosts spelled
with look-alike letters. `likeness` is the same for messages that differ only in what belongs to their recipient.
`read_mail` reads the bytes that would leave as their reader will, `said_by` for the same checks.
"""

from core.rules.content.checks import Rendered, examined
from core.rules.content.html_to_text import plain_text
from core.rules.content.links import Link, host_of, links_of
from core.rules.content.mime import Mail, Parts, read_mail, read_parts, said_by
from core.rules.content.similarity import likeness

__all__ = [
    "Link",
    "Mail",
    "Parts",
    "Rendered",
    "examined",
    "host_of",
    "likeness",
    "links_of",
    "plain_text",
    "read_mail",
    "read_parts",
    "said_by",
]
