"""Sites: one receiving system, one pace, whatever the domain is called."""

from __future__ import annotations

import pytest

from core.rules.mailbox_providers import DOMAINS, EXCHANGERS, site_of_domain, site_of_mx


@pytest.mark.parametrize(
    ("domain", "site"),
    [
        ("gmail.com", "gmail.com"),
        ("GoogleMail.com.", "gmail.com"),
        ("hotmail.co.uk", "outlook.com"),
        ("msn.com", "outlook.com"),
        ("aol.com", "yahoo.com"),
        ("yahoo.co.jp", "yahoo.co.jp"),
        ("me.com", "icloud.com"),
        ("126.com", "163.com"),
        ("acme.example", "acme.example"),
    ],
)
def test_large_providers_domains_are_known_without_dns(domain: str, site: str) -> None:
    assert site_of_domain(domain) == site


@pytest.mark.parametrize(
    ("mx", "site"),
    [
        ("ASPMX.L.GOOGLE.COM.", "gmail.com"),
        ("aspmx2.googlemail.com", "gmail.com"),
        ("smtp.google.com", "gmail.com"),
        ("acme-com.mail.protection.outlook.com", "protection.outlook.com"),
        ("acme-com.o-v1.mx.microsoft", "protection.outlook.com"),
        ("outlook-com.olc.protection.outlook.com", "outlook.com"),
        ("mta7.am0.yahoodns.net", "yahoo.com"),
        ("mx01.mail.icloud.com", "icloud.com"),
        ("mxa-00123.gslb.pphosted.com", "pphosted.com"),
        ("us-smtp-inbound-1.mimecast.com", "mimecast.com"),
        ("in1-smtp.messagingengine.com", "fastmail.com"),
        ("mail.protonmail.ch", "proton.me"),
        ("mx.yandex.net", "yandex.ru"),
        ("mxbiz1.qq.com", "qq.com"),
    ],
)
def test_hosted_domain_shares_its_providers_site_once_the_mx_is_known(mx: str, site: str) -> None:
    assert site_of_mx("acme.example", [mx]) == site


def test_two_customers_of_a_small_host_share_its_site() -> None:
    assert site_of_mx("one.example", ["mx1.tinyhost.net"]) == site_of_mx("two.example", ["mx2.eu.tinyhost.net"])
    assert site_of_mx("one.example", ["mx.tinyhost.co.uk"]) == "tinyhost.co.uk"


def test_hosts_under_one_public_suffix_are_no_site_together() -> None:
    assert site_of_mx("one.example", ["mx.tinyhost.gen.tr"]) == "tinyhost.gen.tr"
    assert site_of_mx("one.example", ["mx.tinyhost.uk.com"]) == "tinyhost.uk.com"


def test_domain_with_its_own_exchanger_is_its_own_site() -> None:
    assert site_of_mx("acme.com", ["mail.acme.com"]) == "acme.com"


def test_host_name_that_only_ends_like_a_providers_is_not_taken_for_it() -> None:
    assert site_of_mx("acme.example", ["mx.notgoogle.com"]) == "notgoogle.com"


def test_backup_exchanger_at_a_large_provider_does_not_move_the_domain() -> None:
    assert site_of_mx("acme.com", ["mx.acme.com", "aspmx.l.google.com"]) == "acme.com"


@pytest.mark.parametrize("hosts", [[], ["."], [""], ["192.0.2.7"], ["2001:db8::7"], ["localhost"]])
def test_no_usable_exchanger_leaves_the_domain_as_its_site(hosts: list[str]) -> None:
    assert site_of_mx("acme.com", hosts) == "acme.com"


def test_providers_own_domain_keeps_its_site_whatever_the_mx_says() -> None:
    assert site_of_mx("hotmail.com", ["hotmail-com.olc.protection.outlook.com"]) == "outlook.com"
    assert site_of_mx("yahoo.com", ["mx.somewhere.example"]) == "yahoo.com"


def test_no_domain_and_no_exchanger_is_listed_twice() -> None:
    domains = [domain for own in DOMAINS.values() for domain in own.split()]
    suffixes = [suffix for suffix, _ in EXCHANGERS]
    assert len(domains) == len(set(domains))
    assert len(suffixes) == len(set(suffixes))


def test_every_site_is_its_own_site_so_that_rolling_up_twice_changes_nothing() -> None:
    for site in {*DOMAINS, *(site for _, site in EXCHANGERS)}:
        assert site_of_domain(site) == site
