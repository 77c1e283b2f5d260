"""The content checks of a message, each with its explanation: a message that fails one must be opened before approval.

Codes are stable: `hidden_characters`, `blank_subject`, `look_alike_letters`, `hidden_text`, `versions_differ`,
`too_long`, `link_differs`, `link_scheme`, `link_user`, `link_address`, `link_host`, `recipient_host`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from core.model import Reason
from core.rules.content import alternatives, confusables, links, urls
from core.rules.content.visibility import Sight, sight
from core.text import unicode_safety


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message's content. `people` are its recipients as the agent gave them, `attached` the names of its files."""

    subject: str
    text: str | None = None
    html: str | None = None
    people: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in (self.text, self.html) if part)


def examined(rendered: Rendered, *, own: Collection[str] = (), seen: Sight | None = None) -> tuple[Reason, ...]:
    """The checks that the message fails. `own` are the sender's domains; hosts under them may be spelled in any way.

    `seen` is what the whole HTML shows, if that is known: to find it out is the longest part of the work.
    """
    html = rendered.html or ""
    if seen is None or len(html) > links.LONGEST:
        seen = sight(html[: links.LONGEST]) if html else Sight()
    found = links.links_of(rendered.text, rendered.html)
    return (
        *_hidden(rendered, seen),
        *_spelled(rendered, found),
        *_kept_back(rendered, seen),
        *_versions(rendered, seen, own),
        *_too_long(rendered),
        *_linked(found, own),
        *_addressed(rendered),
    )


def _hidden(rendered: Rendered, seen: Sight) -> Iterator[Reason]:
    subject = unicode_safety.deceiving(rendered.subject)
    body = unicode_safety.hidden_in(rendered.text or "") + seen.deceiving
    names = sum(unicode_safety.deceiving(name) for name in (*rendered.people, *rendered.attached))
    if subject or body or names:
        counted = f"subject {subject}, body {body}" + (f", names {names}" if names else "")
        yield Reason("hidden_characters", f"hidden or bidi characters: {counted}")
    elif rendered.subject and not rendered.subject.strip():
        yield Reason("blank_subject", "the subject is blank")


def _spelled(rendered: Rendered, found: Collection[links.Link]) -> Iterator[Reason]:
    names = [person.rpartition("<")[0] for person in rendered.people]
    for where, texts in (
        ("the subject", [rendered.subject]),
        ("a recipient's name", names),
        ("a file's name", rendered.attached),
        ("a link's text", [link.text[:1_000] for link in found if link.text != link.target]),
    ):
        why = next((why for text in texts if (why := confusables.look_alike(text)) is not None), None)
        if why is not None:
            yield Reason("look_alike_letters", f"look-alike letters in {where}: {why}")
            return


def _kept_back(rendered: Rendered, seen: Sight) -> Iterator[Reason]:
    """Text of the HTML that its reader is not shown. A preheader that repeats shown text hides nothing."""
    runs = seen.kept_back(rendered.subject)
    if runs:
        more = f", and {len(runs) - 1} more" if len(runs) > 1 else ""
        yield Reason("hidden_text", f"the HTML hides text from its reader: {runs[0]}{more}")


def _versions(rendered: Rendered, seen: Sight, own: Collection[str]) -> Iterator[Reason]:
    if rendered.text and rendered.html:
        found = list(alternatives.differences(rendered.text[: links.LONGEST], seen, own=own))
        if found:
            yield Reason("versions_differ", f"text and HTML differ: {'; '.join(found)}")


def _too_long(rendered: Rendered) -> Iterator[Reason]:
    if any(len(part) > links.LONGEST for part in rendered.parts):
        yield Reason("too_long", f"too long to check: more than {links.LONGEST:,} characters")


def _linked(found: Collection[links.Link], own: Collection[str]) -> Iterator[Reason]:
    differ = [f"says {link.text[:100]} and goes to {link.host[:100]}" for link in found if link.differs]
    yield from _first("link_differs", "a link", differ)
    goals = dict.fromkeys((link.target, link.host) for link in found)
    schemes = [f"{scheme[:40]}:" for goal, _ in goals if (scheme := urls.foreign_scheme(goal)) is not None]
    yield from _first("link_scheme", "a link is no web, mail or telephone address but", schemes)
    posing = [
        f"reads like {user} and goes to {host[:100]}"
        for goal, host in goals
        if (user := urls.posing_user(goal)) is not None
    ]
    yield from _first("link_user", "a link", posing)
    bare = [why[:200] for goal, host in goals if (why := urls.bare_address(goal, host)) is not None]
    yield from _first("link_address", "a link's host", bare)
    hosts = dict.fromkeys(link.host for link in found if not _under(link.host, own))
    odd = [why[:200] for host in hosts if (why := confusables.strange(host)) is not None]
    yield from _first("link_host", "a link's host", odd)


def _first(code: str, what: str, found: list[str]) -> Iterator[Reason]:
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        yield Reason(code, f"{what} {found[0]}{more}")


def _under(host: str, own: Collection[str]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in own)


def _addressed(rendered: Rendered) -> Iterator[Reason]:
    """A recipient domain that mixes scripts; the agent hardly means that domain."""
    for person in rendered.people:
        domain = person.rpartition("@")[2].rstrip("> ").lower()
        why = next((why for label in domain.split(".") if (why := confusables.mixed(label)) is not None), None)
        if why is not None:
            yield Reason("recipient_host", f"{domain[:100]} {why}")
            return
