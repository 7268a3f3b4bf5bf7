"""Colours as CSS writes them, and how well letters of one can be read on another (WCAG 2.2, 1.4.3)."""

import re

Colour = tuple[float, float, float]  # red, green, blue, each from 0 to 255

_NAMED = {
    "black": "000000", "silver": "c0c0c0", "gray": "808080", "grey": "808080", "white": "ffffff", "maroon": "800000",
    "red": "ff0000", "purple": "800080", "fuchsia": "ff00ff", "magenta": "ff00ff", "green": "008000", "lime": "00ff00",
    "olive": "808000", "yellow": "ffff00", "navy": "000080", "blue": "0000ff", "teal": "008080", "aqua": "00ffff",
    "cyan": "00ffff", "orange": "ffa500", "gold": "ffd700", "pink": "ffc0cb", "brown": "a52a2a", "crimson": "dc143c",
    "darkgray": "a9a9a9", "darkgrey": "a9a9a9", "lightgray": "d3d3d3", "lightgrey": "d3d3d3", "dimgray": "696969",
    "dimgrey": "696969", "whitesmoke": "f5f5f5", "darkblue": "00008b", "darkred": "8b0000", "darkgreen": "006400",
    "steelblue": "4682b4", "slategray": "708090", "tomato": "ff6347", "indigo": "4b0082", "beige": "f5f5dc",
}  # fmt: skip
_hex = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})").fullmatch
_rgb = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:\s*[,/]\s*(?:1|1\.0|100%))?\s*\)").fullmatch


def read_colour(text: str) -> Colour | None:
    """Return the colour that a value names; None for another value, or a transparent colour."""
    text = text.strip().lower()
    if text in _NAMED:
        text = _NAMED[text]
    if match := _hex(text):
        digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if match := _rgb(text):
        return float(match[1]), float(match[2]), float(match[3])
    return None


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours: 1 for the same, 21 for black on white."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        value / 255 / 12.92 if value / 255 <= 0.04045 else ((value / 255 + 0.055) / 1.055) ** 2.4
        for value in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
