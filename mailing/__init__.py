"""E-mail: contacts, campaigns, sending, tracking, reports.

Packages: `models`, `views`, `forms` (pages); `content` (the mail), `renderer` (its process), `library` (pictures,
templates, blocks); `sending` (from deliveries to answers), `smtp` (the client); `importing` (CSV); `bounces`,
`webhooks` (what comes back); `reports`, `variants` (A/B tests), `senders` (domains, DKIM), `preflight` (checks),
`catcher` (the mail server of the demo).

The modules beside them:

    audience, segments, comparing, local_time    who gets a campaign, and what time it is for them
    rfm, segment_groups               classes of buyers; segments as customer groups at the till
    drafting, campaign_facts          saving campaigns, and what people may change of them
    versions, presence                what a campaign was before, and who has its editor open
    mail_tests, follow_ups            results of test mails, second mails
    launch, deliveries, lifecycle     a launch: its checks, its rows, what follows from a step
    deletion                          deleting lists and segments
    clock, endings, tasks             what falls due, how a campaign ends, what the queue runs
    progress, tallies, timeline       figures of a running campaign: sums over tallies
    notices, trends, first_steps      what the dashboard says of e-mail
    tracking, middleware, spool, visitors    opens and clicks, also while the database is away
    plain_targets                     where links lead that are the same for everybody
    offers, mail_offers, codes        the offer of a mail, and the codes in it
    code_pages, pictures, detours     the page of a code, its barcode and QR code; links of a mail whose offer is over
    promotion_mails, through_mails    the mails that carry a promotion, and what they brought
    attribution, revenue, purchases   which sales count for a mail, their sums, and what contacts bought
    stored_revenue, kept_figures      figures of large campaigns, measured by the queue and kept
    recipient_reasons                 why contacts get a campaign, or do not
    global_hold_out                   who gets no mail at all for a quarter, and what that shows
    campaign_hold_out, lift, intervals    who does not get it, what that shows, and how surely
    unsubscribing, suppressions       who gets no mail, and since when
    contacts, contact_history, preferences, addresses    one contact, its history, its choices, its address
    contact_search                    contacts by a part of a word
    countries, languages              codes for the names of countries and languages that people write
    privacy                           what is kept of a person, shown and erased
    searching                         what the search finds here
    connections, oauth                SMTP connections, logins by OAuth 2
    site_mails, password_reset        mails of the site itself
    deadlines, bounded_http           the end of conversations with servers that we do not trust
    retention, doctor, secrets        old events, proofs, encrypted columns
"""
