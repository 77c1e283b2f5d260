"""Tell which receiving system a recipient domain's mail goes to, so that pacing is per system and not per name.

Two bundled tables work without DNS and agree with it: the domains of the large providers, and the host names of their
mail exchangers, which identify hosted domains once MX records are known. A domain in neither goes by its MX's own
domain: two customers of one small host share that host's site.

Microsoft is two sites on purpose: the consumer service and hosted organisations are different systems with separate
limits and reputations. Google is one: the same exchangers answer for both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from core.domains import organisational_domain
from core.model import Site

DOMAINS: Final[Mapping[str, str]] = {
    "gmail.com": "gmail.com googlemail.com google.com",
    "outlook.com": "outlook.com hotmail.com live.com msn.com passport.com windowslive.com hotmail.co.uk hotmail.fr "
    "hotmail.de hotmail.it hotmail.es hotmail.be hotmail.nl hotmail.ca hotmail.se hotmail.no hotmail.dk hotmail.fi "
    "hotmail.gr hotmail.com.ar hotmail.com.br hotmail.com.au hotmail.com.tr hotmail.co.jp hotmail.co.th hotmail.cl "
    "live.co.uk live.fr live.de live.it live.nl live.be live.ca live.se live.no live.dk live.jp live.cn live.com.au "
    "live.com.mx live.com.ar live.com.pt live.cl live.ie live.in outlook.fr outlook.de outlook.it outlook.es "
    "outlook.at outlook.be outlook.pt outlook.ie outlook.dk outlook.cl outlook.jp outlook.kr outlook.sa outlook.in "
    "outlook.co.id outlook.co.th outlook.com.ar outlook.com.au outlook.com.br outlook.com.gr outlook.com.tr",
    "yahoo.com": "yahoo.com ymail.com rocketmail.com myyahoo.com y7mail.com aol.com aim.com aol.co.uk aol.de aol.fr "
    "netscape.net verizon.net att.net sbcglobal.net bellsouth.net ameritech.net pacbell.net swbell.net flash.net "
    "prodigy.net snet.net rogers.com sky.com yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.ca yahoo.in "
    "yahoo.co.in yahoo.ie yahoo.se yahoo.no yahoo.dk yahoo.gr yahoo.ro yahoo.pl yahoo.com.ar yahoo.com.au "
    "yahoo.com.br yahoo.com.hk yahoo.com.mx yahoo.com.my yahoo.com.ph yahoo.com.sg yahoo.com.tr yahoo.com.tw "
    "yahoo.com.vn yahoo.co.id yahoo.co.nz yahoo.co.th yahoo.co.za yahoo.cl",
    "yahoo.co.jp": "yahoo.co.jp ymail.ne.jp ybb.ne.jp",  # another company: its own exchangers and rules
    "icloud.com": "icloud.com me.com mac.com",
    "fastmail.com": "fastmail.com fastmail.fm messagingengine.com sent.com",
    "proton.me": "proton.me protonmail.com protonmail.ch pm.me",
    "zoho.com": "zoho.com zohomail.com zoho.eu zohomail.eu zoho.in zohomail.in",
    "gmx.net": "gmx.net gmx.de gmx.at gmx.ch gmx.com gmx.us gmx.co.uk gmx.fr gmx.es gmx.it mail.com email.com",
    "web.de": "web.de",
    "t-online.de": "t-online.de magenta.de",
    "mail.ru": "mail.ru inbox.ru bk.ru list.ru internet.ru xmail.ru",
    "yandex.ru": "yandex.ru yandex.com ya.ru yandex.by yandex.kz yandex.ua",
    "rambler.ru": "rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru",
    "comcast.net": "comcast.net xfinity.com",
    "charter.net": "charter.net spectrum.net rr.com twc.com brighthouse.com",
    "cox.net": "cox.net",
    "btinternet.com": "btinternet.com btopenworld.com talk21.com",
    "orange.fr": "orange.fr wanadoo.fr",
    "free.fr": "free.fr",
    "laposte.net": "laposte.net",
    "sfr.fr": "sfr.fr neuf.fr cegetel.net",
    "libero.it": "libero.it iol.it inwind.it blu.it giallo.it",
    "seznam.cz": "seznam.cz email.cz post.cz spoluzaci.cz",
    "wp.pl": "wp.pl o2.pl tlen.pl",
    "qq.com": "qq.com foxmail.com vip.qq.com",
    "163.com": "163.com 126.com yeah.net vip.163.com",
    "sina.com": "sina.com sina.cn",
    "naver.com": "naver.com",
    "daum.net": "daum.net hanmail.net kakao.com",
    "docomo.ne.jp": "docomo.ne.jp",
    "rediffmail.com": "rediffmail.com",
    "uol.com.br": "uol.com.br bol.com.br",
    "terra.com.br": "terra.com.br",
}
"""Site -> its own domains, which need no DNS."""

EXCHANGERS: Final[tuple[tuple[str, str], ...]] = (
    ("google.com", "gmail.com"),  # aspmx.l.google.com, smtp.google.com, gmail-smtp-in.l.google.com
    ("googlemail.com", "gmail.com"),  # aspmx2.googlemail.com
    ("psmtp.com", "gmail.com"),
    ("olc.protection.outlook.com", "outlook.com"),  # the consumer service
    ("hotmail.com", "outlook.com"),
    ("protection.outlook.com", "protection.outlook.com"),  # hosted organisations: contoso-com.mail.protection...
    ("mx.microsoft", "protection.outlook.com"),  # the same with DNSSEC: contoso-com.o-v1.mx.microsoft
    ("protection.office365.us", "protection.office365.us"),
    ("partner.outlook.cn", "partner.outlook.cn"),
    ("yahoodns.net", "yahoo.com"),  # mta5.am0.yahoodns.net, mx-aol.mail.gm0.yahoodns.net
    ("biz.mail.yahoo.com", "yahoo.com"),
    ("prodigy.net", "yahoo.com"),
    ("yahoo.co.jp", "yahoo.co.jp"),
    ("mail.icloud.com", "icloud.com"),  # custom domains too: mx01.mail.icloud.com
    ("messagingengine.com", "fastmail.com"),
    ("protonmail.ch", "proton.me"),
    ("zoho.com", "zoho.com"),
    ("zoho.eu", "zoho.com"),
    ("zoho.in", "zoho.com"),
    ("zohomail.com", "zoho.com"),
    ("pphosted.com", "pphosted.com"),  # Proofpoint
    ("ppe-hosted.com", "ppe-hosted.com"),  # Proofpoint Essentials
    ("mimecast.com", "mimecast.com"),
    ("mimecast.co.za", "mimecast.com"),
    ("mimecast-offshore.com", "mimecast.com"),
    ("barracudanetworks.com", "barracudanetworks.com"),
    ("iphmx.com", "iphmx.com"),  # Cisco Secure Email
    ("messagelabs.com", "messagelabs.com"),  # Symantec Email Security.cloud
    ("mailcontrol.com", "mailcontrol.com"),  # Forcepoint
    ("trendmicro.com", "trendmicro.com"),
    ("trendmicro.eu", "trendmicro.com"),
    ("hydra.sophos.com", "sophos.com"),
    ("fireeyecloud.com", "fireeyecloud.com"),
    ("mailspamprotection.com", "mailspamprotection.com"),
    ("antispamcloud.com", "antispamcloud.com"),
    ("secureserver.net", "secureserver.net"),  # GoDaddy
    ("emailsrvr.com", "emailsrvr.com"),  # Rackspace
    ("registrar-servers.com", "registrar-servers.com"),  # Namecheap
    ("privateemail.com", "privateemail.com"),
    ("titan.email", "titan.email"),
    ("mx.cloudflare.net", "mx.cloudflare.net"),
    ("improvmx.com", "improvmx.com"),
    ("mailgun.org", "mailgun.org"),
    ("sendgrid.net", "sendgrid.net"),
    ("inbound.postmarkapp.com", "postmarkapp.com"),
    ("amazonaws.com", "amazonaws.com"),  # inbound-smtp.us-east-1.amazonaws.com
    ("awsapps.com", "awsapps.com"),
    ("migadu.com", "migadu.com"),
    ("mailbox.org", "mailbox.org"),
    ("gmx.net", "gmx.net"),
    ("web.de", "web.de"),
    ("kundenserver.de", "kundenserver.de"),  # IONOS
    ("ionos.com", "kundenserver.de"),
    ("ionos.de", "kundenserver.de"),
    ("t-online.de", "t-online.de"),
    ("ovh.net", "ovh.net"),
    ("gandi.net", "gandi.net"),
    ("mail.ru", "mail.ru"),
    ("yandex.net", "yandex.ru"),
    ("yandex.ru", "yandex.ru"),
    ("comcast.net", "comcast.net"),
    ("orange.fr", "orange.fr"),
    ("qq.com", "qq.com"),
    ("qiye.163.com", "163.com"),
    ("netease.com", "163.com"),
    ("mxhichina.com", "mxhichina.com"),  # Alibaba Mail
    ("naver.com", "naver.com"),
    ("worksmobile.com", "worksmobile.com"),
    ("seznam.cz", "seznam.cz"),
)
"""Suffix of an exchanger's host name -> site; the longest suffix wins."""

