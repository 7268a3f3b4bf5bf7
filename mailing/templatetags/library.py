"""What is inserted into a body, in each of its formats."""

import re

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from mailing.models import Picture

register = template.Library()
WIDTH_OF_MAIL = 600


@register.simple_tag
def picture_snippets(picture: Picture) -> SafeString:
    """Write the attributes of a button that inserts a picture: what it inserts in each format."""
    width = min(WIDTH_OF_MAIL, picture.width)
    address, alt = escape(picture.address), escape(picture.alt)
    style = "display:block;max-width:100%;height:auto;border:0"
    html = f'<img src="{address}" alt="{alt}" width="{width}" style="{style}">'
    mjml = f'<mj-image src="{address}" alt="{alt}" width="{width}px" />'
    words = re.sub(r"([\\\[\]`*_<>])", r"\\\1", picture.alt)
    return format_html(
        ' data-insert-html="{}" data-insert-mjml="{}" data-insert-markdown="{}"',
        html,
        mjml,
        f"![{words}]({picture.address})",
    )
