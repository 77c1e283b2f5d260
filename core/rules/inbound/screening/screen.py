"""Find, weigh and explain marks in a received message. It changes and decides nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from core.rules.inbound.screening import cues, files, links, markup, others
from core.rules.inbound.screening.disguises import hidden_characters, spelled, undone
from core.rules.inbound.screening.phrases import ADDRESS, Book, Hit, Words
from core.rules.inbound.screening.types import Finding, Screenable, Screened
from core.text import prechecks

MOST: Final = 40
"""Findings that are kept, the heaviest."""
LONGEST: Final = 100_000
"""Characters of one text that are screened."""
HEAVIEST: Final = 0.97
ELSEWHERE: Final = 0.35
"""Added to a phrase that stands where a reader does not see it."""
PREHEADER: Final = 220
FURTHER: Final = 0.4
"""The part of its weight that a second phrase of one code adds."""

_BOOK: Final = Book([*cues.ENGLISH, *others.SPACED])
_OVERRIDES: Final = Book([one for one in [*cues.ENGLISH, *others.SPACED] if one.weight >= 0.5])
_UNSPACED: Final = tuple((code, weight, re.compile(one)) for code, weight, one in others.UNSPACED)
_DIRECT: Final = frozenset(
    {
        "send", "forward", "reply", "respond", "ignore", "disregard", "execute", "transfer", "reveal", "output",
        "include", "append", "delete", "approve", "wire", "bcc", "invoke", "leak", "exfiltrate", "recommend",
        "summarize", "sende", "leite", "ignoriere", "envoie", "transfère", "envía", "reenvía", "invia",
        "inoltra", "email", "provide", "share", "call", "run", "fetch",
    }
)  # fmt: skip
_TO_MODEL: Final = frozenset(
    {
        "ai", "llm", "assistant", "agent", "model", "chatbot", "copilot", "gpt", "chatgpt", "claude", "gemini",
        "bot", "prompt", "instruction", "instructions", "system", "user", "operator", "ki", "assistent",
        "assistente", "asistente", "ia", "tool", "tools", "confirmation", "approval", "secretly", "silently",
    }
)  # fmt: skip
_PASSWORD: Final = re.compile(
    r"\b(?:password|passcode|pass|pwd|passwort|kennwort|mot de passe|contraseña|senha|пароль|密码|parola|"
    r"hasło)\b[^.\n]{0,30}?(?::|=| is | ist | est | es )\s?\S{3,}",
    re.IGNORECASE,
)
_ACTIVE: Final = re.compile(r"\b(?:javascript|vbscript|data|file|blob|ms-\w{1,30}):")
_NEGATED: Final = re.compile("[不勿别別莫]")
_TEXTS: Final = {
    cues.OVERRIDE: "it tells a model to drop its instructions",
    cues.ROLE: "it gives a model another role",
    cues.MODEL: "it addresses a model, not a person",
    cues.REVEAL: "it asks for a model's own instructions",
    cues.SECRECY: "it asks to keep something from people",
    cues.UNAPPROVED: "it asks to act without a person's approval",
    cues.EXFILTRATES: "it asks to send data out",
    cues.SECRETS: "it asks for secrets",
    cues.TOOLS: "it asks to run tools or commands",
    cues.AUTHORITY: "it claims authority over a model",
    cues.ENCODED: "it asks to decode or assemble something",
}
_CHECKS: Final = {
    "hidden_characters": (0.05, "it has hidden characters"),
    "blank_subject": (0.05, "its subject is blank"),
    "look_alike_letters": (0.5, "it has words with letters of two scripts that look alike"),
    "versions_differ": (0.05, "its text and its HTML differ"),
    "link_differs": (0.1, "a link names another host than it leads to"),
    "link_scheme": (0.3, "a link is no web, mail or telephone address"),
    "link_user": (0.5, "a link begins with another host's name"),
    "link_address": (0.35, "a link leads to a bare address"),
    "link_host": (0.2, "a link's host has letters beyond a to z"),
    "recipient_host": (0.2, "a sender's name holds a host of two scripts"),
    "too_long": (0.05, "it is too long to be checked whole"),
}
"""Weights of the checks that outgoing mail passes as well; what newsletters do weighs little."""
MIXED_HOST: Final = 0.55


def screen(mail: Screenable) -> Screened:
    """The findings of a message and their score. Never raises on what the message says."""
    found = [*_shown(mail), *_unseen(mail), *_checks(mail), *_files(mail)]
    kept: dict[tuple[str, str], Finding] = {}
    for one in found:
        key = (one.code, one.where)
        if key not in kept or kept[key].weight < one.weight:
            kept[key] = one
    listed = sorted(kept.values(), key=lambda one: (-one.weight, one.code, one.where))[:MOST]
    return Screened(round(_together(listed), 3), tuple(listed))


def _together(findings: Iterable[Finding]) -> float:
    """Noisy-or: independent causes, each enough by itself with its weight. One code counts once."""
    heaviest: dict[str, float] = {}
    for one in findings:
        heaviest[one.code] = max(heaviest.get(one.code, 0.0), one.weight)
    left = 1.0
    for weight in heaviest.values():
        left *= 1.0 - min(weight, HEAVIEST)
    return 1.0 - left


def joined(score: float, weight: float) -> float:
    """The score with one more finding of this weight; never lower than before."""
    return max(score, round(1.0 - (1.0 - score) * (1.0 - min(weight, HEAVIEST)), 3))


# --- what a reader sees -------------------------------------------------------------------------------------------


def _shown(mail: Screenable) -> Iterator[Finding]:
    seen: set[str] = set()
    for where, text in (("subject", mail.subject), ("text", mail.text), ("html", mail.shown)):
        if not text.strip() or text.strip() in seen:
            continue
        seen.add(text.strip())
        yield from _of_text(text[:LONGEST], where)
    for sender in mail.senders:
        yield from _phrases(Words(sender), "sender", minimum=0.6)
        yield from hidden_characters(sender, "sender")


def _of_text(text: str, where: str) -> Iterator[Finding]:
    words = Words(text)
    hits = list(_BOOK.search(words))
    yield from _phrases(words, where, hits=hits)
    yield from _markup(text, where)
    yield from hidden_characters(text, where)
    yield from _disguised(text, words, hits, where)
    yield from links.findings(text, where)


def _phrases(
    words: Words, where: str, *, hits: Iterable[Hit] | None = None, added: float = 0.0, minimum: float = 0.0
) -> Iterator[Finding]:
    of_code: dict[str, list[Hit]] = {}
    for hit in _BOOK.search(words) if hits is None else hits:
        if hit.cue.weight >= minimum:
            of_code.setdefault(hit.cue.code, []).append(hit)
    for of_one in of_code.values():
        yield _finding(words, sorted(of_one, key=lambda one: -one.cue.weight), where, added=added)
    for code, weight, pattern in _UNSPACED:
        found = None if words.text.isascii() else pattern.search(words.text[:LONGEST])
        if (
            found is not None
            and code == cues.SECRETS
            and _NEGATED.search(words.text[max(0, found.start() - 8) : found.start()])
        ):
            continue
        if found is not None and weight >= minimum:
            quote = spelled(words.text[max(0, found.start() - 10) : found.end() + 30])
            yield Finding(code, _TEXTS[code], min(HEAVIEST, weight + added), where, quote)


def _finding(words: Words, hits: list[Hit], where: str, *, added: float) -> Finding:
    """The finding of one code: its heaviest phrase, and a part of the weight of each further one."""
    first = hits[0]
    left = 1.0 - first.cue.weight
    for one in hits[1:4]:
        left *= 1.0 - FURTHER * one.cue.weight
    weight = 1.0 - left + (added if first.cue.weight >= 0.4 else added / 2)
    code = first.cue.code
    return Finding(code, _TEXTS[code], min(HEAVIEST, weight), where, spelled(words.quote(first)))


def _markup(text: str, where: str, *, added: float = 0.0) -> Iterator[Finding]:
    small = prechecks.folded(text)
    for place, pattern in enumerate(cues.MARKUP):
        found = pattern.search(text, small)
        if found is not None:
            weight = 0.7 if place in {0, 1} else 0.45
            yield Finding(
                "prompt_markup",
                "it holds markup of a model's prompt",
                min(HEAVIEST, weight + added),
                where,
                spelled(found[0]),
            )
            return


def _disguised(text: str, plain: Words, plain_hits: Iterable[Hit], where: str) -> Iterator[Finding]:
    """Phrases that only show once a disguise is undone."""
    listed = list(undone(text))
    if not listed:
        return
    found = {hit.cue.pattern for hit in plain_hits}
    for one in listed:
        words = Words(one.text)
        # Chance makes words of reversed letters, but no override; what was encoded on purpose is read in full.
        book = _BOOK if one.deliberate else _OVERRIDES
        # Most words stay as they were: only a phrase with a word that the disguise hid is one.
        listed_hits = () if plain.known.issuperset(words.known) else book.search(words)
        hits = (hit for hit in listed_hits if hit.cue.pattern not in found and hit.cue.weight >= 0.4)
        hit = next((hit for hit in hits if not plain.known.issuperset(words.listed[hit.first : hit.last + 1])), None)
        if hit is not None:
            text_of = f"{_TEXTS[hit.cue.code]}, disguised as {one.how}"
            yield Finding("disguised_phrase", text_of, 0.9, where, spelled(words.quote(hit)))
            return
        if one.how in {"base64", "hexadecimal"}:
            yield Finding("encoded_text", f"readable text is encoded as {one.how}", 0.35, where, spelled(one.text))


# --- what a reader does not see -------------------------------------------------------------------------------------


def _unseen(mail: Screenable) -> Iterator[Finding]:
    for index, run in enumerate(mail.hidden[:60]):
        yield from _of_hidden(run, first=index == 0)
    if mail.html:
        html = mail.html[: 4 * LONGEST]
        for comment in markup.comments(html):
            yield from _elsewhere(comment, "comment", "a comment of the HTML")
        for value in markup.attributes(html):
            yield from _elsewhere(value, "attribute", "an attribute of the HTML")


def _of_hidden(run: str, *, first: bool) -> Iterator[Finding]:
    """Text that the HTML hides. A newsletter's preheader is hidden too, but gives no instructions."""
    listed = list(_elsewhere(run, "hidden", "hidden text"))
    yield from listed
    words = len(run.split())
    if words and not listed:
        short = first and len(run) <= PREHEADER
        yield Finding(
            "hidden_text", "the HTML hides text from its reader", 0.05 if short else 0.12, "hidden", spelled(run)
        )


