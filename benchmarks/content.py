"""How long one message takes to make: spliced, made in full, and beside a floor that only joins and encodes text.

    .venv/bin/python -m benchmarks.content [messages]

The message: 10 KB of HTML and 2 KB of text, 10 variables (one a date in words, one in a condition), 20 tracked links,
every recipient different. The floor is what no template engine can go below: the same number of bytes, ten values put
into them, encoded. Processor time of this process, the best of five rounds.
"""

import sys
import time
from collections.abc import Callable

from benchmarks.results import note_result
from mailing.content import Links, Recipient, Source, compile

FIRST = (
    "Ada",
    "Bjørn",
    "Chloë",
    "Dmitri",
    "Eleanor",
    "Günther",
    "Hana",
    "José",
    "Miriam",
    "太郎",
    "Anna",
    "Peggy",
)
LAST = ("O'Brien", "Smith", "Müller", "Nakamura", "García", "van der Berg", "Kowalski", "Johnson", "Walker")
CITY = ("Tromsø", "Lyon", "Leeds", "Porto", "Graz", "Kraków", "Austin")
PLAN = ("Starter", "Team", "Business & Pro", "Enterprise")
ROUNDS = 5

_PARAGRAPH = (
    "Autumn is when our workshop is busiest: the new range has been in the making since spring, every piece is made to "
    "order, and whoever asks in the first week has theirs before the frost. Delivery is free above fifty euros, and "
    "what does not please goes back within a month, no questions asked."
)
_ITEM = """<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="border-top:1px solid #eee">
<tr><td width="160" style="padding:16px 0;vertical-align:top"><a href="https://shop.example/c/{n}/image?id={n}">
<img src="https://cdn.example/{n}.jpg" width="144" height="108" alt="Item {n}" style="display:block;border:0"></a></td>
<td style="padding:16px 0 16px 16px;vertical-align:top;font-size:15px;line-height:1.5">
<h2 style="margin:0 0 8px;font-size:18px">The no. {n} collection — in {n} colours</h2>
<p style="margin:0 0 12px">{paragraph}</p>
<a class="button" href="https://shop.example/c/{n}/all?id={n}&amp;sort=new">See the collection</a></td></tr></table>
"""
_HELLO = """Dear {{ first_name }} {{ last_name }}, you have {{ points }} points on your {{ plan }} plan, which renews on
{{ renewal | date: "%d %B %Y" }}. {% if points > 2500 %}That is a free delivery to {{ city }}.{% else %}Soon a free one.
{% endif %} {{ manager }} at {{ store }} has put {{ coupon }} aside for {{ email }}."""


def source() -> Source:
    """Build the mail that is compiled: about 25 KB of HTML with nine items."""
    items = "".join(_ITEM.format(n=n, paragraph=_PARAGRAPH) for n in range(9))
    body = f"""<!DOCTYPE html><html><head><meta charset="utf-8"><title>Autumn</title></head><body><p>{_HELLO}</p>{items}
<p><a href="https://shop.example/">Shop</a> <a href="https://shop.example/help">Help</a></p>
<p>Sent to {{{{ email }}}}. <a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a></p></body></html>"""
    text = f"{_HELLO}\n\n" + f"{_PARAGRAPH}\n\n" * 5 + "Unsubscribe: {{ unsubscribe_url }}\n"
    return Source(
        subject="{{ first_name }}, your {{ points }} points are waiting in {{ city }}",
        from_name="Autumn News",
        from_email="news@send.example",
        body=body,
        text=text,
        list_id="news.send.example",
        feedback=("42", "news", "example", "relay"),
        utm_source="newsletter",
    )


def deliveries(count: int) -> list[tuple[Recipient, Links]]:
    """Build `count` recipients, each with the links of their own."""
    return [
        (
            Recipient(
                f"user{n}@example{n % 97}.test",
                {
                    "city": CITY[n % 7],
                    "plan": PLAN[n % 4],
                    "points": n * 7919 % 5000,
                    "renewal": f"2027-{1 + n % 12:02}-{1 + n % 28:02}",
                    "manager": "Robin <rob> Ek",
                    "coupon": f"SAVE-{n:07}",
                    "store": "Old Mill",
                },
                FIRST[n % 12],
                LAST[n // 7 % 9],
                f"42.{n}",
                n,
            ),
            Links("https://mail.example", f"{n:032x}"),
        )
        for n in range(count)
    ]


def microseconds(make: Callable[[Recipient, Links], bytes], these: list[tuple[Recipient, Links]]) -> float:
    """Return processor time of one call, in µs: the best round."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for recipient, links in these:
            make(recipient, links)
        best = min(best, (time.process_time() - started) / len(these))
    return best * 1e6


def main(count: int) -> None:
    """Measure rendering for `count` recipients against its floor."""
    compiled = compile(source())
    these = deliveries(count)
    message = compiled.render(*these[0], at=0)
    assert message == compiled.render_in_full(*these[0], at=0)
    assert len({compiled.render(*each, at=0) for each in these[:500]}) == min(count, 500)
    pieces = [message.decode()[start::11] for start in range(11)]

    def floor(recipient: Recipient, links: Links) -> bytes:
        values = [
            recipient.email,
            recipient.first_name,
            recipient.last_name,
            links.token,
            recipient.message_id,
        ]
        row = pieces.copy()
        for place in range(10):
            row[place] += values[place % 5]
        return "".join(row).encode()

    print(f"one message: {len(message):,} bytes, {len(compiled.links)} tracked links; {count:,} recipients")
    measured = {
        "floor": microseconds(floor, these),
        "spliced": microseconds(compiled.render, these),
        "made in full": microseconds(compiled.render_in_full, these[: max(count // 10, 1)]),
    }
    for name, time_ in measured.items():
        print(
            f"{name:>14} {time_:8.1f} µs {time_ / measured['floor']:7.1f} x floor {1e6 / time_:10,.0f} messages/s"
        )
    note_result(
        "a message spliced, of joining ready bytes", measured["spliced"] / measured["floor"], at_most=5
    )
    started = time.process_time()
    compile(source())
    print(f"{'compiled once':>14} {(time.process_time() - started) * 1e3:8.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
