"""Mail for the desk's mailboxes: read, stored, released, shown to its agent."""
