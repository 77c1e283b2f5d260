"""Whose webhook is believed: genuine ones signed with real keys, and each of their fields changed one by one."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import hypothesis
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import strategies as st

from core.durations import DAY, HOUR, MICROS, MINUTE
from core.errors import Invalid
from core.rules.providers import Forged, Genuine, Unproven, Webhook, mailgun, postmark, sendgrid, ses, sns

NOW: Final = 1_790_000_000 * MICROS
TOPIC: Final = "arn:aws:sns:eu-west-1:123456789012:postroom"
KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros // MICROS, UTC)


def certificate(key: rsa.RSAPrivateKey = KEY, *, until: int = NOW + 30 * DAY) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=instant(until) - timedelta(days=365),
        not_valid_after=instant(until),
    )
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


PEM: Final = certificate()


def envelope(**changes: str) -> dict[str, str]:
    """A notification of SNS, unsigned."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": '{"eventType":"Delivery"}\n',
        "Timestamp": instant(NOW - MINUTE).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    } | changes


def confirmation(**changes: str) -> dict[str, str]:
    """A request to confirm a subscription, unsigned."""
    given = envelope(Type="SubscriptionConfirmation", Token="t0ken", Message="You have chosen to subscribe ...")
    del given["Subject"], given["UnsubscribeURL"]
    url = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t0ken"
    return given | {"SubscribeURL": url} | changes


def sign(fields: Mapping[str, str], key: rsa.RSAPrivateKey = KEY) -> dict[str, str]:
    """Sign as the SNS developer guide says, spelled out here a second time on purpose."""
    if fields["Type"] == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    else:
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    algorithm = hashes.SHA1() if fields["SignatureVersion"] == "1" else hashes.SHA256()
    signature = key.sign(text.encode(), padding.PKCS1v15(), algorithm)
    return {**fields, "Signature": base64.b64encode(signature).decode()}


def judge(fields: Mapping[str, str], *, pem: bytes = PEM, now: int = NOW) -> Genuine | Forged:
    read = sns.read(json.dumps(fields).encode())
    return sns.verify(read, certificate_pem=pem, topics={TOPIC}, now=now)


@pytest.mark.parametrize("version", ["1", "2"])
def test_envelope_that_sns_signed_for_our_topic_is_genuine(version: str) -> None:
    without_subject = {k: v for k, v in envelope(SignatureVersion=version).items() if k != "Subject"}
    assert judge(sign(envelope(SignatureVersion=version))) == Genuine()
    assert judge(sign(without_subject)) == Genuine()
    assert judge(sign(confirmation(SignatureVersion=version))) == Genuine()


@pytest.mark.parametrize("given", [sign(envelope()), sign(confirmation())], ids=["notification", "confirmation"])
def test_changing_any_signed_field_of_an_envelope_makes_it_forged(given: dict[str, str]) -> None:
    for name in given.keys() - {"UnsubscribeURL", "SigningCertURL"}:
        for changed in {given[name] + "x", given[name][1:], "", given[name].swapcase()} - {given[name]}:
            try:
                verdict = judge(given | {name: changed})
            except Invalid:
                continue  # of no known type
            assert isinstance(verdict, Forged), (name, changed)
        try:
            assert isinstance(judge({k: v for k, v in given.items() if k != name}), Forged), name
        except Invalid:
            continue


def test_signature_of_another_key_or_another_version_is_forged() -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert isinstance(judge(sign(envelope(), other)), Forged)
    assert isinstance(judge(sign(envelope(), other), pem=b"not a certificate"), Forged)
    assert isinstance(judge(sign(envelope(SignatureVersion="2")) | {"SignatureVersion": "1"}), Forged)
    assert isinstance(judge(sign(envelope(SignatureVersion="3"))), Forged)


def test_certificate_that_is_weak_or_expired_proves_nothing() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    assert isinstance(judge(sign(envelope(), weak), pem=certificate(weak)), Forged)
    assert isinstance(judge(sign(envelope()), pem=certificate(until=NOW - DAY)), Forged)


def test_envelope_of_a_strangers_topic_is_forged_though_sns_signed_it() -> None:
    theirs = sign(envelope(TopicArn="arn:aws:sns:eu-west-1:999999999999:postroom"))
    assert judge(theirs) == Forged("the topic is not one of ours")


def test_envelope_is_believed_within_its_window_only() -> None:
    given = sign(envelope())
    assert judge(given, now=NOW + HOUR) == Genuine()
    assert isinstance(judge(given, now=NOW + 2 * HOUR), Forged)
    assert isinstance(judge(given, now=NOW - HOUR), Forged)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://user@sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://sns.s3.amazonaws.com/a.pem",
        "https://sns.s3-us-west-2.amazonaws.com/a.pem",
        "https://snsXeu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem?x=1",
        "https://sns.eu-west-1.amazonaws.com/a.pem#x",
        "https://sns.eu-west-1.amazonaws.com/a.txt",
        "https://evil.example\\@sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com\n.evil.example/a.pem",
        "https://[sns.eu-west-1.amazonaws.com/a.pem",
        "",
    ],
)
def test_certificate_is_never_fetched_from_anybody_but_amazon(url: str) -> None:
    read = sns.read(json.dumps(sign(envelope(SigningCertURL=url))).encode())
    assert isinstance(sns.certificate_url(read, topics={TOPIC}, now=NOW), Forged)
    assert isinstance(judge(sign(envelope(SigningCertURL=url))), Forged)


