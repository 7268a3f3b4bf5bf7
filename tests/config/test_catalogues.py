"""Translations are compiled when they are needed, by whoever starts first."""

import os
import stat

from config.catalogues import compile_catalogues

TEXT = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Save"\nmsgstr "%s"\n'


def test_a_catalogue_is_compiled_once_and_again_when_it_has_changed(tmp_path):
    source, var = tmp_path / "locale", tmp_path / "var"
    text = source / "de/LC_MESSAGES/django.po"
    text.parent.mkdir(parents=True)
    text.write_text(TEXT % "Speichern")
    folder = compile_catalogues(source, var)
    made = folder / "de/LC_MESSAGES/django.mo"
    assert b"Speichern" in made.read_bytes()
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    first = made.stat()
    compile_catalogues(source, var)
    assert made.stat().st_ino == first.st_ino
    text.write_text(TEXT % "Sichern")
    os.utime(text, (first.st_mtime + 5, first.st_mtime + 5))
    compile_catalogues(source, var)
    assert b"Sichern" in made.read_bytes()
    assert [path.name for path in made.parent.iterdir()] == ["django.mo"]
