"""Webhooks: takes the events that providers report of our mails (delivered, bounced, complained, opened, clicked)."""