@pytest.mark.parametrize("host", ["sns.us-gov-west-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn"])
def test_certificate_is_fetched_from_every_part_of_amazon(host: str) -> None:
    url = f"https://{host}/SimpleNotificationService-0.pem"
    read = sns.read(json.dumps(sign(envelope(SigningCertURL=url))).encode())
    assert sns.certificate_url(read, topics={TOPIC}, now=NOW) == url
    assert isinstance(sns.certificate_url(read, topics=set(), now=NOW), Forged)


@pytest.mark.parametrize(
    "changes",
    [
        {"Signature": ""}, {"Signature": "no base64!"}, {"Signature": base64.b64encode(b"x" * 64).decode()},
        {"Signature": base64.b64encode(b"x" * 1024).decode()}, {"SignatureVersion": "3"}, {"SignatureVersion": ""},
    ],
)  # fmt: skip
def test_what_is_no_signature_is_forged_before_any_certificate_is_fetched(changes: dict[str, str]) -> None:
    given = json.dumps(sign(envelope()) | changes).encode()
    assert isinstance(sns.certificate_url(sns.read(given), topics={TOPIC}, now=NOW), Forged)
    settings = ses.Ses(topics=(TOPIC,))
    assert isinstance(ses.PROVIDER.verify(Webhook(given), settings, now=NOW, fetched={}), Forged)


def test_a_plausible_envelope_is_unproven_until_its_certificate_is_there() -> None:
    webhook, settings = Webhook(json.dumps(sign(envelope())).encode()), ses.Ses(topics=(TOPIC,))
    url = envelope()["SigningCertURL"]
    assert ses.PROVIDER.verify(webhook, settings, now=NOW, fetched={}) == Unproven(url)
    assert ses.PROVIDER.verify(webhook, settings, now=NOW, fetched={url: PEM}) == Genuine()
    other = Webhook(
        json.dumps(sign(envelope(), rsa.generate_private_key(public_exponent=65537, key_size=2048))).encode()
    )
    assert ses.PROVIDER.verify(other, settings, now=NOW, fetched={url: PEM}) == Forged("the signature does not match")


def test_subscription_is_confirmed_at_amazon_for_the_configured_topic_only() -> None:
    def url(topics: set[str], **changes: str) -> str | Forged:
        return sns.subscribe_url(sns.read(json.dumps(confirmation(**changes)).encode()), topics=topics)

    good = confirmation()["SubscribeURL"]
    assert url({TOPIC}) == good
    assert isinstance(url(set()), Forged)
    for changed in (
        good.replace("https", "http"),
        good.replace("amazonaws.com", "amazonaws.com.evil.example"),
        good.replace("ConfirmSubscription", "DeleteTopic"),
        good.replace("Action", "Nothing"),
        good.replace("Token=t0ken", "Token=other"),
        good.replace(":postroom", ":other"),
        good + "&Action=DeleteTopic",
        good.replace("/?", "/elsewhere?"),
        good + "&a=1" * 20,
    ):
        assert isinstance(url({TOPIC}, SubscribeURL=changed), Forged), changed
    notification = sns.read(json.dumps(envelope()).encode())
    assert isinstance(sns.subscribe_url(notification, topics={TOPIC}), Forged)


