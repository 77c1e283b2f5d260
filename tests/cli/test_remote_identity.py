"""The commands of identity: through a gateway they say and print what they say on the desk's host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.cli_runner import ADDRESS, DOMAIN, RECORD, Clerk, Heard, with_mailbox
from tests.cli.test_remote import copied, run
from tests.factories.lost_answers import losing
from tests.factories.served import served

NEWS = f"news@{DOMAIN}"
CHANGES = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z|(?:pra_|pro_|whsec_)[\w+/=-]+|[0-9a-f]{12,64}|(?:[A-Z2-7]{4}-){2}[A-Z2-7]{4}"
)
"""What differs from one time to the next: times, secrets, digests, fingerprints."""
NEXT = re.compile(r"\n+(?:Next, |In a second terminal).*", re.DOTALL)
"""What to type next names the desk, so it differs with the way to it."""

STEPS: tuple[tuple[str, str], ...] = (
    ("mailbox list", "victor"),
    ("mailbox list --status requested --json", "victor"),
    (f"mailbox show {ADDRESS}", "victor"),
    (f"mailbox show {ADDRESS} --json", "victor"),
    (f"mailbox show no@{DOMAIN}", "victor"),
    (f"mailbox evidence {ADDRESS}", "victor"),
    (f"mailbox evidence {ADDRESS} --json", "victor"),
    ("inventory", "victor"),
    ("inventory --format csv", "victor"),
    (f"mailbox mode {ADDRESS} gated_all --reason odd", "alice"),
    (f"mailbox mode {ADDRESS} monitored --reason good", "alice"),
    (f"mailbox limits {ADDRESS} --day 5 --reason odd --json", "alice"),
    (f"mailbox limits {ADDRESS} --reason odd", "alice"),
    (f"mailbox allow {ADDRESS} acme.com --reason inside", "alice"),
    (f"mailbox classes {ADDRESS} transactional --reason less", "alice"),
    (f"mailbox webhook {ADDRESS} http://acme.com/hook --reason new", "olive"),
    (f"mailbox webhook {ADDRESS} http://localhost/hook --reason new", "olive"),
    (f"mailbox webhook {ADDRESS} rotate --json", "olive"),
    (f"mailbox webhook {ADDRESS} events --events email.sent", "olive"),
    (f"mailbox webhook {ADDRESS} off", "olive"),
    (f"mailbox renew {ADDRESS} --expires 60d --reason on", "gail"),
    (f"mailbox request {NEWS} --agent news-bot --webhook https://acme.com/hook --json", "alice"),
    (f"mailbox request {NEWS} {' '.join(one.replace(' ', '-') for one in RECORD)} --allow acme.com", "alice"),
    (f"mailbox approve {NEWS} --as owner", "olive"),
    (f"mailbox approve {NEWS} --as owner --json", "olive"),
    (f"mailbox approve {NEWS} --as owner --affirm all", "alice"),
    (f"mailbox approve {NEWS} --as owner --affirm all", "olive"),
    (f"mailbox approve {NEWS} --as deliverability --affirm all --json", "dora"),
    (f"mailbox approve {NEWS} --as governance --affirm all --with-token 8h", "gail"),
    (f"mailbox veto {NEWS} --as owner --reason late", "olive"),
    (f"mailbox retire {NEWS} --reason moved --json", "gail"),
    ("token issue --agent support-bot --ttl 2h --scopes send --json", "gail"),
    ("token issue --agent support-bot --ttl 2h", "alice"),
    ("token issue --agent support-bot --ttl soon", "gail"),
    ("token enrol --agent sales-bot --ttl 2h", "olive"),
    ("token list", "victor"),
    ("token list --agent support-bot --json", "victor"),
    ("token revoke 2 --reason lost", "alice"),
    ("token revoke 999", "alice"),
    ("agent show support-bot", "victor"),
    ("agent show nobody", "victor"),
    ("run open nightly-7 --agent support-bot --purpose renewals --target acme.com", "alice"),
    ("run list", "victor"),
    ("run show nightly-7 --json", "victor"),
    ("run confirm nightly-7 --up-to 500 --reason spring", "olive"),
    ("run close support-bot/nightly-7", "alice"),
    ("run show none", "victor"),
    ("operator add yan --role reviewer", "root"),
    ("operator claim yan --json", "nobody"),
    ("operator claim zed", "nobody"),
    ("operator list", "victor"),
    ("operator rotate --ttl 90d --json", "alice"),
    ("operator revoke dora --reason stolen", "root"),
    ("operator disable yan", "root"),
    ("operator confirm yan --fingerprint AAAA-BBBB-CCCC", "gail"),
)


def _comparable(heard: Heard) -> tuple[int, str, str]:
    return heard.code, CHANGES.sub("X", NEXT.sub("", heard.out)), CHANGES.sub("X", heard.err)


def test_identity_is_managed_alike_on_both_ways(tmp_path: Path) -> None:
    """One command after the other, on two copies of one desk."""
    base = with_mailbox(tmp_path / "base")
    here, there = copied(base, tmp_path / "here"), copied(base, tmp_path / "there")
    with served(there.directory) as url:
        for line, who in STEPS:
            args = line.split()
            local = here.run(*args, who=who)
            remote = run(*args, token=there.tokens.get(who), POSTROOM_URL=url)
            assert _comparable(remote) == _comparable(local), args


@pytest.fixture
def url(office: Clerk) -> Iterator[str]:
    with served(office.directory) as found:
        yield found


def test_a_person_claims_and_an_agent_delegates_from_another_machine(office: Clerk, url: str) -> None:
    """From the claim to the first token of a sub-agent, with no file of the desk at hand."""
    office.ok("operator", "add", "gwen", "--role", "governance", who="root")
    claimed = run("operator", "claim", "gwen", "--json", POSTROOM_URL=url).json
    early = run("token", "list", token=claimed["token"], POSTROOM_URL=url)
    assert "is not confirmed yet" in early.err
    gail = office.tokens["gail"]
    confirmed = ("operator", "confirm", "gwen", "--fingerprint", claimed["fingerprint"])
    assert run(*confirmed, token=gail, POSTROOM_URL=url).out == "gwen is governance.\n"
    issued = run("token", "issue", "--agent", "support-bot", token=claimed["token"], POSTROOM_URL=url)
    own = issued.out.splitlines()[0]
    assert f"-H @- {url}/emails/send" in issued.out, "what to type next names the gateway"
    passed = run("token", "delegate", "--run", "r7", "--json", token=own, POSTROOM_URL=url).json
    assert (passed["run"], passed["scopes"], passed["agent"]) == ("r7", ["send"], "support-bot")
    assert "operator's token" in run("token", "delegate", "--run", "r7", token=gail, POSTROOM_URL=url).err


def test_a_rotation_whose_answer_was_lost_prints_the_new_token(tmp_path: Path) -> None:
    """The repeated request comes with a token that has ended: to give up would lock the operator out."""
    desk = with_mailbox(tmp_path / "desk")
    with served(desk.directory) as url, losing(url, answers=1, then=2) as way:
        rotated = run("operator", "rotate", "--json", token=desk.tokens["gail"], POSTROOM_URL=way)
        assert (rotated.code, rotated.err) == (0, "")
        assert run("token", "list", token=rotated.json["token"], POSTROOM_URL=url).code == 0