_SITE_OF: Final[Mapping[str, str]] = {domain: site for site, own in DOMAINS.items() for domain in own.split()}
_SITE_OF_EXCHANGER: Final[Mapping[str, str]] = dict(EXCHANGERS)

_ADDRESS: Final = re.compile(r"[\d.]+|.*:.*")


def site_of_domain(domain: str) -> Site:
    """The site of a recipient domain by its name alone: its provider's, or the domain itself."""
    name = _plain(domain)
    return Site(_SITE_OF.get(name, name))


def houses_strangers(domain: str) -> bool:
    """Whether the domain is a public mailbox provider's own, whose users are unrelated to each other."""
    return _plain(domain) in _SITE_OF


def site_of_mx(domain: str, mx_hosts: Sequence[str]) -> Site:
    """The site of a recipient domain once its exchangers are known, best preference first.

    Only the best exchanger decides: mail goes there, and a backup at a large provider must not change the site. With no
    exchangers, a null MX (RFC 7505) or address literals, the name decides.
    """
    host = _plain(mx_hosts[0]) if mx_hosts else ""
    if _plain(domain) in _SITE_OF or "." not in host or _ADDRESS.fullmatch(host):
        return site_of_domain(domain)
    labels = host.split(".")
    for start in range(len(labels)):
        site = _SITE_OF_EXCHANGER.get(".".join(labels[start:]))
        if site is not None:
            return Site(site)
    return site_of_domain(organisational_domain(host))


def _plain(name: str) -> str:
    return name.strip().rstrip(".").lower()
