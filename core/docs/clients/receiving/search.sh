#!/bin/sh
# Search received mail: every word must be in the subject, the sender or the text. Argument: the words.
printf 'Authorization: Bearer %s' "$AGENT" | curl -sS --fail-with-body -H @- -G "$DESK/mailboxes/$BOX/messages" \
  -d direction=in --data-urlencode "q=$1"
