"""A mail server that hands mail over by LMTP: the standard library's client, with an answer for each recipient."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence

Answer = tuple[int, str]


class MailServer(smtplib.LMTP):
    """`hand_over` returns the answers to RCPT and, for the recipients that were taken, to the message."""

    def hand_over(
        self, raw: bytes, *recipients: str, sender: str = "jane@example.com", options: Sequence[str] = ()
    ) -> list[Answer]:
        self.ehlo_or_helo_if_needed()
        mail = self.mail(sender, options)
        if mail[0] != 250:
            return [_answer(mail)]
        taken = {one: _answer(self.rcpt(one)) for one in recipients}
        open_ = [one for one, (code, _) in taken.items() if code == 250]
        if open_:
            code, _ = self.docmd("DATA")
            assert code == 354
            stuffed = raw.replace(b"\r\n.", b"\r\n..")
            self.send((b"." if stuffed.startswith(b".") else b"") + stuffed + b".\r\n")
            for one in open_:
                taken[one] = _answer(self.getreply())
        else:
            self.rset()
        return list(taken.values())


def _answer(reply: tuple[int, bytes]) -> Answer:
    return reply[0], reply[1].decode().split(" ")[0]
