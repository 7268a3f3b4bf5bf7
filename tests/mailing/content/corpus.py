"""Templates and recipients chosen for what makes splicing hard; every one must come out the same both ways."""

import datetime as dt
from decimal import Decimal

from mailing.content import Links, Recipient, Source

LINKS = Links("https://mail.shop.test", "dG9rZW4tb2Ytb25lLWRlbGl2ZXJ5_-12")
AT = 1_800_000_000.0  # 15 January 2027, 08:00 UTC

UNSUBSCRIBE = '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'


def source(body: str, **fields: object) -> Source:
    """A source that is right but for what the test makes of it."""
    fields = {"subject": "News", "from_email": "news@shop.test", "from_name": "The Shop"} | fields
    return Source(body=body, **fields)


def recipient(**attributes: object) -> Recipient:
    return Recipient("ada@example.test", attributes, message_id="42.1", seed="42-1")


RECIPIENTS = {
    "plain": Recipient(
        "ada@example.test",
        {
            "city": "Leeds",
            "points": 3000,
            "renewal": "2027-03-01",
            "tags": ["new", "loyal"],
            "balance": 1234.5,
            "vip": True,
            "shop_page": "https://shop.test/ada?tab=1#top",
            "customer_id": "A-17",
            "address": {"street": "High Street 1", "lines": ["a", "b"]},
        },
        "Ada",
        "Lovelace",
        "42.1",
        "42-1",
    ),
    "nobody": Recipient("x@example.test", {}, message_id="42.2", seed="42-2"),
    "empty": Recipient(
        "e@example.test",
        dict.fromkeys(("city", "points", "renewal", "balance", "shop_page", "customer_id", "first_name"), "")
        | {"tags": [], "vip": False, "address": {}},
        message_id="42.3",
        seed="42-3",
    ),
    "non-ascii": Recipient(
        "bjorn@example.test",
        {
            "city": "Tromsø",
            "points": "2501",
            "renewal": dt.date(2027, 3, 1),
            "tags": ["é", "日本"],
            "balance": "n/a",
        },
        "Bjørn",
        "Nåkamura 太郎",
        "42.4",
        "42-4",
    ),
    "right-to-left": Recipient(
        "rtl@example.test", {"city": "תל אביב", "points": 1}, "مريم", "\u202eabc\u202c", "42.5", "42-5"
    ),
    "hostile": Recipient(
        "mallory@example.test",
        {
            "city": "Rome\r\nBcc: victim@example.test\r\n\r\n<script>alert(1)</script>",
            "points": "9\r\n.\r\nMAIL FROM:<x>",
            "renewal": "yesterday\n",
            "tags": ["</p>", "{{ email }}", "{% raw %}", "{a|b}", '"><img src=x>'],
            "balance": "1e999",
            "shop_page": "javascript:alert(1)",
            "customer_id": "a\r\nb&c=\"<>' é",
            "vip": None,
        },
        "Mal\r\nSubject: owned",
        'Lory"\\\x00\x1b',
        "42.6",
        "42-6",
    ),
    "dots": Recipient(
        "dots@example.test",
        {"city": ".\n..\n.leading\ntrailing .", "points": 0, "renewal": ".", "tags": [".", "..", "..."]},
        ".hidden",
        ".",
        "42.7",
        "42-7",
    ),
    "long": Recipient(
        "long@example.test",
        {
            "city": "Llanfair" * 40,
            "points": 10**15,
            "renewal": "2027-03-01T10:00:00+02:00",
            "tags": ["x" * 75, "y" * 76, "z" * 77, "=" * 30, "é" * 40],
            "balance": Decimal("1234567.891"),
            "shop_page": "https://shop.test/" + "p/" * 200,
        },
        "Wolfeschlegelsteinhausenbergerdorff" * 4,
        "é" * 90,
        "42.8",
        "42-8",
    ),
    "blanks": Recipient(
        "blanks@example.test",
        {
            "city": " \t ",
            "points": " 2600 ",
            "renewal": " 2027-03-01 ",
            "tags": [" ", "\t\n"],
            "balance": True,
        },
        "  Ada  ",
        "\t",
        "42.9",
        "42-9",
    ),
    "emoji": Recipient(
        "emoji@example.test",
        {"city": "👩‍👩‍👧‍👦" * 20, "points": 2500, "tags": ["🎉"], "balance": -0.5},
        "🦊",
        "\ud800 lone",
        "42.10",
        "42-10",
    ),
}

