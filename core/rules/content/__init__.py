"""Examine a held message for content that would deceive a reviewer, and group messages that are alike.

`examined` lists the failed checks: hidden characters, links that lead elsewhere than their text says, hosts spelled
with look-alike letters. `likeness` is the same for messages that differ only in what belongs to their recipient.
`read_mail` reads the final bytes as their reader will, and `said_by` prepares the result for the same checks.
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
