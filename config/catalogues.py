"""Compiles the translations under locale/ when they are needed, so that no machine needs the tools of gettext.

The texts are kept as .po files; what Django reads of them (.mo) is made under var/ whenever a .po file is newer.
"""

import os
import secrets
from pathlib import Path


def compile_catalogues(source: Path, var: Path) -> Path:
    """Compile each catalogue that has changed, and return the folder that Django is to read."""
    target = var / "locale"
    for text in source.glob("*/LC_MESSAGES/django.po"):
        made = target / text.relative_to(source).with_suffix(".mo")
        if not made.exists() or made.stat().st_mtime < text.stat().st_mtime:
            _compile(text, made)
    return target


def _compile(text: Path, made: Path) -> None:
    from babel.messages import mofile, pofile  # takes a while, and is needed after a change only

    made.parent.mkdir(parents=True, exist_ok=True)
    draft = made.with_name(f"{made.name}.{secrets.token_hex(4)}")  # several processes may start at once
    with text.open("rb") as file:
        catalogue = pofile.read_po(file, locale=text.parts[-3])
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        mofile.write_mo(file, catalogue)
    draft.replace(made)
