"""A code is found where a word for it stands near, in many languages; orders, years, prices and phones are no codes."""

from __future__ import annotations

import time

import pytest

from core.rules.inbound import one_time


def code(text: str, subject: str = "") -> str | None:
    return one_time.find(subject, text).code


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Your verification code is 482913.", "482913"),
        ("Your code: 4829", "4829"),
        ("482913 is your Example login code. Don't share it.", "482913"),
        ("Use this code to sign in:\n\n  482 913  \n\nIt expires in 10 minutes.", "482913"),
        ("Your one-time password\n**A1B2C3**\nValid until 10:30.", "A1B2C3"),
        ("G-482913 is your verification code.", "482913"),
        ("Enter the code 4XY-9QP in the app.", "4XY-9QP"),
        ("OTP 482913 for your card ending in 4711. Valid for 15 minutes.", "482913"),
        ("Your PIN is 2024", "2024"),
        ("Order 123456 is ready. Your pickup code is 7788.", "7788"),
        ("Ihr Bestätigungscode lautet 482913", "482913"),
        ("Ihr Sicherheitscode: 482913. Er ist 10 Minuten gültig.", "482913"),
        ("Votre code de vérification est : 482913", "482913"),
        ("Tu código de verificación es 482913", "482913"),
        ("Seu código de acesso: 482913", "482913"),
        ("Il tuo codice di verifica è 482913", "482913"),
        ("Din verifieringskod är 482913", "482913"),
        ("Vahvistuskoodisi on 482913", "482913"),
        ("Twój kod weryfikacyjny to 482913", "482913"),
        ("Doğrulama kodunuz: 482913", "482913"),
        ("Ваш код подтверждения: 482913", "482913"),
        ("Ο κωδικός σας είναι 482913", "482913"),  # noqa: RUF001 - Greek
        ("رمز التحقق الخاص بك هو 482913", "482913"),
        ("קוד האימות שלך הוא 482913", "482913"),
        ("आपका सत्यापन कोड 482913 है", "482913"),
        ("รหัสยืนยันของคุณคือ 482913", "482913"),
        ("Mã xác minh của bạn là 482913", "482913"),
        ("認証番号：482913", "482913"),  # noqa: RUF001 - as such mail has it
        ("認証コードは482913です", "482913"),
        ("您的验证码：482913，请勿泄露", "482913"),  # noqa: RUF001 - as such mail has it
        ("您的验证码是 482913", "482913"),
        ("인증번호 [482913]를 입력해 주세요.", "482913"),
    ],
)
def test_a_code_near_its_word_is_found(text: str, found: str | None) -> None:
    assert code(text) == found


def test_a_code_is_found_in_the_subject() -> None:
    assert code("See the subject.", "482913 is your code") == "482913"


@pytest.mark.parametrize(
    "text",
    [
        "Your order 482913 has shipped.",
        "Order code follows. Invoice 482913 attached.",
        "Thank you for 2024. Our code of conduct has changed.",
        "Use promo code SAVE20 before 2025.",
        "Your discount code is SPRING24",
        "Votre code promo : ETE2025",
        "Gutscheincode: HERBST25",
        "Código postal: 28013",
        "Codice fiscale: 48291 34",
        "Your code expires in 1440 minutes.",
        "The code review is at 10:30 on 2026-01-15, budget $4829.",
        "If you did not ask for a code, call +1 800 555 0199 or 555-123-4567.",
        "Error code: 500123",
        "The total for the code project is 4829 EUR.",
        "We write code since 1998.",
        "Ticket #482913: source code attached",
        "482913",
        "Please call 482913 today",
        "Your tracking code is 1Z999AA101",
        "Commit 4829ab fixes the code",
    ],
)
def test_what_is_no_code_is_not_taken_for_one(text: str) -> None:
    assert code(text) is None


def test_links_that_verify_are_found_in_text_and_behind_buttons_and_others_are_not() -> None:
    html = (
        '<a href="https://a.test/x?id=1">Verify your email</a> <a href="https://a.test/unsubscribe?token=9">no</a>'
        '<a href="javascript:verify()">verify</a> <a href="https://verify@evil.test/login">verify</a>'
        '<a href="https://a.test/privacy">Confirm our privacy terms</a> <a href="https://a.test/shop">Shop</a>'
    )
    text = "Go to https://a.test/confirm/abc. Or read https://a.test/blog/post"
    assert one_time.find("", text, html).links == ("https://a.test/x?id=1", "https://a.test/confirm/abc")


@pytest.mark.parametrize(
    "hostile", ["code " * 50_000, "1 " * 50_000, "code1" * 20_000, "<a href=" * 20_000, "A1-" * 30_000]
)
def test_hostile_text_takes_bounded_time(hostile: str) -> None:
    begun = time.process_time()
    one_time.find(hostile[:900], hostile, hostile)
    one_time.find("", "\n".join(["code 123456 code"] * 50_000))
    assert time.process_time() - begun < 5
