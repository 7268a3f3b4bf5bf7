"""Sixty bodies of mails as people write them: each of five layouts with each of twelve style sheets.

They are our own, in the manner of public collections: tables in tables, words for Outlook in comments, doctypes of
every age, tags that are left open, style sheets that were grown rather than written.
"""

from collections.abc import Iterator

DOCTYPES = (
    "<!DOCTYPE html>\n<html lang='en'>",
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
    '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:v="urn:schemas-microsoft-com:vml">',
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">\n<HTML>',
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n'
    '<html xmlns="http://www.w3.org/1999/xhtml">',
    '<!-- saved by hand -->\n<!doctype html>\n<html xmlns:o="urn:schemas-microsoft-com:office:office">',
    "<html>",  # as old browsers drew it
)
RED = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGM4o6AAAALIAQ0luN6hAAAAAElFTkSu"
    "QmCC"
)
LEAVE = '<a href="{{ unsubscribe_url }}" class="muted link">Unsubscribe</a>'

LAYOUTS = {
    "newsletter": f"""
<body class="body" bgcolor="#eeeeee"><table class="wrapper" width="100%" cellpadding="0" cellspacing="0" border="0">
<tr><td align="center"><!--[if mso]><table width="600"><tr><td><![endif]-->
<table id="main" class="container" width="600" style="background:#ffffff; max-width:600px"><tbody>
<tr><td class="header" style="padding-top: 4px"><img src="{RED}" width="60" height="30" alt="Shop"
class="logo"></td></tr>
<tr><td class="content"><h1 class="title">Hello {{{{ first_name }}}}</h1>
<p class="lead first">The new tea has <b>come</b>.</p><p class="muted" style="margin-top:30px;color:#555">Drink it
 <a class="link" href="https://shop.test/?a=1&amp;b=2">hot</a>.</p>
<table class="button" cellspacing="0"><tr><td align="center" bgcolor="#0066cc" style="border-radius:3px">
<a class="button-link" href="https://shop.test/tea" style="color:#fff;padding:10px 20px;display:inline-block">Buy
it</a>
</td></tr></table></td></tr>
<tr><td><table width="100%"><tr><td class="column left" width="50%" valign="top"><p>Left side</p></td>
<td class="column right" align="right" valign="top"><p class="price">12&nbsp;€</p></td></tr></table></td></tr>
</tbody><tfoot><tr><td class="footer mobile-hide">{LEAVE}</td></tr></tfoot></table>
<!--[if mso]></td></tr></table><![endif]--></td></tr></table></body>""",
    "receipt": f"""
<body><div class="wrapper"><div class="container" id="main"><div class="header"><h2 class="title">Receipt
4711</h2></div>
<table class="content items" width="100%" border="1" rules="rows" style="border-collapse: separate">
<thead><tr><th align="left" class="muted">Article</th><th>Units</th><th align="right">Price</th></tr></thead>
<tr class="odd"><td>Tea &amp; honey</td><td align="center">2</td><td align="right"
class="price">9<sup>99</sup></td></tr>
<tr class="even"><td>Cup</td><td align="center">1</td><td align="right" class="price"><s>7,00</s>
<b>5,00</b></td></tr>
<tr class="odd"><td colspan="2" style="font-weight:normal !important">Sum</td><td align="right" class="price total">
24,98</td></tr></table>
<dl><dt class="muted">Paid by</dt><dd class="lead">Card of {{{{ first_name }}}}</dd></dl>
<hr class="rule" size="1" noshade><address class="footer">High Street
1<br/>Leeds</address>{LEAVE}</div></div></body>""",
    "letter": f"""
<body style="margin: 12px; font-family: Georgia"><center class="wrapper"><div class="container" align="left">
<h1 class="title">Dear {{{{ first_name }}}}</h1><h3>Three things</h3><ul class="content"><li class="first">one<li>two
<ul><li>in two</ul><li style="list-style-type:square">three</ul><blockquote class="lead" cite="x">“Good
tea.”</blockquote>
<p class="muted">A line with <em>soft</em> and <code>hard</code> words<br>and a <span class="price" style='color:
 rgb(10, 120, 10)'>price</span>.<p>An open paragraph <font color="#aa0000" size="4" face="Arial">in a font</font>
<pre class="footer">  as
    typed</pre><ol start="3" class="column"><li>three<li>four</ol>{LEAVE}</div></center></body>""",
    "hybrid": f"""
<body class="body" style="margin:0;padding:0;word-spacing:normal"><div role="article" class="wrapper" lang="en">
<!--[if mso | IE]><table role="presentation" align="center"><tr><td><![endif]-->
<div class="container" id="main" style="max-width:600px;margin:0 auto;font-size:0;text-align:center">
<div class="column left" style="display:inline-block;width:100%;max-width:300px;vertical-align:top;font-size:16px">
<p class="title first">One half</p><img class="logo" src="{RED}" style="width:100%;max-width:120px;height:40px"
alt=""></div>
<!--[if mso]></td><td><![endif]--><div class="column right" style="display:inline-block;width:100%;max-width:300px;
vertical-align:top;font-size:16px"><p class="lead">Other half for {{{{ first_name }}}}</p>
<p class="price" style="font-size:24px;line-height:28px">19 €</p></div>
<!--[if mso]><v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" href="https://shop.test/" fillcolor="#06c">
<v:textbox>Go</v:textbox></v:roundrect><![endif]--><!--[if !mso]><!-->
<a class="button-link link" href="https://shop.test/" style="background:#0066cc;color:#ffffff;font-size:15px">Go</a>
<!--<![endif]--><div class="content mobile-hide">Only on wide screens</div>
<div class="footer" style="font-size:12px">{LEAVE}</div></div></div></body>""",
    "old hand": f"""
<BODY BGCOLOR=#FAFAFA TEXT=#222222 LINK=#0055AA><TABLE CLASS="wrapper container" WIDTH=90% ALIGN=center CELLPADDING=6>
<TR><TD CLASS=header BACKGROUND="{RED}" HEIGHT=40><FONT SIZE=5 CLASS=title>Hello {{{{ first_name }}}}</FONT>
<TR><TD CLASS='content lead' NOWRAP><P CLASS=first>Left open<P CLASS="muted">and again<BR CLEAR=all>
<IMG SRC="{RED}" ALIGN=left WIDTH=40 HEIGHT=40 HSPACE=8 CLASS=logo BORDER=2>beside a picture
<TR><TD><TABLE BORDER=1><TR><TH CLASS=muted>A<TH>B<TR><TD CLASS=price>1<TD CLASS="price right" ALIGN=right>2</TABLE>
<TR><TD CLASS="footer column" VALIGN=bottom><CENTER>{LEAVE}</CENTER></TABLE></BODY>""",
}

