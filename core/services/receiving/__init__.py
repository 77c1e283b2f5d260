"""Mail for the desk's mailboxes: parsed, screened, stored, released, shown to its agent."""
