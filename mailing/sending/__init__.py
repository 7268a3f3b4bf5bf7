"""Sending: from rows of the ledger to answers of SMTP servers, losing nobody and mailing nobody twice.

    lanes      who feeds a connection: leases, wakes, what a dead process left behind
    pump       one run of one lane: claims, SMTP connections, results
    door       opening its SMTP connections
    answers    what the server's answers come to: results, and campaigns that must pause
    supply     what a run has claimed and not handed over yet
    pressure   what a run learns of its server: when to slow down, to rest, to give up
    claim      the statement that takes deliveries, and what comes of a row
    ledger     the statements that mark and record, in greedy batches
    outcome    what a server's answer makes of a delivery
    limits     how many messages a connection may take now, by its quotas of the hour and day
    turns      limits by the second and minute: when the next message may leave
    paced      the deliveries of a run that wait for their turn
    breaker    when a connection, or a campaign, has failed too often
    tokens     the signed tokens of each delivery: one for each purpose

Why nobody gets a mail twice: a message's content leaves only after its row is committed as `in_data`, and a row that
is `in_data` when its process dies becomes `uncertain`, which nothing sends again by itself. Why nobody is lost: every
other state before a result goes back to `pending` when the lease runs out.
"""
