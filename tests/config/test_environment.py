"""What is read from the environment: right values, and the one sentence for each wrong one."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from config import environment, private_files

ROOT = Path(__file__).resolve().parents[2]
WRONG = [
    ("TIME_ZONE", "Mars", "TIME_ZONE is “Mars”: it must be a time zone of the IANA list"),
    ("TIME_ZONE", "Europe", "TIME_ZONE is “Europe”: it must be a time zone"),
    ("DEFAULT_LANGUAGE", "it", "DEFAULT_LANGUAGE is “it”: it must be en or de or fr"),
    ("CURRENCY", "euro", "CURRENCY is “euro”: it must be an ISO 4217 code"),
    ("CURRENCY", "EUT", "CURRENCY is “EUT”: it must be an ISO 4217 code"),
    ("DEBUG", "maybe", "DEBUG is “maybe”: it must be 1 or 0."),
    ("PORT", "http", "PORT is “http”: it must be a port number from 1 to 65535."),
    ("PORT", "0", "PORT is “0”: it must be a port number"),
    ("MAIL_PORT", "65536", "MAIL_PORT is “65536”: it must be a port number"),
    ("PORT", "65530", "MAIL_PORT would be 65555: set it to a port number"),
    ("PUBLIC_URL", "shop.example", "PUBLIC_URL is “shop.example”: it must be an address that starts with"),
    ("TRUSTED_PROXIES", "10.0.0.1/8", "TRUSTED_PROXIES is “10.0.0.1/8”: it must be a list of addresses and"),
    ("TILL_RATE", "0", "TILL_RATE is “0”: it must be a whole number above 0."),
    (
        "LAUNCH_GRACE_SECONDS",
        "121",
        "LAUNCH_GRACE_SECONDS is “121”: it must be a whole number from 0 to 120.",
    ),
    ("GLOBAL_HOLD_OUT", "21", "GLOBAL_HOLD_OUT is “21”: it must be a whole percentage from 0 to 20."),
    ("DATABASE_URL", "mysql://me:hush@host/name", "DATABASE_URL is set to something unusable: it must be"),
    ("SECRET_KEY", "hush", "SECRET_KEY is too easy to guess: it must be at least 32 random characters"),
    ("SECRET_KEY", "hush" * 12, "SECRET_KEY is too easy to guess"),
    ("SECRET_KEY", "django-insecure-hush4kf93jfk38fjwkf83jf", "SECRET_KEY is too easy to guess"),
    ("ENCRYPTION_KEYS", "hush", "ENCRYPTION_KEYS is set to something unusable: it must be"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG, ids=[f"{n}={v}" for n, v, _ in WRONG])
def test_a_wrong_value_ends_a_command_with_one_sentence(name, value, sentence):
    done = subprocess.run(
        [sys.executable, "manage.py", "tick"],
        cwd=ROOT,
        env=os.environ | {name: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr


@pytest.mark.parametrize(("written", "meant"), [
    ("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False), ("", False), (" ", False),
])  # fmt: skip
def test_a_flag_is_read_in_the_words_people_use(monkeypatch, written, meant):
    monkeypatch.setenv("FLAG", written)
    assert environment.flag("FLAG") is meant


def test_a_list_has_no_empty_words(monkeypatch):
    monkeypatch.setenv("HOSTS", " shop.example, ,127.0.0.1,")
    assert environment.words("HOSTS", []) == ["shop.example", "127.0.0.1"]
    monkeypatch.delenv("HOSTS")
    assert environment.words("HOSTS", ["localhost"]) == ["localhost"]


def test_an_address_has_no_slash_at_its_end(monkeypatch):
    monkeypatch.setenv("PUBLIC_URL", "https://shop.example/fanfare/")
    assert environment.url("PUBLIC_URL", "") == "https://shop.example/fanfare"


def test_a_database_is_postgresql_or_refused(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://me:hush@db.example:5433/shop")
    described = environment.database("DATABASE_URL")
    assert {key: described[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "shop", "USER": "me", "PASSWORD": "hush", "HOST": "db.example", "PORT": 5433,
    }  # fmt: skip
    monkeypatch.delenv("DATABASE_URL")
    assert environment.database("DATABASE_URL") is None


def test_keys_that_are_given_count_and_none_is_made(monkeypatch, tmp_path):
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    monkeypatch.setenv("ENCRYPTION_KEYS", ",".join(keys))
    assert environment.fernet_keys("ENCRYPTION_KEYS", tmp_path / "key") == keys
    assert not (tmp_path / "key").exists()


def test_a_secret_is_made_once_however_many_processes_start(tmp_path):
    kept = tmp_path / "var" / "secret_key"
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda n: private_files.make_once(kept, lambda: f"secret {n}"), range(8)))
    assert len(secrets) == 1
    assert [path.name for path in kept.parent.iterdir()] == ["secret_key"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_weak_key_is_taken_while_debugging(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", "short")
    assert environment.secret_key("SECRET_KEY", tmp_path / "key", is_strict=False) == "short"
    monkeypatch.delenv("SECRET_KEY")
    assert len(environment.secret_key("SECRET_KEY", tmp_path / "key", is_strict=True)) > 60


def modes(folder):
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


@pytest.fixture
def open_folder(tmp_path):
    """What an earlier version left, readable to everybody."""
    var = tmp_path / "var"
    for path in ("imports/1.csv", "outbox/1.eml", "static/deep/er/a.css", "secret_key", "postgres/data"):
        (var / path).parent.mkdir(parents=True, exist_ok=True)
        (var / path).write_text("")
    for path in [var, *var.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    (var / "elsewhere").symlink_to(tmp_path / "other")
    (tmp_path / "other").write_text("")
    (tmp_path / "other").chmod(0o644)
    return var


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_what_lies_open_under_var_is_closed_at_the_start(open_folder, umask):
    private_files.keep_private(open_folder)
    assert stat.S_IMODE(open_folder.stat().st_mode) == 0o711
    assert {path: mode for path, mode in modes(open_folder).items() if "/" not in path and path != "elsewhere"} == {
        "imports": 0o700, "outbox": 0o700, "static": 0o700, "postgres": 0o700, "secret_key": 0o600,
    }  # fmt: skip
    private_files.close_to_others(open_folder)
    found = modes(open_folder)
    assert found.pop("elsewhere") == 0o644  # where a link leads is not ours
    assert found.pop("postgres/data") == 0o644  # and PostgreSQL, which may be another user, sees to its own
    assert set(found.values()) == {0o700, 0o600}
    (open_folder / "new").mkdir()
    (open_folder / "new" / "file").write_text("")
    assert (modes(open_folder)["new"], modes(open_folder)["new/file"]) == (0o700, 0o600)


def test_a_new_folder_lets_another_user_through_also_when_this_process_keeps_all_private(tmp_path, umask):
    os.umask(0o077)
    private_files.keep_private(tmp_path / "var")
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o711


def test_the_folder_of_a_run_inside_another_lets_postgresql_through(tmp_path, umask):
    """As root PostgreSQL runs as another user, who must get to its files."""
    private_files.keep_private(tmp_path / "new" / "var")
    inner = tmp_path / "new" / "var" / "browser"
    private_files.keep_private(inner)
    (inner / "postgres.lock").write_text("")
    private_files.keep_private(inner.parent)
    private_files.close_to_others(inner.parent)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (inner.parent, inner)} == {0o711}


def test_a_folder_shared_by_intention_is_left_as_it_is(open_folder, umask):
    open_folder.chmod(0o1777)
    private_files.keep_private(open_folder)
    assert stat.S_IMODE(open_folder.stat().st_mode) == 0o1777


def test_what_the_product_writes_is_readable_to_its_user_only(tmp_path):
    """Static files, uploads and caught mail, each by the code that writes it."""
    script = """
import django; django.setup()
from django.conf import settings
from django.core.management import call_command
from mailing.catcher import outbox
from mailing.importing import files
outbox.store_message("a@x.test", ["b@y.test"], b"Subject: x")
files.path_of(1).parent.mkdir(parents=True, exist_ok=True)
files.path_of(1).write_bytes(b"email")
call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["tabler", "swagger-ui", "inter"])
"""
    database = connection.settings_dict
    url = f"postgres://{database['USER']}@/{database['HOST']}/{database['NAME']}"
    if not database["HOST"].startswith("/"):
        url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.umask(0o022)\n{script}"],
        cwd=ROOT,
        env=os.environ
        | {
            "VAR_DIR": str(tmp_path / "var"),
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = modes(tmp_path / "var")
    assert {path.split("/")[0] for path in found} - {"outbox.sqlite3-journal"} == {
        "encryption_key", "imports", "locale", "outbox", "outbox.sqlite3", "secret_key", "static"
    }  # fmt: skip
    assert {path: oct(mode) for path, mode in found.items() if mode & 0o077} == {}
