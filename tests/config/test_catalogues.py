"""Translations are compiled when they are needed, by whoever starts first."""

import os
import pwd
import stat

import pytest

from config.catalogues import compile_catalogues
from config.private_files import make_once

TEXT = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Save"\nmsgstr "%s"\n'


def test_a_catalogue_is_compiled_once_and_again_when_it_has_changed(tmp_path):
    source, var = tmp_path / "locale", tmp_path / "var"
    text = source / "de/LC_MESSAGES/campaigns.po"
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
    text.write_text(TEXT % "Behalten")
    os.utime(text, (first.st_mtime - 500, first.st_mtime - 500))
    compile_catalogues(source, var)
    assert b"Behalten" in made.read_bytes(), "an older file may come from a copy or an archive"
    assert sorted(path.name for path in made.parent.iterdir()) == ["django.made-of", "django.mo"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what somebody else shall own")
def test_what_root_makes_in_somebodys_project_is_theirs(tmp_path):
    source, project = tmp_path / "locale", tmp_path / "project"
    text = source / "de/LC_MESSAGES/campaigns.po"
    text.parent.mkdir(parents=True)
    text.write_text(TEXT % "Speichern")
    owner = pwd.getpwnam("daemon")
    project.mkdir()
    os.chown(project, owner.pw_uid, owner.pw_gid)
    made = compile_catalogues(source, project / "var")
    make_once(project / "var/secret_key", lambda: "secret")
    assert {path.stat().st_uid for path in [made, *(project / "var").rglob("*")]} == {owner.pw_uid}
