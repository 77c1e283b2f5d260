"""Wait for mail; print its id, sender and subject, and the code in it, if any. Argument: an address or a domain."""

import os
import sys
import time

import httpx

SECONDS = 600
desk = httpx.Client(
    base_url=os.environ["DESK"], headers={"Authorization": f"Bearer {os.environ['AGENT']}"}, timeout=150
)
asked = {"from": sys.argv[1], "timeout": "60"}
deadline = time.monotonic() + SECONDS
while time.monotonic() < deadline:
    answer = desk.get(f"/mailboxes/{os.environ['BOX']}/wait", params=asked).raise_for_status().json()
    if not answer["timed_out"]:
        print(
            answer["message"]["id"], answer["message"]["from"]["address"], answer["message"]["subject"], answer["code"]
        )
        sys.exit(0)
    asked["after"] = answer["after"]  # what arrives between two calls is found too
sys.exit("nothing arrived")
