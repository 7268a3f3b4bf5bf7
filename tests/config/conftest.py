import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import embedded_postgres


@pytest.fixture
def project() -> Iterator[Path]:
    """A folder for an embedded PostgreSQL of the test's own, which is stopped at the end."""
    # Not tmp_path: below it a folder is closed to all but its owner, and as root the server is somebody else.
    folder = Path(tempfile.mkdtemp(prefix="fanfare-test-"))
    folder.chmod(0o755)
    before = os.umask(0o022)  # as whoever makes folders in a project has it; the settings keep all private
    yield folder
    os.umask(before)
    embedded_postgres.stop(folder / "var")
    shutil.rmtree(folder)


@pytest.fixture
def var(project: Path) -> Path:
    return project / "var"
