"""Checks a campaign before its launch, or a connection: each result is a line that says what to do about it.

A warning stops nothing: what stops a launch is `mailing.launch.find_problems`.

    lines     what a line is
    spf       the record that names the servers of a domain
    dmarc     the record that says what becomes of mails that are not its own
    servers   lines about a connection and a sender domain
    contents  lines about a mail
    links     whether links lead somewhere, without reaching into private networks
    runs      a check as a task, and what it found
"""
