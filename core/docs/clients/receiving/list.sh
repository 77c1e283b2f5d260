#!/bin/sh
# The unread mail of a mailbox, newest first: who wrote, about what, and whether the sender is proved.
printf 'Authorization: Bearer %s' "$AGENT" | curl -sS --fail-with-body -H @- "$DESK/mailboxes/$BOX/messages?direction=in&unread=true"
