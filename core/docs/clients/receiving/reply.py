"""Answer a message in its thread, with its words below. Arguments: the message's id, the text.

A reply that is repeated with the same key is sent once. `pending` means that a person decides: do not send it again.
"""

import os
import sys

import httpx

message, text = sys.argv[1:]
answer = httpx.post(
    f"{os.environ['DESK']}/emails/reply",
    headers={"Authorization": f"Bearer {os.environ['AGENT']}", "Idempotency-Key": f"reply-{message}"},
    json={"message_id": message, "text": text, "quote": True},
).json()
print(answer.get("status"), answer.get("message_id") or answer.get("action_id") or answer.get("reason"))
