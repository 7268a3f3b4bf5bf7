"""The icons of the pages by their meaning, and the file static/icons.svg with their drawings.

The drawings are Tabler's. Their package has six thousand, so it is installed for development only, and `manage.py
draw_icons` copies the few that pages show into one file. A test compares that file with the package.
"""

import re
from pathlib import Path

DRAWINGS = {
    "alert": "alert-triangle",
    "archive": "archive",
    "back": "chevron-left",
    "block": "layout-grid",
    "bookmark": "bookmark",
    "calendar": "calendar",
    "campaigns": "speakerphone",
    "check": "check",
    "clock": "clock",
    "close": "x",
    "connection": "server",
    "contacts": "users",
    "copy": "copy",
    "coupon": "ticket",
    "dashboard": "layout-dashboard",
    "delete": "trash",
    "down": "chevron-down",
    "download": "download",
    "edit": "pencil",
    "eye": "eye",
    "forward": "chevron-right",
    "help": "help-circle",
    "history": "history",
    "key": "key",
    "keyboard": "keyboard",
    "list": "list",
    "location": "building-store",
    "mail": "mail",
    "menu": "menu-2",
    "more": "dots",
    "outbox": "inbox",
    "pause": "player-pause",
    "picture": "photo",
    "play": "player-play",
    "plus": "plus",
    "promotion": "tag",
    "report": "chart-bar",
    "sandbox": "flask",
    "search": "search",
    "segment": "filter",
    "send": "send",
    "settings": "adjustments-horizontal",
    "sign-out": "logout",
    "stacking": "stack-2",
    "stop": "player-stop",
    "suppression": "ban",
    "template": "template",
    "undo": "arrow-back-up",
    "up": "chevron-up",
    "upload": "upload",
    "user": "user",
}
"""The name of Tabler's outline drawing for each icon."""

OUTER_TAG = re.compile(r"</?svg\b[^>]*>")
EMPTY_FRAME = re.compile(r'<path stroke="none"[^>]*/>')
SPACE_BETWEEN_TAGS = re.compile(r">\s+<")


def draw_sprite(package: Path) -> str:
    """Build the file with all drawings, each as a symbol with the name of its icon.

    Args:
        package: the folder of the installed package @tabler/icons.
    """
    symbols = "".join(
        f'  <symbol id="{name}" viewBox="0 0 24 24">{read_shapes(package, drawing)}</symbol>\n'
        for name, drawing in DRAWINGS.items()
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg">\n'
        "  <!-- Tabler Icons, copyright Paweł Kuna, MIT licence. Made by `manage.py draw_icons`: do not edit. -->\n"
        f"{symbols}</svg>\n"
    )


def read_shapes(package: Path, drawing: str) -> str:
    """Return the shapes of one drawing. The page sets the colour and width of their strokes."""
    svg = (package / "icons" / "outline" / f"{drawing}.svg").read_text()
    shapes = EMPTY_FRAME.sub("", OUTER_TAG.sub("", svg))
    return SPACE_BETWEEN_TAGS.sub("><", shapes).strip().replace(" />", "/>")
