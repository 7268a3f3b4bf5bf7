import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config import embedded_postgres


@contextmanager
def make_project() -> Iterator[Path]:
    """Make a folder for an embedded PostgreSQL of the test's own, which is stopped at the end."""
    # Not tmp_path: below it a folder is closed to all but its owner, and as root the server is somebody else.
    folder = Path(tempfile.mkdtemp(prefix="fanfare-test-"))
    folder.chmod(0o755)
    before = os.umask(0o022)  # as whoever makes folders in a project has it; the settings keep all private
    yield folder
    os.umask(before)
    embedded_postgres.stop(folder / "var")
    shutil.rmtree(folder)


@pytest.fixture
def project() -> Iterator[Path]:
    with make_project() as folder:
        yield folder


@pytest.fixture
def new_var(project: Path) -> Path:
    """Return where a first start will make everything."""
    return project / "var"


@pytest.fixture(scope="module")
def stopped_var() -> Iterator[Path]:
    """Start a server and stop it: its files are copied in less time than a first start takes."""
    with make_project() as folder:
        embedded_postgres.ensure(folder / "var")
        embedded_postgres.stop(folder / "var")
        yield folder / "var"


@pytest.fixture
def var(stopped_var: Path, new_var: Path) -> Path:
    """Return the folder of a server that has run before."""
    subprocess.run(["cp", "-a", stopped_var, new_var], check=True)
    return new_var
