"""Compiles the translations under locale/ when they are needed, so that no machine needs the tools of gettext.

The texts are kept as .po files. What Django reads of them (.mo) is made under var/, and bears the time of its .po file.
"""

from io import BytesIO
from pathlib import Path

from campaigns.atomic_files import replace_file


def compile_catalogues(source: Path, var: Path) -> Path:
    """Compile each catalogue that has changed, and return the folder that Django is to read."""
    target = var / "locale"
    for text in source.glob("*/LC_MESSAGES/django.po"):
        compiled = target / text.relative_to(source).with_suffix(".mo")
        changed_ns = text.stat().st_mtime_ns
        # not only a later time: a file may come from a copy or an archive that is older
        if not compiled.exists() or compiled.stat().st_mtime_ns != changed_ns:
            replace_file(compiled, _compile(text), modified_ns=changed_ns)
    return target


def _compile(text: Path) -> bytes:
    from babel.messages import mofile, pofile  # takes a while, and is needed after a change only

    with text.open("rb") as file:
        catalogue = pofile.read_po(file, locale=text.parts[-3])
    compiled = BytesIO()
    mofile.write_mo(compiled, catalogue)
    return compiled.getvalue()
