/**
 * Send a message through Postroom and print what became of it.
 *
 * Set DESK (http://127.0.0.1:8025), AGENT (a token, pra_...) and BOX (the mailbox). Needs Node 22.18 or newer, which
 * runs TypeScript as it is: `node send_email.ts TO SUBJECT TEXT`. Nothing is installed.
 */

import { randomUUID } from "node:crypto";

interface Accepted {
  status: string;
  message_id: string;
}

/** Any other status is final without delivery: within the wait it failed, was rejected, or was cancelled. */
const UNDER_WAY = ["sent", "queued", "pending", "scheduled"];

interface Refused {
  status: string | number;
  error: string;
  reason: string;
  fix?: string;
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
}

/** Submit one message. Repeating the same `key` returns the first answer, so a retry never sends twice. */
async function sendEmail(to: string, subject: string, text: string, key: string): Promise<Accepted | Refused> {
  const response = await fetch(`${setting("DESK")}/emails/send`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${setting("AGENT")}`,
      "Content-Type": "application/json",
      "Idempotency-Key": key,
      Prefer: "wait=10",
    },
    body: JSON.stringify({ from: setting("BOX"), to, subject, text }),
    signal: AbortSignal.timeout(40_000),
  });
  return (await response.json()) as Accepted | Refused;
}

const [to, subject, text] = process.argv.slice(2);
if (to === undefined || subject === undefined || text === undefined) {
  console.error("usage: node send_email.ts TO SUBJECT TEXT");
  process.exit(2);
}
const answer = await sendEmail(to, subject, text, randomUUID());
if ("error" in answer) {
  // blocked, rate_limited, or a problem: `reason` says why, `fix` what to do
  console.log(answer.error, answer.reason, answer.fix ?? "");
  process.exitCode = 1;
} else {
  console.log(answer.status, answer.message_id);
  if (!UNDER_WAY.includes(answer.status)) process.exitCode = 1;
}
