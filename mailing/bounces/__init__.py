"""What comes back after a mail was sent: bounces, complaints, automatic replies, and what each of them leads to."""

from mailing.bounces.reports import Failure, Kind, Report, Severity, read_report

__all__ = ["Failure", "Kind", "Report", "Severity", "read_report"]
