"""Background work of a gateway: delivery, schedules, webhooks, notifications, watchers."""
