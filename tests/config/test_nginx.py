"""The nginx of deploy/nginx.conf in the front's place, where Debian's nginx is installed."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config import programs
from tests.config.fronts import SECRET_KEY, can_connect, find_free_port, run_program
from tests.factories import PromotionCampaignFactory, TillFactory, UserFactory
from tests.pos.servers import ROOT, call, environment_of_test_database
from tests.pos.tills import basket
from tests.waiting import wait_for

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(240),
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]
KEY = "the-key-of-the-only-till"
AROUND = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
	access_log off;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	include {folder}/fanfare.conf;
}}
"""


@pytest.fixture
def port():
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fanfare-nginx-", dir="/tmp")))
        plain, secure, web, tills = (find_free_port() for _ in range(4))
        write_certificate(folder)
        conf = (ROOT / "deploy/nginx.conf").read_text()
        for written, here in {
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
            "/etc/ssl/fanfare": f"{folder}/fanfare",
            "127.0.0.1:8000": f"127.0.0.1:{web}",
            "127.0.0.1:8001": f"127.0.0.1:{tills}",
            "fanfare.shop.example": "localhost",
        }.items():
            assert written in conf
            conf = conf.replace(written, here)
        (folder / "fanfare.conf").write_text(conf)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user))
        command = f"{NGINX} -c {folder}/nginx.conf -e {folder}/error.log"
        checked = subprocess.run([*command.split(), "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        environment = environment_of_test_database(
            PORT=str(web),
            TILL_PORT=str(tills),
            VAR_DIR=str(folder),
            PUBLIC_URL=f"https://localhost:{secure}",
            SECRET_KEY=SECRET_KEY,
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        )
        for program in programs.read_programs((ROOT / "deploy/Procfile").read_text()):
            if program.name in ("tills", "web"):
                stack.enter_context(run_program(program.command, environment))
        stack.enter_context(run_program(command, environment))
        for known in (web, tills):
            wait_for(lambda known=known: call(known, "GET", "/healthz") is not None)
        wait_for(lambda: can_connect(secure))
        yield secure


def write_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fanfare.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "fanfare.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def test_nginx_hands_on_tills_and_pages_and_only_what_signed_in_people_upload(port, client, settings):
    PromotionCampaignFactory(discounting=True, status="active")
    TillFactory(key=KEY)
    settings.SECRET_KEY = SECRET_KEY  # signs the session
    client.force_login(UserFactory(is_superuser=True))
    token = "a" * 32
    known = {
        "Cookie": f"sessionid={client.cookies['sessionid'].value}; csrftoken={token}",
        "X-CSRFToken": token,
        "Content-Type": "application/x-www-form-urlencoded",
        "Referer": f"https://localhost:{port}/contacts/import/",
    }
    long = b"a" * 3_000_000
    assert ask(port, "GET", "/login/", None, {"X-Forwarded-Proto": "http"})[0] == 200
    sold = ask(port, "PUT", "/pos/v1/sales/S1", json.dumps(basket(1_000)), {"Authorization": f"Bearer {KEY}"})
    assert (sold[0], json.loads(sold[2])["discount"]) == (201, 100)
    status, headers, _ = ask(port, "POST", "/contacts/import/", long, {})
    assert (status, headers["Location"].partition("/login/")[2]) == (302, "?next=/contacts/import/")
    status, _, page = ask(port, "POST", "/contacts/import/", long, known)
    assert (status, b"This field is required" in page) == (422, True)
    assert ask(port, "GET", "/signed-in/", None, known)[0] == 404
    assert ask(port, "POST", "/pos/v1/quotes", long, {})[0] == 413


def ask(port, method, path, body, headers):
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with closing(http.client.HTTPSConnection("localhost", port, timeout=30, context=trusting)) as browser:
        browser.request(method, path, body, headers)
        answer = browser.getresponse()
        return answer.status, answer.headers, answer.read()
