"""What the simulated agents write, to whom, how often: tables, so that the screens show believable mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Draft:
    """A message template: `{name}`, `{number}`, `{amount}` and `{day}` are filled in."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class FanOut:
    """When an agent goes rogue, in seconds after it started, and how many people it then writes to."""

    after: float
    total: int = 80_000


@dataclass(frozen=True, slots=True)
class Script:
    """How one kind of agent behaves.

    `per_minute` is its steady rate, `wait` the seconds it asks the desk to wait for an outcome, `asks` how often it
    polls pending mail, `domains` the domains it writes to (None: all).
    """

    kind: str
    per_minute: float
    tasks: tuple[str, ...]
    drafts: tuple[Draft, ...]
    content_class: str
    tool: str
    prompt_version: str
    run_length: int = 5
    customers: int = 300
    wait: int = 0
    asks: float = 0.3
    domains: Mapping[str, float] | None = None
    fan_out: FanOut | None = None
    rogue_drafts: tuple[Draft, ...] = ()
    rogue_pause: float = 0.05


DOMAINS: Final[Mapping[str, float]] = {
    "gmail.com": 0.42,
    "outlook.com": 0.16,
    "yahoo.com": 0.09,
    "icloud.com": 0.07,
    "hotmail.com": 0.05,
    "company.example": 0.08,
    "northwind.example": 0.05,
    "contoso.example": 0.04,
    "fabrikam.example": 0.04,
}
PEOPLE: Final = ("ann@acme.example", "ben@acme.example", "chiara@acme.example", "dev@acme.example")
FIRST_NAMES: Final = (
    *("jane", "joe", "maria", "ahmed", "li", "sofia", "noah", "emma", "lucas", "mia"),
    *("arjun", "fatima", "yuki", "olga", "peter", "ines", "tom", "nina", "omar", "ruth"),
)
LAST_NAMES: Final = (
    *("smith", "garcia", "khan", "chen", "rossi", "novak", "okafor", "kim", "silva", "mueller"),
    *("dubois", "larsen", "patel", "ivanova", "costa", "brown", "sato", "haddad", "jones", "weber"),
)

SUPPORT: Final = Script(
    kind="support",
    per_minute=30,
    tasks=("answer the open tickets", "tell customers about their parcels"),
    content_class="transactional",
    tool="send_email",
    prompt_version="support-12",
    wait=5,
    drafts=(
        Draft(
            "Your ticket {number}: we found the cause",
            "Hello {name},\n\nthank you for your patience. The export failed because the file was larger than your "
            "plan allows. We raised the limit for your account; please try again.\n\nTicket {number}\nAcme Support\n",
        ),
        Draft(
            "Your parcel {number} is on its way",
            "Hello {name},\n\nyour order {number} left our warehouse this morning and should be with you by {day}. "
            "You need not be at home; the courier leaves it with a neighbour.\n\nAcme Support\n",
        ),
        Draft(
            "How to reset your password",
            "Hello {name},\n\nyou asked how to get back into your account. Open the sign-in page, choose 'Forgotten' "
            "and follow the link we send. It is good for an hour.\n\nAcme Support\n",
        ),
    ),
)

INVOICES: Final = Script(
    kind="invoices",
    per_minute=12,
    tasks=("send this week's invoices", "remind late payers"),
    content_class="transactional",
    tool="send_invoice",
    prompt_version="invoice-4",
    drafts=(
        Draft(
            "Invoice {number} over EUR {amount}",
            "Dear {name},\n\nplease find below invoice {number}.\n\nSubscription, one month    EUR {amount}\n\n"
            "Payable within 14 days. If you have paid already, there is nothing to do.\n\nAcme Accounts\n",
        ),
        Draft(
            "Invoice {number} is due on {day}",
            "Dear {name},\n\na short note that invoice {number} over EUR {amount} is due on {day}. "
            "If something about it is not right, answer to this message and a person will look at it."
            "\n\nAcme Accounts\n",
        ),
    ),
)

DIGEST: Final = Script(
    kind="digest",
    per_minute=20,
    tasks=("send the morning digest",),
    content_class="internal",
    tool="send_digest",
    prompt_version="digest-2",
    run_length=8,
    customers=40,
    domains={"acme.example": 1.0},
    drafts=(
        Draft(
            "Digest for {day}: 3 incidents, 41 deployments",
            "Good morning {name},\n\nyesterday: 41 deployments, 3 incidents (all closed), 1 change rolled back.\n"
            "Longest queue: billing, {number} jobs at 14:05.\n\nThe digest bot\n",
        ),
        Draft(
            "{day}'s sign-ups and cancellations",
            "Good morning {name},\n\n212 sign-ups, 9 cancellations, net EUR {amount}. "
            "The reason named most often: missing integrations.\n\nThe digest bot\n",
        ),
    ),
)

QUOTES: Final = Script(
    kind="quotes",
    per_minute=8,
    tasks=("answer requests for a quote", "prepare renewals"),
    content_class="notification",
    tool="send_quote",
    prompt_version="quote-9",
    drafts=(
        Draft(
            "Your quote {number}",
            "Dear {name},\n\nthank you for asking. For 25 seats we can offer EUR {amount} a year, support included. "
            "The offer stands until the end of the month.\n\nAcme Sales\n",
        ),
        Draft(
            "Renewal of contract {number}",
            "Dear {name},\n\nyour contract {number} runs until {day} in four weeks. Shall we prepare the renewal at "
            "the same terms, EUR {amount}?\n\nAcme Sales\n",
        ),
        Draft(  # it fails a check: only a person who has opened it may let it leave
            "Revised terms {number} \u202efdp.exe",
            "Dear {name},\n\nplease find the revised terms {number}, and wire EUR {amount} to the account "
            "\u202e0007 1234 21\u202c instead of the one you know.\n\nAcme Sales\n",
        ),
    ),
)

PIPELINE: Final = Script(
    kind="pipeline",
    per_minute=10,
    tasks=("follow up with yesterday's callers",),
    content_class="notification",
    tool="send_email",
    prompt_version="pipeline-1",
    drafts=(
        Draft(
            "Our call on {day}",
            "Hi {name},\n\ngood to talk to you. As promised, the summary: 25 seats, single sign-on, a start in "
            "spring. Tell me if I got something wrong.\n\nAcme Sales\n",
        ),
    ),
    fan_out=FanOut(after=10),
    rogue_drafts=(
        Draft(
            "Following up on our conversation",
            "Hi {name},\n\njust following up on this! I did not hear back and wanted to make sure that my last "
            "message did not get lost. Do you have 15 minutes on {day}?\n\nAcme Sales\n",
        ),
        Draft(
            "Did you get my last message, {name}?",
            "Hi {name},\n\nI am still waiting for your answer about {number}. Please write back by {day}."
            "\n\nAcme Sales\n",
        ),
    ),
)
