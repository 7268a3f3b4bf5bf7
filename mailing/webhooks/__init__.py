"""What providers tell of our mails by webhook: delivered, bounced, complained, opened, clicked."""