def _elsewhere(text: str, where: str, what: str) -> Iterator[Finding]:
    text = text[:LONGEST]
    if len(text.strip()) < 8:
        return
    words = Words(text)
    hits = list(_BOOK.search(words))
    found = [*_phrases(words, where, hits=hits, added=ELSEWHERE, minimum=0.25), *_markup(text, where, added=0.2)]
    yield from found
    yield from _disguised(text, words, hits, where)
    if any(one.weight >= 0.6 for one in found):
        yield Finding("hidden_instructions", f"{what} holds instructions", 0.7, where)
        return
    directs, addressed = words.known & _DIRECT, words.known & _TO_MODEL
    if directs and (ADDRESS in words.known or len(addressed) >= 2 or (addressed and len(directs) >= 2)):
        weight = 0.62 if len(directs) + len(addressed) >= 3 or ADDRESS in words.known else 0.4
        yield Finding("hidden_instructions", f"{what} reads like instructions", weight, where, spelled(text))


def _checks(mail: Screenable) -> Iterator[Finding]:
    for code, text in mail.failed:
        if code not in _CHECKS:
            continue
        weight, sentence = _CHECKS[code]
        if code in {"link_host", "recipient_host"} and "mixes" in text:
            weight = MIXED_HOST
        if code == "link_scheme" and not _ACTIVE.search(text):
            weight = 0.05
        yield Finding(code, sentence, weight, "html", spelled(text))


def _files(mail: Screenable) -> Iterator[Finding]:
    if mail.attachments:
        named = _PASSWORD.search(f"{mail.text[:5_000]}\n{mail.shown[:5_000]}") is not None
        yield from files.findings(list(mail.attachments), password=named)
        for one in mail.attachments:
            yield from _phrases(Words(one.name.replace("_", " ").replace("-", " ")), "attachment", minimum=0.6)
