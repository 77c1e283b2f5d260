"""Send a message through Postroom and print what became of it.

Set DESK (http://127.0.0.1:8025), AGENT (a token, pra_...) and BOX (the mailbox). `pip install httpx`.
"""

import os
import sys
import uuid

import httpx


def send_email(to: str, subject: str, text: str, *, key: str) -> httpx.Response:
    """Hand in one message. The same `key` again answers the first answer again, so a retry never sends twice."""
    return httpx.post(
        f"{os.environ['DESK']}/emails/send",
        headers={"Authorization": f"Bearer {os.environ['AGENT']}", "Idempotency-Key": key, "Prefer": "wait=10"},
        json={"from": os.environ["BOX"], "to": to, "subject": subject, "text": text},
        timeout=40,
        trust_env=os.environ["DESK"].startswith("https:"),  # HTTP_PROXY would see the token
    )


def main() -> None:
    to, subject, text = sys.argv[1:4]
    answer = send_email(to, subject, text, key=str(uuid.uuid4()))
    result = answer.json()
    if "error" in result:  # blocked, rate_limited, or a problem: `reason` says why, `fix` what to do
        print(result["error"], result["reason"], result.get("fix", ""))
        sys.exit(1)
    print(result["status"], result["message_id"])
    if result["status"] not in ("sent", "queued", "pending", "scheduled"):
        sys.exit(1)  # within the wait it failed, was rejected, or was cancelled


if __name__ == "__main__":
    main()
