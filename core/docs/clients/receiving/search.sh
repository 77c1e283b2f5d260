#!/bin/sh
# Search received mail: every word must be in the subject, the sender or the text. Arguments: the words, and to read on
# the `next_cursor` of the answer before, which may be short or empty; only `null` ends it.
printf 'Authorization: Bearer %s' "$AGENT" | curl -sS --fail-with-body -H @- -G "$DESK/mailboxes/$BOX/messages" \
  -d direction=in --data-urlencode "q=$1" --data-urlencode "cursor=$2"
