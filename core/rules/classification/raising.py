"""Read out of a message what class of mail it is, whatever the agent says it is: raise, never lower.

Three things raise. A promise made on somebody's behalf (scheduled, refunded, agreed, signed, guaranteed) makes a
`commitment`; a commercial message to a stranger makes `cold_outreach` in every mailbox, and where the mailbox is signed
off for that class any first contact does. The reading is of words,
clause by clause, and leans towards holding: a human loses seconds over a false alarm, a customer may hold us to a
promise that nobody made. It is no judge of meaning, though: what is denied, asked, supposed or merely attributive ("the
scheduled maintenance") stays where it was.

The whole text is read, because padding is free for an agent that wants to hide a promise behind it; a text too long to
read is raised unread.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from core.model import ContentClass
from core.rules.classification.phrases import promises

LONGEST: Final = 500_000
"""Characters of subject and text that are read: no letter is as long, and the worst of them takes half a second."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What raised it: `rule` is `promise`, `unread` (too long), `commercial` or `first_contact`.

    `words` are the phrases it saw.
    """

    content_class: ContentClass
    rule: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Raised:
    """The class a message goes as, and why it is not the declared one; without causes it is.

    A message can be more than one thing. `content_class` is the one with the most duties towards the recipient;
    `classes` are all of them, and whoever holds, asks for consent or for two reviewers by class must ask it of each,
    or a promise in a cold mail would hide one of the two.
    """

    content_class: ContentClass
    declared: ContentClass
    causes: tuple[Cause, ...] = ()
    commercial: bool = False
    """It offers or advertises, whoever it goes to: the gate asks how its recipients stand to us, now and later."""

    @property
    def classes(self) -> tuple[ContentClass, ...]:
        """The declared class and every class it was raised to, each once."""
        return tuple(dict.fromkeys((self.declared, *(cause.content_class for cause in self.causes))))

    @property
    def words(self) -> tuple[str, ...]:
        """The phrases that raised it, for the reviewer. They are words of the body: keep them out of events."""
        return tuple(word for cause in self.causes for word in cause.words)

    @property
    def rule(self) -> str | None:
        """The rule that raised it to `content_class`, or None."""
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
    """The class the message goes as. `text` is all a recipient reads: bodies, and the text of what is attached.

    `named` are phrases that policy counts as promises, `invites` says that a calendar invitation is attached,
    `unread` that more text is attached than `text` holds.
    `first_contact`: some outside recipient has never been written to by this mailbox nor has written to it.
    `pitch` are the phrases that make it commercial, `strangers` says that a recipient has no relation to us at all.
    `one_click`: it can carry what cold outreach must (one recipient, the sender's name and postal address). Without
    that a message which only its words make cold outreach goes as what else it is, and is held as both.
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
    # Cold outreach comes first: its duties (consent, unsubscribe, one address) are owed to the recipient, and the law
    # asks for them; a commitment's hold is found again in `classes`.
    for heaviest in (cold, ContentClass.COMMITMENT):
        if heaviest in applying:
            return Raised(heaviest, declared, tuple(causes), commercial=bool(pitch))
    return Raised(declared, declared, tuple(causes), commercial=bool(pitch))
