"""Outbound notifications: webhooks for programs, Apprise channels for people."""
