"""Promotions: what is published to tills, what limits leave, and what was given.

Packages: `models`, `views`, `forms`, `types` (pages and kinds); `engine` (the calculation, without Django); `publish`
(every edit of what applies at the till); `database` (SQL of the tills); `reports`.

The modules beside them:

    usage                             takes what a sale gets from budgets, uses and coupons, and gives it back
    snapshot, published_promotions    the rules that a process keeps, and how they are read
    earlier_rules                     the rules of an earlier time
    lifecycle, clock, tasks           steps of campaigns: locks and consequences, what falls due, what the queue runs
    coupons, codes, batches           codes: making, judging, switching
    offers, ready_offers              what an e-mail campaign asks of its promotion; a promotion made for a mail
    groups, sold_articles             customer groups; what tills sold lately
    stacking, conflicts, inspector    how promotions combine, and what keeps one from giving anything
    edit_reviews, examples            what an edit would change; a basket that shows what a promotion does
    current, customer_words           what is on for everybody now, in the words and language of customers
    campaign_figures, margins         what a campaign gave, and what is left; the margin where costs are known
    tallies                           sums of the ledger that reports read, kept behind the tills
    overruns, readiness               limits that were passed; what a campaign still lacks
    notices, trends, first_steps      what the dashboard says of promotions
    reading, reasons, changes         a promotion, a refusal and an edit in words
    searching, privacy                what the search finds here; what is known of a customer
    doctor                            proves that counters equal their ledger
"""
