"""Non-human identities and the people around them: mailboxes, tokens, operators, streams."""
