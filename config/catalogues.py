"""Compiles the translations under locale/ when they are needed, so that no machine needs the tools of gettext.

The texts are kept as .po files, one for each area (`campaigns.text_extraction`). What Django reads of a language (.mo)
is made of all of them under var/, beside a note of the files that it was made of.
"""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from campaigns.atomic_files import replace_file


def compile_catalogues(source: Path, var: Path) -> Path:
    """Compile each language of which a file has changed, and return the folder that Django is to read."""
    target = var / "locale"
    for folder in source.glob("*/LC_MESSAGES"):
        files = sorted(folder.glob("*.po"))
        compiled = target / folder.relative_to(source) / "django.mo"
        note = compiled.with_suffix(".made-of")
        made_of = "".join(f"{file.name} {file.stat().st_mtime_ns}\n" for file in files).encode()
        # not only a later time: a file may come from a copy or an archive that is older
        if not compiled.exists() or not note.exists() or note.read_bytes() != made_of:
            replace_file(compiled, _compile(files, folder.parent.name))
            replace_file(note, made_of)
    return target


def _compile(files: Iterable[Path], language: str) -> bytes:
    from babel.messages import mofile, pofile  # takes a while, and is needed after a change only
    from babel.messages.catalog import Catalog

    whole = Catalog(locale=language)
    for each in files:
        with each.open("rb") as file:
            for message in pofile.read_po(file, locale=language):
                if message.id and not message.fuzzy:
                    whole.add(message.id, message.string, context=message.context)
    compiled = BytesIO()
    mofile.write_mo(compiled, whole)
    return compiled.getvalue()
