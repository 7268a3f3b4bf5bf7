"""Sending: from rows of the ledger to answers of SMTP servers, losing nobody and mailing nobody twice.

    runs               a run of one lane, from the wake-up to what is queued after it; begin to read here
    lanes              which process feeds a connection: leases, wake-ups, rows of dead processes
    sending_run        the work of a run: deliveries, SMTP connections, results
    connection_opener  opening its SMTP connections
    answers            from the server's answers to results, and to campaigns that must pause
    supply             the deliveries that a run has claimed and not handed over yet
    server_capacity    what a run learns of its server: when to slow down, to rest, to give up
    claim              the statement that takes deliveries and checks the campaign's status; the message of each
    ledger             the statements that mark `in_data` and record results, in batches
    arrivals           the end of a doubt: later proof that an uncertain mail arrived
    delivery_results   what a server's answer means for a delivery
    limits             how many messages a connection may take now, by its quotas of the hour and day
    windows            hours and days in which a campaign may send
    turns              limits by the second and minute: when the next message may leave
    paced_deliveries   the deliveries of a run that wait for their turn
    breaker            when a connection or a campaign has failed too often
    direct             mails without a ledger: test mails, and mails of the site
    servers            what a connection's settings mean to the SMTP client
    database           the connections of a run to PostgreSQL
    return_paths       the address that reports about one mail come back to
    metadata           the header that lets a provider's events find their delivery
    tokens             the signed tokens of each delivery: one for each purpose

Why nobody gets a mail twice: the content of a message leaves only after its row is committed as `in_data`. When a
process dies, its `in_data` rows become `uncertain`, and no program sends these again. Why nobody is lost: rows in every
other state before a result become `pending` again when the lease runs out.
"""
