"""What is read from the environment: right values, and the one sentence for each wrong one."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config import environment

ROOT = Path(__file__).resolve().parents[2]
WRONG = [
    ("TIME_ZONE", "Mars", "TIME_ZONE is “Mars”: it must be a time zone of the IANA list"),
    ("TIME_ZONE", "Europe", "TIME_ZONE is “Europe”: it must be a time zone"),
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
    ("DATABASE_URL", "mysql://me:hush@host/name", "DATABASE_URL is set to something unusable: it must be"),
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
        secrets = set(pool.map(lambda n: environment.made_once(kept, lambda: f"secret {n}"), range(8)))
    assert len(secrets) == 1
    assert [path.name for path in kept.parent.iterdir()] == ["secret_key"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