EC_KEY: Final = ec.generate_private_key(ec.SECP256R1())
SHOWN: Final = base64.b64encode(
    EC_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
BATCH: Final = b'[{"event":"delivered","email":"jane@example.com"}]\r\n'


def test_sendgrid_batch_is_genuine_with_its_signature_and_forged_with_any_change() -> None:
    stamp = str(NOW // MICROS)
    signed = base64.b64encode(EC_KEY.sign(stamp.encode() + BATCH, ec.ECDSA(hashes.SHA256()))).decode()
    pem = EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def judged(
        body: bytes = BATCH, signature: str | None = signed, timestamp: str | None = stamp, *, key: str = SHOWN
    ) -> Genuine | Forged:
        return sendgrid.verify(body, signature=signature, timestamp=timestamp, public_key=key, now=NOW)

    assert judged() == Genuine()
    assert judged(key=pem) == Genuine()
    for body in (BATCH[:-2], BATCH + b" ", BATCH.replace(b"jane", b"john"), b""):
        assert isinstance(judged(body), Forged)
    for signature in (None, "", "x", signed[:-4], signed[4:], signed.swapcase(), "é"):
        assert isinstance(judged(signature=signature), Forged)
    for timestamp in (None, "", str(int(stamp) + 1), f"0{stamp}", f"{stamp}.0", "-1", "١٢٣", "9" * 40):
        assert isinstance(judged(timestamp=timestamp), Forged)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    wrong = base64.b64encode(other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    for key in (wrong, "", "not a key", PEM.decode()):
        assert isinstance(judged(key=key), Forged)


def test_sendgrid_batch_is_believed_within_its_window_only() -> None:
    def judged(at: int) -> Genuine | Forged:
        stamp = str(at // MICROS)
        signed = base64.b64encode(EC_KEY.sign(stamp.encode() + BATCH, ec.ECDSA(hashes.SHA256()))).decode()
        return sendgrid.verify(BATCH, signature=signed, timestamp=stamp, public_key=SHOWN, now=NOW)

    assert judged(NOW - 10 * MINUTE) == Genuine()
    assert isinstance(judged(NOW - 16 * MINUTE), Forged)
    assert isinstance(judged(NOW + 6 * MINUTE), Forged)


def mailgun_signature(*, at: int = NOW, token: str = "a" * 50, secret: str = "key-1") -> dict[str, object]:
    stamp = str(at // MICROS)
    made = hmac.new(secret.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": stamp, "token": token, "signature": made}


def test_mailgun_webhook_is_genuine_with_its_signature_and_forged_with_any_change() -> None:
    good = mailgun_signature()
    stamp = int(str(good["timestamp"]))

    def judged(given: object, *, secret: str = "key-1") -> Genuine | Forged:
        return mailgun.verify({"signature": given, "event-data": {}}, signing_key=secret, now=NOW)

    assert isinstance(judged(good), Genuine)
    assert isinstance(judged({**good, "timestamp": stamp}), Genuine)
    changes: dict[str, list[object]] = {
        "timestamp": [str(stamp + 1), stamp + 1, f"{stamp}a", "", None, True, 1e300],
        "token": ["a" * 49 + "b", "a" * 49, "", None, 7, ["a" * 50]],
        "signature": [str(good["signature"])[:-1] + "g", str(good["signature"])[:-1], "", "é", None, 7],
    }
    for name, values in changes.items():
        for value in values:
            assert isinstance(judged({**good, name: value}), Forged), (name, value)
        assert isinstance(judged({k: v for k, v in good.items() if k != name}), Forged)
    nothing: tuple[object, ...] = (None, [], "x", 7)
    for given in nothing:
        assert isinstance(judged(given), Forged)
    assert isinstance(judged(good, secret="key-2"), Forged)
    assert isinstance(judged(mailgun_signature(secret=""), secret=""), Forged)
    assert isinstance(judged(mailgun_signature(at=NOW - 16 * MINUTE)), Forged)
    assert isinstance(judged(mailgun_signature(at=NOW + 6 * MINUTE)), Forged)


def test_mailgun_token_gives_a_name_that_the_caller_may_accept_once() -> None:
    def once(given: Mapping[str, object]) -> str | None:
        verdict = mailgun.verify({"signature": given}, signing_key="key-1", now=NOW)
        return verdict.once if isinstance(verdict, Genuine) else None

    good = mailgun_signature()
    assert once(good) is not None
    assert once(good) == once(dict(good))
    assert once(good) != once(mailgun_signature(token="b" * 50))


@pytest.mark.parametrize("password", ["s3cret", "pässword:with:colons"])
def test_postmark_webhook_needs_exactly_the_configured_credentials(password: str) -> None:
    def header(username: str, password: str, scheme: str = "Basic") -> str:
        return f"{scheme} " + base64.b64encode(f"{username}:{password}".encode()).decode()

    expected = postmark.Basic("postmark", password)
    assert isinstance(
        postmark.verify(postmark.Basic("p", password), authorization=header("postmark", password)), Forged
    )
    assert postmark.verify(expected, authorization=header("postmark", password)) == Genuine()
    assert postmark.verify(expected, authorization=header("postmark", password, "basic")) == Genuine()
    for wrong in (
        None,
        "",
        "Basic",
        "Basic !!",
        "Basic /w==",
        header("postmark", password, "Bearer"),
        header("postmark", password[:-1]),
        header("postmark", password + "x"),
        header("Postmark", password),
        header("", password),
        password,
    ):
        assert isinstance(postmark.verify(expected, authorization=wrong), Forged), wrong
    assert isinstance(postmark.verify(expected, token=password), Forged)
    assert password not in repr(expected)


@hypothesis.given(body=st.binary(max_size=200), payload=st.recursive(st.none() | st.text(), st.lists))
def test_anything_at_all_is_read_or_refused(body: bytes, payload: object) -> None:
    assert isinstance(mailgun.verify({"signature": payload}, signing_key="k", now=NOW), Forged)
    with contextlib.suppress(Invalid):
        sns.read(body)


def test_postmark_webhook_needs_exactly_the_configured_token() -> None:
    expected = postmark.Token("t-0-k-e-n")
    assert postmark.verify(expected, token="t-0-k-e-n") == Genuine()
    for wrong in (None, "", "t-0-k-e-", "t-0-k-e-n ", "T-0-k-e-n"):
        assert isinstance(postmark.verify(expected, token=wrong), Forged)
    assert isinstance(postmark.verify(postmark.Token(""), token=""), Forged)
    assert isinstance(postmark.verify(postmark.Basic("", ""), authorization="Basic Og=="), Forged)
    assert "t-0-k-e-n" not in repr(expected)
