"""Outbound notices: webhooks for programs, Apprise channels for people."""
