"""E-mail: contacts, campaigns, sending, tracking, reports.

Packages: `models`, `views`, `forms` (pages); `content` (the mail), `renderer` (its process); `sending` (from deliveries
to answers), `smtp` (the client); `importing` (CSV); `bounces`, `webhooks` (what comes back); `reports`, `variants` (A/B
tests), `senders` (domains, DKIM), `preflight` (checks), `catcher` (the mail server of the demo).

The modules beside them:

    audience, segments, comparing     who gets a campaign
    drafting, follow_ups              saving campaigns, test mails, second mails
    launch, deliveries, lifecycle     a launch: its checks, its rows, what follows from a step
    clock, endings, tasks             what falls due, how a campaign ends, what the queue runs
    progress, tallies, timeline       figures of a running campaign: sums over tallies
    tracking, spool, visitors         opens and clicks, also while the database is away
    offers, mail_offers, codes, code_pages, pictures, carried    the offer of a mail, and the codes in it
    attribution, revenue, purchases   what a mail was worth, and what contacts bought
    recipient_reasons                 why contacts get a campaign, or do not
    global_hold_out                   who gets no mail at all for a quarter, and what that shows
    holdout, lift, intervals          who does not get it, what that shows, and how surely
    unsubscribing, suppressions       who gets no mail, and since when
    contacts, contact_history, preferences, addresses    one contact, its history, its choices, its address
    connections, site_mails, oauth    SMTP connections, mails of the site, logins by OAuth 2
    deadlines, bounded_http           the end of conversations with servers that we do not trust
    retention, doctor, secrets        old events, proofs, encrypted columns
"""
