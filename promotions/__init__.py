"""Promotions: what is published to tills, what limits leave, and what was given.

Packages: `models`, `views`, `forms`, `types` (pages and kinds); `engine` (the calculation, without Django); `publish`
(every edit of what applies at the till); `database` (SQL of the tills); `reports`.

The modules beside them:

    usage                             takes what a sale gets from budgets, uses and coupons, and gives it back
    snapshot, published, past         the rules that a process keeps, how they are read, those of an earlier time
    lifecycle, clock, tasks           steps of campaigns: locks and consequences, what falls due, what the queue runs
    coupons, codes, batches           codes: making, judging, switching
    offers                            what an e-mail campaign asks of the promotion that it carries
    groups, goods                     customer groups; what tills sold lately
    stacking, conflicts, inspector    how promotions meet, and what keeps one from giving anything
    standing, overruns, readiness     how far a campaign has come; limits that were passed; what is still open
    reading, reasons, changes         a promotion, a refusal and an edit in words
    doctor                            proves that counters equal their ledger
"""