TEMPLATES = {
    "variables": source(
        "<p>Dear {{ first_name }} {{ last_name }} of {{ city }}, {{ first_name }}{{ city }}.</p>"
        + UNSUBSCRIBE,
        subject="{{ first_name }}, {{ points }} points in {{ city }}",
        from_name="{{ city }} shop",
        preheader="For {{ first_name }} & friends",
    ),
    "defaults and filters": source(
        """<p>{{ first_name | default: "there" | upcase }}, {{ city | truncate: 12 }},
        {{ city | truncatewords: 2, "…" }},
        {{ renewal | date: "%d %B %Y" }}, {{ renewal | date: "long" }}, {{ "now" | date: "%Y" }},
        {{ balance | money }}, {{ balance | money: "USD" }}, {{ points | plus: 5 }}, {{ tags | join: ", " }},
        {{ tags | first }} {{ tags.size }} {{ city | append: "<b>" }} {{ city | replace: "e", "&" }}
        {{ address.street }} {{ address.lines[1] }} {{ attributes["city"] }}</p>"""
        + UNSUBSCRIBE,
        subject='{{ first_name | default: "there" | capitalize }} 🎉 {{ "now" | date: "%H:%M" }}',
        text='{{ city | upcase }}\n.{{ tags | join: "\n." }}\n{{ renewal | date: "short" }}\n{{ unsubscribe_url }}',
        locale="de",
        time_zone="Europe/Berlin",
    ),
    "conditions": source(
        """{% if points > 2500 %}<p>Free delivery to {{ city }}.</p>
        {% elsif points == 0 %}<p>None yet, {{ first_name }}.</p>
        {% else %}<p>Soon.</p>{% endif %}{% unless vip %}<p>Join us in {{ city }}!</p>{% endunless %}
        {% if vip and tags contains "new" %}{% if points >= 3000 %}deep {{ points }}{% endif %}{% endif %}
        {% case city %}{% when "Leeds", "York" %}North{% when "" %}Nowhere{% else %}Elsewhere {{ city }}{% endcase %}
        {% if nothing %} {% endif %}{% if vip %}
 {% endif %}{% unless vip %}
{% else %} {% endunless %}{% if first_name == blank %}no name{% endif %}
        {% if points > 2500 %}gold{% elsif points >= 99.5 %}silver{% else %}tin{% endif %}
        {% if points < 1 %}!{% endif %}"""
        + UNSUBSCRIBE,
        subject="{% if vip %}Dear friend{% else %}Hello{% endif %} {{ first_name }}",
    ),
    "loops": source(
        """<ul>{% for tag in tags %}<li>{{ forloop.index }}: {{ tag }}{% unless forloop.last %},{% endunless %}</li>
        {% else %}<li>no tags</li>{% endfor %}</ul>{% for i in (1..3) reversed %}{{ i }}{% endfor %}
        <table>{% tablerow tag in tags cols: 2 %}{{ tag }}{% endtablerow %}</table>
        {% for tag in tags limit: 1 %}{% cycle "odd", "even" %} {{ tag }}{% break %}{% endfor %}"""
        + UNSUBSCRIBE
    ),
    "state": source(
        """{% assign greeting = "Hi " | append: first_name %}<p>{{ greeting }}
        {% capture place %}<i>{{ city }}</i>{% endcapture %}
        {{ place }} {{ place | size }}</p>{% increment n %}{% increment n %}{{ n }}{% decrement m %}{{ m }}
        {% if vip %}{% assign city = "Elsewhere" %}{% endif %}{{ city }}
        {% comment %}{{ nothing }} {% if %}{% endcomment %}
        {%- assign x = points -%} tight {{- x -}} tight {% raw %}{{ not a variable }} {% nor a tag %}{% endraw %}
        {% if city == "Elsewhere" %}moved to {{ city }}{% endif %}{% echo x %}"""
        + UNSUBSCRIBE
    ),
    "spintax": source(
        """<style>p{color:red}a{color:blue}</style><p>{Hi|Hello|Good day} {{ first_name }},
        { {nested|inner} {{ city }}|other}
        { lone brace } {no bar} | bar } \\{not|spun\\} {|maybe} { | blank }</p><p title="{a|b}">x</p>"""
        + UNSUBSCRIBE,
        subject="{Hi|Hello} {{ first_name }}{!|?|}",
        preheader="{One|Two} of {{ city }}",
        from_name="{The|Your} Shop",
    ),
    "dots and long lines": source(
        "<p>\n.\n..\n.{{ city }}\n.{{ first_name }}.\n"
        + "word " * 60
        + "\n"
        + "unbroken" * 60
        + "{{ city }}"
        + "é" * 200
        + "</p>\n.{{ points }}\n. \n\t\n"
        + UNSUBSCRIBE,
        text=".\n.{{ city }}\n..\n"
        + "=" * 80
        + "\n"
        + " " * 80
        + "\n{{ first_name }}\n.\n{{ unsubscribe_url }}\r\n.\r\n",
        subject="A subject that goes on and on, so that it has to be folded somewhere between its many words "
        * 2,
    ),
    "links": source(
        """<p><a href="https://shop.test/">a</a> <a href='https://shop.test/?a=1&amp;b=2#f'>b</a>
        <a href=https://shop.test/plain>c</a>
        <a href="https://shop.test/c/{{ customer_id }}?n={{ first_name | url_encode }}">d</a>
        <a href="{{ shop_page }}">e</a> <a href="mailto:{{ email }}">f</a> <a href="tel:+49">g</a> <a href="#top">h</a>
        {% for tag in tags %}<a href="https://shop.test/t/{{ tag }}">{{ tag }}</a>{% endfor %}
        {% if vip %}<a href="https://shop.test/vip">VIP</a>{% endif %}<a href="https://shop.test/">again</a></p>
        <!--[if mso]><v:rect href="https://shop.test/mso"></v:rect><![endif]-->"""
        + UNSUBSCRIBE,
        utm_source="newsletter",
        utm_medium="email",
        utm_campaign="spring é",
    ),
    "inlined styles": source(
        """<html><head><style>td.a{color:red}@media (max-width:1px){td{color:blue}}</style></head><body><table>
        {% for tag in tags %}<tr><td class="a" style="x:{{ forloop.index }}">{{ tag }}</td></tr>{% endfor %}</table>"""
        + UNSUBSCRIBE
        + "</body></html>"
    ),
    "styles inlined late": source(
        """<style>.gold{color:gold}</style><p {% if vip %}class="gold"{% endif %}>{{ first_name }} é
        <a href="https://shop.test/{{ city }}">x</a></p>"""
        + UNSUBSCRIBE
    ),
    "markdown": source(
        """# Dear {{ first_name | default: "friend" }}

{% if points > 2500 %}
You have **{{ points }}** points in *{{ city }}*. [Spend them](https://shop.test/spend?id={{ customer_id }} "now")
{% else %}
{Almost|Nearly} there.
{% endif %}

{% for tag in tags %}
- {{ tag }}
{% endfor %}

[Unsubscribe]({{ unsubscribe_url }})
""",
        body_format="markdown",
    ),
    "mjml": source(
        """<mjml><mj-head><mj-preview>P {{ city }}</mj-preview><mj-style>.x { color: red; }</mj-style></mj-head>
        <mj-body>        {% if vip %}<mj-section><mj-column><mj-text css-class="x">{Hi|Hello} {{ first_name }}</mj-text>
        </mj-column></mj-section>
        {% endif %}<mj-section><mj-column><mj-text>{{ city }} <a href="{{ unsubscribe_url }}">stop</a></mj-text>
        <mj-button href="https://shop.test/{{ customer_id }}">Go {{ first_name }}</mj-button>
        <mj-table>{% for tag in tags %}<tr><td>{{ tag }}</td></tr>{% endfor %}</mj-table></mj-column></mj-section>
        </mj-body></mjml>""",
        body_format="mjml",
        preheader="{a|b}",
    ),
    "only static": source(
        "<p>é.</p>" + UNSUBSCRIBE.replace("{{ unsubscribe_url }}", "https://shop.test/stop")
    ),
    "only a variable": source("{{ unsubscribe_url }}", track_opens=False, text="{{ city }}"),
}