SHEETS = {
    "a reset": """<style type="text/css">
body, table, td, a { -webkit-text-size-adjust: 100%; -ms-text-size-adjust: 100% }
table, td { mso-table-lspace: 0pt; mso-table-rspace: 0pt } img { -ms-interpolation-mode: bicubic; border: 0; height:
auto;
line-height: 100%; outline: none; text-decoration: none } table { border-collapse: collapse !important }
body { height: 100% !important; margin: 0 !important; padding: 0 !important; width: 100% !important }
a[x-apple-data-detectors] { color: inherit !important } .title { margin: 0 } .price { white-space: nowrap
}</style>""",
    "media with weight": """<style>.container { width: 600px; margin: 0 auto } .column { width: 50%; padding: 8px }
.mobile-hide { color: #333 } @media only screen and (max-width: 620px) { .container { width: 100% !important }
.column { display: block !important; width: 100% !important; text-align: left !important } .mobile-hide { display:
none
!important } .title { font-size: 20px !important } }</style>""",
    "media without weight": """<style>.title { font-size: 30px; color: #123456 } .column { padding: 20px } .muted {
color:
#777 } .footer { text-align: left } @media (max-width: 600px) { .title { font-size: 18px } .column { padding: 2px }
.footer { text-align: center; margin: 4px } } @media (min-width: 800px) { .muted { color: #060; letter-spacing: 1px }
.title { font-size: 40px } }</style>""",
    "dark mode": """<meta name="color-scheme" content="light dark"><style>:root { color-scheme: light dark }
.wrapper { background: #f4f4f4 } .container { background-color: #fff; color: #111 } .title { color: #000 }
@media (prefers-color-scheme: dark) { .wrapper { background: #222 } .container { background-color: #333 !important;
color:
#eee } .title { color: #fff } .link { color: #9cf !important } } [data-ogsc] .title { color: #fff }</style>""",
    "states and places": """<style>a { color: #0a58ca } a:hover { color: red } a:link { text-decoration: none }
td:first-child { padding-left: 12px } td:last-child { padding-right: 3px } tr:nth-child(even) td { background:
#f0f0f0 }
p:first-of-type { margin-top: 2px } li:not(.first) { color: #444 } .title::before { content: "» " } .price:after {
content: " *"; color: red } p:empty { display: none } .lead::first-line { font-weight: bold }</style>""",
    "relations": """<style>.container > * { margin-bottom: 6px } td + td { border-left: 2px solid #ccc } h1 ~ p {
color:
#225 } .wrapper .title, .wrapper .lead { text-transform: uppercase } td[align=right] { font-weight: bold }
a[href^="https://"] { background: #ffc } [class~=muted] { font-style: italic } table table td { font-size: 13px }
img[width] { border: 3px solid green } body > .wrapper { padding: 5px }</style>""",
    "short and long": """<style>td { padding: 20px; padding-left: 4px; border: 1px solid #ccc; border-top: 0 }
p { font: italic 15px/1.6 Arial, sans-serif; font-weight: bold; margin: 0 0 10px } p.muted { margin: 2px !important }
.price { font-size: 20px !important; color: purple !important } a { padding: 1px; background: #eee; background-color:
#ddf } li { list-style: none } td.total { font-weight: 900 !important } h1 { margin: 0; margin-bottom: 3px; font: 22px
serif } div { text-align: right } .left { text-align: left !important }</style>""",
    "many sheets": """<style type="text/css" media="all">.title { color: teal } p { line-height: 1.2 }</style>
<!--[if mso]><style>.title { color: red !important }</style><![endif]--><!--[if !mso]><!--><style>.muted { font-size:
12px }</style><!--<![endif]--><style media="print">.title { display: none } p { color: red }</style>
<style media="screen and (max-width: 700px)">.title { color: navy } .price { font-size: 30px }</style>
<style>p { line-height: 1.8 } .title { letter-spacing: 2px } .footer { border-top: 1px solid }</style>""",
    "of today": """<style>@import url("https://fonts.test/x.css"); @font-face { font-family: Fancy; src:
url(https://fonts.test/x.woff2) } :root { --brand: #864; --gap: 7px } .title { color: var(--brand); font-family:
Fancy,
serif } td, .column { padding: calc(var(--gap) * 2) var(--gap) } @supports (display: grid) { .muted { color: #383 } }
.container { max-width: min(100%, 580px); box-sizing: border-box } :is(h1, h3) { font-weight: 300 } .lead { color:
rgb(10 20 200 / 80%); inset: auto }</style>""",
    "with faults": """<style><!-- /* kept for old browsers */
p { color: ; margin: 4px; colour: red } td { *zoom: 1; _height: 1px; padding: 3px 4px 5px 6px;; filter:
progid:DXImageTransform.Microsoft.gradient(startColorstr='#fff', endColorstr='#000') } .title { color: #12;
font-size: 26px;
font-size: big } .muted { color: red blue; color: green } .price { width 5px; font-weight: bold } { color: red }
.footer { background: url("x) } */ .lead { color: orange } } .link { color: brown } --></style>""",
    "weights of selectors": """<style>#main .title { color: #a00 } .container .title { color: #0a0 } h1.title,
h2.title {
color: #00a } .title.title { font-size: 21px } * { box-sizing: border-box } html { font-size: 15px } body {
font-family:
Verdana, sans-serif; line-height: 1.4 } BODY P { Color: #333; MARGIN: 5px } .column.left { background: #fee }
div.column,
td.column { background: #efe } body .container td { vertical-align: middle } :root .muted { color: #a50 } td { color:
inherit } .first.lead { font-size: larger } p.first { font-size: 1.1em } :where(.lead) { color: gold }</style>""",
    "for every client": """<style>.ExternalClass { width: 100% } .ExternalClass * { line-height: 100% } u + .body
.title
{ color: red } #outlook a { padding: 0 } @-ms-viewport { width: device-width } @media screen { .muted { color: #a0a
} }
@media print { * { color: red !important } } @media only screen and (min-width: 601px) { .column { width: 200px;
max-width: 200px } } .header { background: #def url(\"""" + RED + """\") no-repeat right top / 20px 20px } .wrapper {
background-color: #fafafa; width: 100%; table-layout: fixed } .button-link { border: 1px solid; border-radius: 4px }
@media screen and (-webkit-min-device-pixel-ratio: 0) { .lead { margin-left: 9px } }</style>""",
}  # fmt: skip


def list_bodies() -> Iterator[tuple[str, str]]:
    """Yield the name and the HTML of each body; every layout and every sheet meets several doctypes."""
    for place, (layout, body) in enumerate(LAYOUTS.items()):
        for number, (sheet, styles) in enumerate(SHEETS.items()):
            opening = DOCTYPES[(number + 2 * place) % len(DOCTYPES)]
            head = f'<head><meta charset="utf-8"><title>News</title>{styles}</head>'
            yield f"{layout}, {sheet}", f"{opening}{head}{body}</html>"
