"""Raise a message's content class by what its text says, whatever class the agent declares; never lower it.

Three things raise the class. A promise on somebody's behalf (scheduled, refunded, agreed, signed, guaranteed) makes it
a `commitment`. A commercial message to a stranger is `cold_outreach` in every mailbox; in a mailbox signed off for that
class, any first contact is. The analysis works on words, clause by clause, and leans towards holding: a false alarm
costs a human seconds, but a customer may hold us to a promise that nobody made. It does not understand meaning, though:
what is denied, asked, hypothetical or merely attributive ("the scheduled maintenance") does not raise the class.

The whole text is read, because an agent could hide a promise behind free padding; a text too long to read is raised
unread.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from core.model import ContentClass
from core.rules.classification.phrases import promises

LONGEST: Final = 500_000
"""Maximum length of subject and text that is read: no letter is as long, and the worst case takes half a second."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the class was raised: `rule` is `promise`, `unread` (too long), `commercial` or `first_contact`.

    `words` are the phrases that triggered it.
    """

    content_class: ContentClass
    rule: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Raised:
    """The class applied to a message, and why it differs from the declared one; without causes they are the same.

    A message can be of several classes. `content_class` is the one with the most duties towards the recipient;
    `classes` are all of them. Code that holds a message, asks for consent or requires two reviewers by class must check
    each of them, or a promise in a cold message would hide one of the two.
    """

    content_class: ContentClass
    declared: ContentClass
    causes: tuple[Cause, ...] = ()
    commercial: bool = False
    """Whether it offers or advertises, to anyone; the gate checks our relation to its recipients, now and later."""

    @property
    def classes(self) -> tuple[ContentClass, ...]:
        """The declared class and every class it was raised to, without duplicates."""
        return tuple(dict.fromkeys((self.declared, *(cause.content_class for cause in self.causes))))

    @property
    def words(self) -> tuple[str, ...]:
        """The phrases that raised the class, for the reviewer. They come from the body: keep them out of events."""
        return tuple(word for cause in self.causes for word in cause.words)

    @property
    def rule(self) -> str | None:
        """The rule that raised the class to `content_class`, or None."""
        return next((cause.rule for cause in self.causes if cause.content_class is self.content_class), None)


def raise_class(
    declared: ContentClass,
    *,
    subject: str,
    text: str,
    first_contact: bool,
    mailbox_classes: Collection[ContentClass],
    named: Collection[str] = (),
    invites: bool = False,
    unread: bool = False,
    pitch: tuple[str, ...] = (),
    strangers: bool = False,
    one_click: bool = True,
) -> Raised:
    """Determine the class of a message. `text` is all a recipient reads: bodies and the text of attachments.

    `named` are phrases that policy counts as promises; `invites`: a calendar invitation is attached; `unread`: more
    text is attached than `text` holds. `first_contact`: this mailbox has never written to some outside recipient nor
    received mail from it. `pitch` are the phrases that make the message commercial; `strangers`: some recipient has no
    relation to us at all. `one_click`: the message can carry what cold outreach must (one recipient, the sender's name
    and postal address). Without it, a message that is cold outreach by its words alone is sent as its other class, and
    is held as both.
    """
    causes = []
    too_long = len(subject) + len(text) > LONGEST
    phrases = () if too_long else promises(f"{subject}\n\n{text}", named=named)
    if invites:
        phrases = ("a calendar invitation", *phrases)
    if too_long:
        phrases = ("more text than is read", *phrases)
    elif unread:
        phrases = ("more attached text than is read", *phrases)
    if phrases and declared is not ContentClass.COMMITMENT:
        rule = "unread" if too_long or unread else "promise"
        causes.append(Cause(ContentClass.COMMITMENT, rule, phrases))
    cold = ContentClass.COLD_OUTREACH
    if first_contact and cold in mailbox_classes and declared is not cold:
        causes.append(Cause(cold, "first_contact"))
    by_words = not causes or causes[-1].content_class is not cold
    if pitch and strangers and declared is not cold and by_words:
        causes.append(Cause(cold, "commercial", pitch))
    else:
        by_words = False
    applying = {declared, *(cause.content_class for cause in causes)}
    if by_words and not one_click:
        applying.discard(cold)
    # Cold outreach comes first: its duties (consent, unsubscribe, one address) are owed to the recipient and required
    # by law; the hold of a commitment is still found through `classes`.
    for heaviest in (cold, ContentClass.COMMITMENT):
        if heaviest in applying:
            return Raised(heaviest, declared, tuple(causes), commercial=bool(pitch))
    return Raised(declared, declared, tuple(causes), commercial=bool(pitch))
