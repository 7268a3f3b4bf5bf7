"""Forty bodies of mails whose authors did their part, and left out what the compiler adds.

Each of eight layouts, from Markdown to tables in tables, with each of five heads: without one, old, for dark screens,
in another language, for Outlook. They are our own.
"""

from collections.abc import Iterator

from mailing.content import Source

LEAVE = '<a href="{{ unsubscribe_url }}">Unsubscribe from the newsletter</a>'
PICTURE = "https://shop.test/logo.png"

HEADS = {
    "none": ("", ""),
    "old": (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd"><html xmlns="http://www.w3.org/1999/xhtml"><head>'
        "<style>td { padding: 4px } h1 { color: #113355 }</style></head>",
        "</html>",
    ),
    "dark": (
        '<!doctype html><html><head><meta charset="utf-8"><style>body { background: #ffffff; color: #222222 }'
        "a { color: #0645ad } @media (prefers-color-scheme: dark) { body { background: #111111 !important; color: "
        "#eeeeee !important } a { color: #9ecbff !important } table[bgcolor], table[bgcolor] * { background: "
        "#111111 !important; color: #eeeeee !important } }</style></head>",
        "</html>",
    ),
    "French": ('<html lang="fr"><head><title></title></head>', "</html>"),
    "for Outlook": (
        '<!DOCTYPE html>\n<html xmlns:v="urn:schemas-microsoft-com:vml"><head><!--[if mso]><xml></xml><![endif]-->'
        '<meta name="viewport" content="width=device-width"></head>',
        "",
    ),
}  # fmt: skip

LAYOUTS = {
    "one table": f"""<table width="600" align="center" bgcolor="#ffffff"><tr><td><h1>Hello {{{{ first_name }}}}</h1>
<p style="color:#333333">New tea has come.</p></td></tr><tr><td style="color:#333333">{LEAVE}</td></tr></table>""",
    "tables in tables": f"""<table width="100%" cellpadding="0"><tr><td align="center"><table width="600"><tr><td>
<img src="{PICTURE}" width="60" height="30" alt="The Shop"></td></tr><tr><td><h1>News</h1><h2>Tea</h2><p>Hot.</p>
<table cellspacing="0"><tr><td bgcolor="#004a99"><a href="https://shop.test/tea" style="color:#ffffff">Buy the tea</a>
</td></tr></table></td></tr></table></td></tr></table><p>{LEAVE}</p>""",
    "a receipt": f"""<h1>Receipt</h1><table
border="1"><caption>What you bought</caption><tr><th scope="col">Article</th>
<th scope="col">Price</th></tr><tr><td>Tea</td><td>4 €</td></tr></table><table><tr><td>Thank you</td></tr></table>
<p>{LEAVE}</p>""",
    "columns": f"""<!--[if mso]><table width="600"><tr><td width="300"><![endif]--><div style="display:inline-block;
width:300px"><h2>Left</h2><p>One half</p></div><!--[if mso]></td><td width="300"><![endif]--><div
style="display:inline-block;width:300px"><h2>Right</h2><p>Other half</p></div>
<!--[if mso]></td></tr></table><![endif]-->
<p>{LEAVE}</p>""",
    "a letter": f"""<p>Dear {{{{ first_name | default: "friend" }}}},</p><ul><li>one</li><li>two</li></ul>
{{% if city == "Wien" %}}<table><tr><td>Servus</td></tr></table>{{% else %}}<p>Hello</p>{{% endif %}}<p>{LEAVE}</p>""",
    "liquid in tags": f"""<table {{% if dense %}}width="300"{{% else %}}width="600"{{% endif %}}><tr><td><h1>Sale</h1>
<p>{{Today|Tonight}} only.</p></td></tr></table><p>{LEAVE}</p>""",
    "dark ground": f"""<div style="background-color:#102030;padding:20px"><h1 style="color:#ffffff">Night sale</h1>
<p style="color:#f0f0f0">From eight to ten.</p><p><a style="color:#9ecbff"
href="https://shop.test/">See the sale</a></p>
</div><p>{LEAVE}</p>""",
    "old tags": f"""<CENTER><FONT SIZE="5">Spring</FONT><TABLE BORDER=0><TR><TD><IMG SRC="{PICTURE}" ALT="A tulip"
WIDTH=60 HEIGHT=40><TD>Tulips from<B> 3 €</B></TABLE></CENTER><P>{LEAVE}""",
}  # fmt: skip

MARKDOWN = """# Hello {{ first_name }}

The **tea** has [come](https://shop.test/tea).

> Good tea

[Unsubscribe from the newsletter]({{ unsubscribe_url }})
"""
MJML = """<mjml><mj-body><mj-section><mj-column><mj-image src="https://shop.test/l.png" alt="The Shop" />
<mj-text><h1>Hello {{ first_name }}</h1><p>Tea has come.</p></mj-text><mj-button background-color="#004a99"
href="https://shop.test/">Buy the tea</mj-button><mj-text><a href="{{ unsubscribe_url }}">Unsubscribe from this</a>
</mj-text></mj-column></mj-section></mj-body></mjml>"""


def list_sources() -> Iterator[tuple[str, Source]]:
    """Yield the name and the source of each mail: forty of HTML, one of Markdown, one of MJML."""
    given = {"from_email": "news@shop.test", "from_name": "The Shop", "subject": "Tea for {{ first_name }}"}
    for layout, body in LAYOUTS.items():
        for head, (before, after) in HEADS.items():
            page = f"{before}<body>{body}</body>{after}" if before else body
            yield f"{layout}, {head}", Source(body=page, **given)
    yield "Markdown", Source(body=MARKDOWN, body_format="markdown", **given)
    yield "MJML", Source(body=MJML, body_format="mjml", **given)
