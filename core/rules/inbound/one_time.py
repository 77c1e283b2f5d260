"""Find the code or the link of a one-time-password mail, so that an agent that waits for it need not search the text.

A number is a code only if a word such as "code" is near: in the same line, or just above or below if the number has a
line of its own. The nearest word decides, so "order 123456, code 7788" has one code. What looks like a year, a price, a
date, a phone number or a promotion is not a code. When in doubt, none is returned: the agent can still read the mail,
and typing a wrong code costs an attempt.

Work is bounded: the first `LONGEST` characters, patterns of bounded length, one pass over each line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from core.text import html as html_tokens
from core.text.html import Close, Open, Text

LONGEST: Final = 20_000
LONGEST_LINE: Final = 400
MOST_LINKS: Final = 5
NEAR: Final = 60
"""Characters between a word and the code in one line."""
LINES: Final = 3
"""Lines that are not empty between a word and a code that has a line of its own."""

_WORD: Final = re.compile(
    # Latin, Cyrillic, Greek: whole words, compounds included ("Sicherheitscode", "doğrulama kodunuz")
    r"(?<![^\W\d_])(?:"
    r"\w{0,20}code|passcodes?|pin|otp|tan|one[- ]time (?:password|passcode|pin)|einmal(?:passwort|kennwort|pin)"
    r"|mot de passe (?:à usage )?unique|contraseña (?:de un solo uso|temporal)|senha (?:única|temporária)"
    r"|c[oó]digo|codice|cod(?:ul)?|\w{0,16}kode?n?|kód(?:ja|od)?|\w{0,16}koodi(?:si)?|kodu(?:nuz)?"
    r"|mã(?: xác (?:minh|thực|nhận))?"
    r"|engångs(?:kod|lösenord)|код|пароль|κωδικ[οό]ς?"
    r")(?![^\W\d_])"
    # scripts without spaces between words, or with letters joined to them
    r"|رمز|كود|کد|קוד|कोड|ओटीपी|รหัส|コード|認証番号|確認番号|暗証番号|ワンタイムパスワード"
    r"|验证码|驗證碼|校验码|確認碼|确认码|动态码|动态密码|動態密碼|认证码|인증\s?번호|인증\s?코드|확인\s?코드|보안\s?코드|코드",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(
    # what a number is instead, if this word is the nearest to it
    r"(?<![^\W\d_])(?:order|bestell\w*|auftrag\w*|commande|pedido|ordine|bestelling|zamówieni\w*|invoice|rechnung\w*"
    r"|facture|factura|fattura|fatura|faktura|tracking|sendung\w*|ticket|case|ref|reference|referenz\w*|customer"
    r"|kunden\w*|client|cliente|account|konto\w*|ending(?: in)?|phone|tel|telefon\w*|teléfono|téléphone|fax|call|mobile"
    r"|flight|flug|vol|vuelo|booking|buchung\w*|reservation|zip|plz|iban|vat|copyright|nr|no|num|número|numéro|room"
    r"|total|amount|betrag|montant|importe|since|seit|depuis|desde|in|заказ\w*|сч[её]т\w*|телефон\w*|тел)(?![^\W\d_])"
    r"|[#№©]|订单|訂單|单号|电话|電話|注文|주문|전화",
    re.IGNORECASE,
)
_NO_ONE_TIME: Final = re.compile(
    r"promo\w*|discount|coupon|voucher|gift|zip|post\w*|area|country|dress|source|error|qr|bar|status|exit|response"
    r"|product|model|item|sort|swift|bic|tax|vat|fiscale?|rabatt\w*|gutschein\w*|réduction|descuento|desconto|sconto"
    r"|booking|buchung\w*|tracking|conduct|review|kortingscode|indirim|rabat\w*|скидк\w*|промо\w*|折扣|优惠|邮政|クーポン|割引"
    r"|할인",
    re.IGNORECASE,
)
_CANDIDATE: Final = re.compile(
    # not within a word, a date, a price, an address, a phone number
    r"(?<![0-9A-Za-z_@$€£¥₹%+\u00c0-\u052f])(?<![0-9A-Za-z_][-./:,])(?<![-+][ ])(?:G-)?"
    r"(\d{3}[ -]\d{3,4}|\d{4}[ -]\d{4}|\d{2} \d{2} \d{2}|\d{4,10}|(?=[A-Z]{0,9}\d)(?=\d{0,9}[A-Z])[A-Z0-9]{4,10}"
    r"|(?=[A-Z-]{0,9}\d)[A-Z0-9]{3,5}-[A-Z0-9]{3,5})"
    r"(?![0-9A-Za-z_@%€£¥\u00c0-\u052f])(?![-./:,'\u2019][0-9A-Za-z_])"
    r"(?! ?(?:[€$£¥]|USD|EUR|GBP|CHF|JPY|kr|zł|\u0440\u0443\u0431|元|円|원))(?! [-+(]?\d)(?!-)"
)
_UNIT: Final = re.compile(
    r"\s?(?:min|minut|hour|hr|stund|std|heur|hora|ore|sec|sek|day|tag|jour|d[ií]a|week|year|jahr|km|kg|gb|mb|px|points"
    r"|分|小时|時間|日|년|분)",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_STATES: Final = re.compile(
    r"\s{0,3}(?:is|are|ist|lautet|est|es|é|è|:|\uff1a|=|-|\u2013|\u2014|は|是|为|為|는|은)?\s{0,3}[\[(【「\"'“]?\s{0,2}"
)
"""What may stand between a word and the code that it names."""
_LINK: Final = re.compile(r"(?i:https?)://[^\s<>\"'\\^`{|}\u00a0-\uffff]{4,400}")
_VERIFIES: Final = re.compile(
    r"verif|confirm|activat|magic|one[-_]?time|passwordless|sign[-_]?in|log[-_]?in|auth|token=|otp|validat|opt-?in"
    r"|reset|best(?:ae|ä)tig|aktivier|anmeld|activer|activar|ativar|attiva|подтверд|验证|驗證|確認|認証|인증",
    re.IGNORECASE,
)
_SOMETHING_ELSE: Final = re.compile(
    r"unsubscri|opt-?out|privacy|terms|support|help|preferences|settings|abmeld|desinscri|désinscri|impressum"
    r"|\.(?:png|gif|jpe?g|css)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class OneTime:
    """The code of a one-time-password mail, or None, and the links that verify, confirm or sign in."""

    code: str | None = None
    links: tuple[str, ...] = ()


def find(subject: str, text: str, html: str | None = None) -> OneTime:
    """The code and the links of a mail; neither of most mail."""
    lines = [subject, *text[:LONGEST].split("\n")]
    return OneTime(_code([line[:LONGEST_LINE].strip() for line in lines]), _links(text[:LONGEST], html))


# --- codes --------------------------------------------------------------------------------------------------------


def _code(lines: list[str]) -> str | None:
    """The best candidate: the one that a word names directly, then the nearest to a word, then one on its own line."""
    shown = [line for line in lines if line]
    best: tuple[int, int] | None = None
    code = None
    for index, line in enumerate(shown):
        for hit in _CANDIDATE.finditer(line):
            distance = _distance(shown, index, hit)
            if distance is not None and (best is None or (distance, index) < best):
                best, code = (distance, index), _spelled(hit[1])
    return code


def _spelled(found: str) -> str:
    """The code as it is typed: digits without the gaps that make them easier to read."""
    bare = found.replace(" ", "").replace("-", "")
    return bare if bare.isdigit() else found


def _distance(lines: list[str], index: int, hit: re.Match[str]) -> int | None:
    """How far a candidate is from the word that makes it a code; None if it is none."""
    line = lines[index]
    if _UNIT.match(line, hit.end()):
        return None
    words = _words(line)
    named = any(_STATES.fullmatch(line, one.end(), hit.start()) for one in words if one.end() <= hit.start())
    if named:
        return 0
    if _YEAR.fullmatch(hit[1]):
        return None
    near = _nearest(words, hit)
    if near is not None and near <= NEAR:
        other = _nearest(list(_OTHER.finditer(line)), hit, before=True)
        return None if other is not None and other < near else near + 1
    return _alone(lines, index) if _rest(line, hit) == "" else None


def _words(line: str) -> list[re.Match[str]]:
    """The words for a code in a line, apart from those that the words beside them make something else."""
    found = _WORD.finditer(line)
    return [one for one in found if not _NO_ONE_TIME.search(line[max(0, one.start() - 12) : one.end() + 14])]


def _nearest(words: list[re.Match[str]], hit: re.Match[str], *, before: bool = False) -> int | None:
    """Characters between a candidate and the nearest of these words; of what stands before it only, if asked."""
    gaps = [hit.start() - one.end() for one in words if one.end() <= hit.start()]
    if not before:
        gaps += [one.start() - hit.end() for one in words if one.start() >= hit.end()]
    return min(gaps, default=None)


def _rest(line: str, hit: re.Match[str]) -> str:
    """What a line says besides the candidate."""
    return (line[: hit.start()] + line[hit.end() :]).strip(" \t*_#>|[](){}:-\u2013\u2014.\"'«»“”„【】「」")


def _alone(lines: list[str], index: int) -> int | None:
    """A code on a line of its own: a line just above names it, or the next one does."""
    around = [*range(index - 1, max(-1, index - 1 - LINES), -1), index + 1]
    for step, at in enumerate(around):
        if not 0 <= at < len(lines):
            continue
        if _words(lines[at]) and not _CANDIDATE.search(lines[at]):
            return 200 + step
    return None


# --- links --------------------------------------------------------------------------------------------------------


def _links(text: str, html: str | None) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for target, label in [*_anchors(html or ""), *((hit[0].rstrip(".,;:!?)]}"), "") for hit in _LINK.finditer(text))]:
        if len(found) < MOST_LINKS and _verifies(target, label):
            found.setdefault(target)
    return tuple(found)


def _anchors(html: str) -> Iterator[tuple[str, str]]:
    """Targets of links with what they show."""
    target, label = None, ""
    for token in html_tokens.tokens(html[: 10 * LONGEST]):
        match token:
            case Open(name="a") as opened:
                target, label = opened.attributes.get("href", "").strip(), ""
            case Text(data=data) if target is not None and len(label) < LONGEST_LINE:
                label += data
            case Close(name="a") if target is not None:
                yield target, label[:LONGEST_LINE].strip()
                target = None
            case _:
                pass


def _verifies(target: str, label: str) -> bool:
    """Whether following a link proves something: it or what it shows says so, and it is an ordinary web address."""
    if len(target) > LONGEST_LINE or not target.isprintable() or " " in target:
        return False
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or parts.username is not None:
        return False
    path = f"{parts.path}?{parts.query}"
    if _SOMETHING_ELSE.search(path) or _SOMETHING_ELSE.search(label):
        return False
    return bool(_VERIFIES.search(path) or _VERIFIES.search(label))
