"""Writes the ledger, the events and the tallies that a past campaign would have.

The recipient's address and the campaign's name decide each chance, so it is the same on every machine. Campaigns differ
by their share of opens and clicks. Addresses that bounced for good, complained or unsubscribed are suppressed, as the
product would have done.
"""

from datetime import datetime

from django.db import connection

from campaigns.annotations import JsonObject
from mailing import content
from mailing.models import Content, EmailCampaign

# In thousandths but for complaints, which are in five thousandths. A mail is opened within 19 hours; when fewer have
# passed since the launch, within those.
ANSWERS = """
WITH drawn AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place,
           abs(hashtext(email || 'sent' || %(name)s)) %% 1000 AS sent,
           abs(hashtext(email || 'opened' || %(name)s)) %% 1000 AS opened,
           abs(hashtext(email || 'clicked' || %(name)s)) %% 1000 AS clicked,
           abs(hashtext(email || 'left' || %(name)s)) %% 5000 AS gone,
           abs(hashtext(email || 'later' || %(name)s)) %% 1000 AS later
    FROM mailing_delivery WHERE campaign_id = %(campaign)s AND status <> 'held_out'
), fates AS (
    SELECT id, CASE WHEN sent < 10 THEN 'unknown' WHEN sent < 14 THEN 'disabled' WHEN sent < 17 THEN 'refused'
                    WHEN sent < 21 THEN 'returned' ELSE 'taken' END AS fate,
           sent BETWEEN 900 AND 920 AS is_second_try, %(launched)s + place * interval '20 ms' AS at,
           opened < %(opened)s AS is_opened, clicked < %(clicked)s AS is_clicked, gone = 0 AS is_complained,
           gone BETWEEN 1 AND 40 AS is_unsubscribed,
           interval '1 minute' * (2 + later * later / 900.0 * least(1, minutes / 1200)) AS later
    FROM drawn, (SELECT extract(epoch FROM now() - %(launched)s) / 60 - 20 AS minutes) AS passed
    WHERE place <= %(sent)s
)
UPDATE mailing_delivery AS delivery SET
    status = CASE WHEN fate = 'taken' THEN 'accepted' WHEN fate = 'refused' THEN 'failed' ELSE 'bounced' END,
    due_at = NULL,
    attempts = CASE WHEN is_second_try THEN 2 ELSE 1 END,
    sent_at = CASE WHEN fate IN ('taken', 'returned') THEN at END,
    stage = CASE fate WHEN 'taken' THEN 'dot' WHEN 'refused' THEN 'dot' WHEN 'returned' THEN 'report' ELSE 'RCPT' END,
    code = CASE fate WHEN 'taken' THEN 250 WHEN 'refused' THEN 554 ELSE 550 END,
    enhanced_code = CASE fate WHEN 'taken' THEN '2.0.0' WHEN 'refused' THEN '5.7.1' WHEN 'disabled' THEN '5.2.1'
                    ELSE '5.1.1' END,
    text = CASE fate WHEN 'taken' THEN 'Queued' WHEN 'refused' THEN 'Refused by the policy of this site'
           WHEN 'disabled' THEN 'This mailbox is disabled' ELSE 'No such mailbox here' END,
    opened_at = CASE WHEN fate = 'taken' AND is_opened THEN at + later END,
    clicked_at = CASE WHEN fate = 'taken' AND is_opened AND is_clicked THEN at + later + interval '40 seconds' END,
    complained_at = CASE WHEN fate = 'taken' AND is_opened AND is_complained THEN at + later + interval '3 minutes' END,
    unsubscribed_at = CASE WHEN fate = 'taken' AND is_opened AND is_unsubscribed THEN at + later + interval '2 minutes'
                      END
FROM fates WHERE fates.id = delivery.id
"""
TRIES = """
INSERT INTO mailing_attempt (delivery_id, campaign_id, connection_id, at, status, stage, code, enhanced_code, text)
SELECT id, campaign_id, connection_id, coalesce(sent_at, %(launched)s) - interval '5 minutes', 'deferred', 'RCPT', 451,
       '4.7.1', 'Greylisted, try again in 5 minutes'
FROM mailing_delivery WHERE campaign_id = %(campaign)s AND attempts = 2
UNION ALL
SELECT id, campaign_id, connection_id, coalesce(sent_at + interval '4 minutes', %(launched)s), status, stage, code,
       enhanced_code, text
FROM mailing_delivery WHERE campaign_id = %(campaign)s AND status IN ('bounced', 'failed')
"""
# People open and click, some twice; the servers of Gmail and Apple load pictures; a scanner follows the hidden link.
EVENTS = """
INSERT INTO mailing_event (delivery_id, campaign_id, kind, at, link, how, origin, device, client, system, basis)
SELECT delivery.id, campaign_id, noted.kind, noted.at, noted.link, noted.how, noted.origin,
       CASE noted.origin WHEN 'human' THEN reader.device ELSE '' END,
       CASE noted.origin WHEN 'human' THEN reader.client WHEN 'unknown' THEN 'Gmail' ELSE '' END,
       CASE noted.origin WHEN 'human' THEN reader.system ELSE '' END,
       CASE noted.kind WHEN 'unsubscribed' THEN 'evidence' ELSE 'interest' END
FROM mailing_delivery AS delivery
JOIN LATERAL (SELECT abs(hashtext(email || 'again' || %(name)s)) %% 100 AS draw) AS drawn ON true
JOIN LATERAL (VALUES
    ('opened', opened_at, NULL, '', 'human'),
    ('opened', CASE WHEN draw < 30 THEN opened_at + interval '20 hours' END, NULL, '', 'human'),
    ('clicked', clicked_at, least(greatest(0, draw - 50) / 20, %(links)s - 1), '', 'human'),
    ('clicked', CASE WHEN draw > 75 THEN clicked_at + interval '1 minute' END, 0, '', 'human'),
    ('opened', CASE WHEN draw BETWEEN 30 AND 44 THEN sent_at + interval '31 minutes' END, NULL, '', 'unknown'),
    ('opened', CASE WHEN draw BETWEEN 45 AND 65 THEN sent_at + interval '9 seconds' END, NULL, '', 'machine'),
    ('clicked', CASE WHEN draw = 99 THEN sent_at + interval '43 seconds' END, NULL, 'trap', 'machine'),
    ('clicked', CASE WHEN draw = 99 THEN sent_at + interval '43 seconds' END, 0, '', 'machine'),
    ('unsubscribed', unsubscribed_at, NULL, 'page', 'human')
) AS noted (kind, at, link, how, origin) ON noted.at IS NOT NULL
JOIN (VALUES
    (0, 'mobile', 'Apple Mail', 'iOS'), (1, 'mobile', 'Apple Mail', 'iOS'), (2, 'mobile', 'Apple Mail', 'iOS'),
    (3, 'mobile', 'Samsung Internet', 'Android'), (4, 'mobile', 'Chrome', 'Android'),
    (5, 'desktop', 'Outlook', 'Windows'), (6, 'desktop', 'Outlook', 'Windows'), (7, 'desktop', 'Thunderbird', 'Linux'),
    (8, 'desktop', 'Apple Mail', 'macOS'), (9, 'tablet', 'Apple Mail', 'iOS')
) AS reader (place, device, client, system) ON place = delivery.id %% 10
WHERE campaign_id = %(campaign)s AND noted.at < now()
"""
# the trigger on deliveries has counted all of this as of now: the same sums, at the times they belong to
TALLIES = """
WITH gone AS (DELETE FROM mailing_tally WHERE campaign_id = %(campaign)s),
quarters AS (
    SELECT connection_id, measure, date_bin('15 minutes', at, '2000-01-01') AS at
    FROM mailing_delivery, LATERAL (VALUES
        (status, coalesce(sent_at, %(launched)s), true),
        ('opened', opened_at, opened_at IS NOT NULL),
        ('clicked', clicked_at, clicked_at IS NOT NULL),
        ('complained', complained_at, complained_at IS NOT NULL),
        ('unsubscribed', unsubscribed_at, unsubscribed_at IS NOT NULL),
        ('returned', sent_at, status = 'bounced' AND sent_at IS NOT NULL)
    ) AS counted (measure, at, holds)
    WHERE campaign_id = %(campaign)s AND holds
)
INSERT INTO mailing_tally (campaign_id, connection_id, measure, amount, at)
SELECT %(campaign)s, connection_id, measure, count(*), at FROM quarters GROUP BY 2, 3, 5
"""
SUPPRESSIONS = """
INSERT INTO mailing_suppression (email, reason, source, detail, created_at)
SELECT DISTINCT ON (email) email, lost.reason, lost.source, lost.detail, lost.at FROM mailing_delivery, LATERAL (VALUES
    (complained_at, 'complaint', 'mailbox', ''),
    (unsubscribed_at, 'unsubscribed', 'tracking_link',
        'Through a link of “' || (SELECT name FROM campaigns_campaign WHERE id = campaign_id) || '”: page.'),
    (CASE WHEN status = 'bounced' THEN coalesce(sent_at, %(now)s) END, 'hard_bounce', 'smtp', text)
) AS lost (at, reason, source, detail)
WHERE lost.at IS NOT NULL AND attempts > 0 ORDER BY email, lost.at
ON CONFLICT (email) DO NOTHING
"""


def write_answers(campaign: EmailCampaign, at: datetime, *, sent_to: int, opened: int, clicked: int) -> None:
    """Write the results of the first `sent_to` recipients of a campaign that was launched at `at`."""
    stored = Content.objects.get(campaign=campaign)
    values: JsonObject = {
        "campaign": campaign.pk,
        "name": campaign.name,
        "launched": at,
        "sent": sent_to,
        "opened": opened,
        "clicked": clicked,
        "links": max(1, len(content.read_links(bytes(stored.compiled)))),
    }
    with connection.cursor() as cursor:
        for statement in (ANSWERS, TRIES, EVENTS):
            cursor.execute(statement, values)
    write_tallies(campaign, at)


def write_tallies(campaign: EmailCampaign, at: datetime) -> None:
    """Count the ledger of a campaign at the times at which it would have been written."""
    with connection.cursor() as cursor:
        cursor.execute(TALLIES, {"campaign": campaign.pk, "launched": at})


def suppress_lost(now: datetime) -> None:
    """Suppress the addresses that bounced for good, complained or unsubscribed."""
    with connection.cursor() as cursor:
        cursor.execute(SUPPRESSIONS, {"now": now})
