"""The checks of a message's content, each with its sentence: what fails one must be opened before it is approved."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from core import unseen
from core.rules.content import links
from core.words import Reason


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says. `people` are its recipients as the agent gave them, `attached` the names of its files."""

    subject: str
    text: str | None = None
    html: str | None = None
    people: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in (self.text, self.html) if part)


def examined(said: Said, *, own: Collection[str] = ()) -> tuple[Reason, ...]:
    """The checks it fails. `own` are the sender's domains: what is under them is spelled as it is."""
    return (*_hidden(said), *_linked(said, own), *_addressed(said))


def _hidden(said: Said) -> Iterator[Reason]:
    subject = unseen.spell_out(said.subject)[1]
    body = sum(unseen.hidden_in(part) for part in said.parts)
    names = sum(unseen.spell_out(name)[1] for name in (*said.people, *said.attached))
    if subject or body or names:
        counted = f"subject {subject}, body {body}" + (f", names {names}" if names else "")
        yield Reason("hidden_characters", f"hidden or bidi characters: {counted}")


def _linked(said: Said, own: Collection[str]) -> Iterator[Reason]:
    found = links.links_of(said.text, said.html)
    if any(len(part) > links.LONGEST for part in said.parts):
        yield Reason("too_long", f"longer than is looked at: {links.LONGEST:,} characters")
    differ = [link for link in found if link.differs]
    if differ:
        more = f", and {len(differ) - 1} more" if len(differ) > 1 else ""
        yield Reason("link_differs", f"a link says {differ[0].text[:100]} and goes to {differ[0].host[:100]}{more}")
    hosts = dict.fromkeys(link.host for link in found if not _under(link.host, own))
    odd = [why for host in hosts if (why := links.strange(host)) is not None]
    if odd:
        more = f", and {len(odd) - 1} more" if len(odd) > 1 else ""
        yield Reason("link_host", f"a link's host {odd[0][:200]}{more}")


def _under(host: str, own: Collection[str]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in own)


def _addressed(said: Said) -> Iterator[Reason]:
    """A recipient at a domain of mixed letters is hardly who the agent means."""
    for person in said.people:
        domain = person.rpartition("@")[2].rstrip("> ").lower()
        why = next((why for label in domain.split(".") if (why := links.mixed(label)) is not None), None)
        if why is not None:
            yield Reason("recipient_host", f"{domain[:100]} {why}")
            return
