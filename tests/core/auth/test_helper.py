from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from regnb.core.auth.helper import Helpers
from regnb.core.auth.logins import Basic, IdentityToken, Login
from regnb.errors import CredentialHelperError
from tests.core.auth.homes import NOT_FOUND, Home, answer, helpers
from tests.core.fakes import PATIENCE, FakeTime
from tests.core.test_secrets import frames

SERVER = "registry.example:5000"
HUB = "https://index.docker.io/v1/"
SECRET = "hunter2"
LONG = "exec sleep 300"


def get(asked: Helpers, name: str = "x", server: str = SERVER) -> Login | None:
    return asked.get(name, server, named_by="~/.docker/config.json")


def test_3_3_the_server_is_written_to_the_helper_without_a_newline(home: Home) -> None:
    home.helper("ecr-login", answer("AWS", SECRET))
    found = get(helpers(), "ecr-login")
    assert found == Basic("AWS", SECRET)
    assert found.source == "docker-credential-ecr-login"
    assert home.asked("ecr-login") == [f"get {SERVER}"]


def test_b_a17_the_user_token_is_an_identity_token(home: Home) -> None:
    home.helper("x", answer("<token>", SECRET))
    assert get(helpers()) == IdentityToken(SECRET)


def test_3_4_a_json_key_passes_as_it_is(home: Home) -> None:
    key = json.dumps({"type": "service_account", "private_key": "-----BEGIN:\n$(x) `y` %s é\n"})
    home.helper("gcloud", answer("_json_key", key))
    assert get(helpers(), "gcloud") == Basic("_json_key", key)


@pytest.mark.parametrize(
    "script", [NOT_FOUND, answer("", ""), "echo '{}'", f"echo '  '; {NOT_FOUND}"]
)
def test_3_3_a_helper_may_have_none(home: Home, script: str) -> None:
    home.helper("x", script)
    assert get(helpers()) is None


FAILURES = {
    "status": f"{answer('robot', SECRET)}; exit 1",
    "another message": f"echo {SECRET}: credentials not found in native keychain; exit 1",
    "message with success": "echo credentials not found in native keychain",
    "killed": f"{answer('robot', SECRET)}; kill -9 $$",
    "nothing": "exit 0",
    "no JSON": f"echo {SECRET}",
    "a list": f"echo '[\"{SECRET}\"]'",
    "twice": f'echo \'{{"Username": "a", "Username": "b", "Secret": "{SECRET}"}}\'',
    "no user": answer("", SECRET),
    "no secret": answer(SECRET, ""),
    "colon in the user": answer(f"a:{SECRET}", "x"),
    "number": f'echo \'{{"Username": 1, "Secret": "{SECRET}"}}\'',
    "not UTF-8": f"printf '{SECRET}\\377'",
}


@pytest.mark.parametrize("script", FAILURES.values(), ids=FAILURES)
def test_3_3_a_helper_that_fails_is_an_error_that_does_not_show_its_output(
    home: Home, script: str, capfd: pytest.CaptureFixture[str]
) -> None:
    home.helper("x", f"echo {SECRET} >&2\n{script}")
    with pytest.raises(CredentialHelperError, match="docker-credential-x, which") as caught:
        get(helpers())
    assert "~/.docker/config.json" in str(caught.value)
    assert isinstance(caught.value, PermissionError)
    assert SECRET not in str(caught.value) + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "name",
    ["", "x y", "../x", "/bin/x", "x;id", "$(id)", "x\n", "x\x00", "ü", "-x/../../bin/sh", "x\\y"],
)
def test_s22_no_name_of_a_helper_leads_elsewhere(home: Home, name: str) -> None:
    home.helper("x", answer("robot", SECRET))
    with pytest.raises(CredentialHelperError, match="cannot be one"):
        get(helpers(), name)
    assert home.asked("x") == []


def test_s22_a_helper_is_looked_up_in_absolute_folders_only(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.helper("x", answer("robot", SECRET))
    monkeypatch.chdir(home.bin)
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", "../bin", "/usr/bin"]))
    with pytest.raises(CredentialHelperError, match="is not on PATH"):
        get(helpers())
    assert home.asked("x") == []


def test_s22_a_helper_in_a_relative_folder_does_not_stand_before_the_real_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = home.helper("x", answer("robot", "planted")).rename(home.path / "docker-credential-x")
    home.helper("x", answer("robot", SECRET))
    monkeypatch.chdir(planted.parent)
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", os.environ["PATH"]]))
    assert get(helpers()) == Basic("robot", SECRET)


@pytest.mark.parametrize("spoil", ["mode", "format"])
def test_3_3_a_helper_that_cannot_start_is_an_error(home: Home, spoil: str) -> None:
    path = home.helper("x", answer("robot", SECRET))
    if spoil == "mode":
        path.chmod(0o644)
    else:
        path.write_bytes(b"\x7fELF no program")
    with pytest.raises(CredentialHelperError, match=r"is not on PATH|cannot be started"):
        get(helpers())


def test_3_3_a_helper_need_not_read(home: Home) -> None:
    path = home.bin / "docker-credential-x"
    path.write_text(f"#!/bin/sh\nexec <&-\n{answer('robot', SECRET)}\n")
    path.chmod(0o755)
    assert get(helpers()) == Basic("robot", SECRET)
    helpers().store("x", SERVER, Basic("robot", "x" * 300_000), named_by="a file")


@pytest.mark.parametrize(
    "script",
    [
        LONG,
        f"sleep 300 & echo $! > child; {answer('robot', SECRET)}; wait",
        f"{answer('robot', SECRET)}; exec >&-; {LONG}",
        f"trap '' TERM INT HUP; {LONG}",
    ],
    ids=["silent", "child", "closed", "stubborn"],
)
def test_3_3_a_helper_that_does_not_end_is_killed(
    home: Home, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.chdir(home.bin)
    home.helper("x", f"echo $$ > pid; {script}")
    with pytest.raises(CredentialHelperError, match=r"did not end within 0\.3 seconds"):
        get(helpers(helper_timeout=0.3))
    for name in ("pid", "child"):
        if (home.bin / name).exists():
            assert_ends(int((home.bin / name).read_text()))


def test_3_3_what_a_helper_left_running_holds_nobody_up(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.bin)
    home.helper("x", f"setsid sh -c 'echo $$ > pid; {LONG}' & {answer('robot', SECRET)}")
    with pytest.raises(CredentialHelperError, match="did not end"):
        get(helpers(helper_timeout=1))
    # Nor does it hold up the end of the process, though a thread still listens to it.
    main = threading.main_thread()
    assert all(thread.daemon for thread in threading.enumerate() if thread is not main)
    left = int((home.bin / "pid").read_text())
    os.kill(left, signal.SIGKILL)


def test_s9_the_output_of_a_helper_is_bounded(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.bin)
    home.helper("x", "echo $$ > pid; head -c 5000000 /dev/zero; touch all-was-read")
    with pytest.raises(CredentialHelperError, match="printed more than 1,000 bytes"):
        get(helpers(helper_output=1000))
    assert_ends(int((home.bin / "pid").read_text()))
    assert not (home.bin / "all-was-read").exists()


def test_s9_a_secret_may_fill_the_bound(home: Home) -> None:
    most = len(json.dumps({"ServerURL": "x", "Username": "robot", "Secret": ""})) + 5000
    home.helper("x", answer("robot", "s" * 5000))
    assert get(helpers(helper_output=most)) == Basic("robot", "s" * 5000)
    with pytest.raises(CredentialHelperError, match="printed more"):
        get(helpers(helper_output=most - 1))


def test_f10_ctrl_c_kills_the_helper(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.bin)
    home.helper("x", f"echo {SECRET}; echo $$ > pid.new; mv pid.new pid; {LONG}")
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        wait_for((home.bin / "pid").exists)
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    asked = helpers()
    with pytest.raises(KeyboardInterrupt) as caught:
        get(asked)
    thread.join()
    assert SECRET not in "\n".join(frames(caught.value.__traceback__))
    assert_ends(int((home.bin / "pid").read_text()))
    home.helper("x", answer("robot", SECRET))
    assert get(asked) == Basic("robot", SECRET)  # and the next call asks again


def test_3_3_an_answer_is_used_for_five_minutes(home: Home) -> None:
    now = FakeTime()
    asked = helpers(now)
    home.helper("x", answer("AWS", "first"))
    assert get(asked) == Basic("AWS", "first")
    home.helper("x", answer("AWS", "second"))
    now.seconds += 299.9
    assert get(asked) == Basic("AWS", "first")
    assert get(asked, server="other.example") == Basic("AWS", "second")
    now.seconds += 0.1
    assert get(asked) == Basic("AWS", "second")
    assert len(home.asked("x")) == 3


@pytest.mark.parametrize("script", [NOT_FOUND, "exit 1"])
def test_3_3_that_there_was_none_is_used_for_ten_seconds(home: Home, script: str) -> None:
    now = FakeTime()
    asked = helpers(now)
    home.helper("x", script)
    for _ in range(2):
        if script == NOT_FOUND:
            assert get(asked) is None
        else:
            with pytest.raises(CredentialHelperError):
                get(asked)
    assert len(home.asked("x")) == 1
    home.helper("x", answer("AWS", "new"))
    now.seconds += 10
    assert get(asked) == Basic("AWS", "new")


def test_3_4_an_expired_answer_is_forgotten_for_its_server_only(home: Home) -> None:
    asked = helpers()
    home.helper("x", answer("AWS", "first"))
    get(asked)
    get(asked, server=HUB)
    home.helper("x", answer("AWS", "second"))
    asked.forget(SERVER)
    asked.forget("never.asked.example")
    assert get(asked) == Basic("AWS", "second")
    assert get(asked, server=HUB) == Basic("AWS", "first")


def test_w_a7_many_threads_run_a_helper_once_and_another_server_does_not_wait(home: Home) -> None:
    gate = home.bin / "gate"
    home.helper("x", f"while [ ! -e {gate} ]; do sleep 0.01; done; {answer('AWS', SECRET)}")
    home.helper("y", answer("AWS", "other"))
    asked = helpers()
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(get, asked) for _ in range(7)]
        wait_for(lambda: len(home.asked("x")) == 1)
        assert pool.submit(get, asked, "y").result(PATIENCE) == Basic("AWS", "other")
        gate.touch()
        assert {one.result(PATIENCE) for one in waiting} == {Basic("AWS", SECRET)}
    assert len(home.asked("x")) == 1


def test_3_3_a_helper_stores_and_erases(home: Home) -> None:
    asked = helpers()
    home.helper("x", NOT_FOUND)
    assert get(asked) is None
    home.helper("x", answer("robot", SECRET))
    asked.store("x", HUB, Basic("robot$a+b", 'p"w:é'), named_by="a file")
    asked.store("x", SERVER, IdentityToken("refresh"), named_by="a file")
    stored = [json.loads(line.removeprefix("store ")) for line in home.asked("x")[1:]]
    assert stored == [
        {"ServerURL": HUB, "Username": "robot$a+b", "Secret": 'p"w:é'},
        {"ServerURL": SERVER, "Username": "<token>", "Secret": "refresh"},
    ]
    assert get(asked) == Basic("robot", SECRET)  # not the answer from before
    home.helper("x", NOT_FOUND)
    asked.erase("x", SERVER, named_by="a file")
    assert home.asked("x")[-1] == f"erase {SERVER}"
    assert get(asked) is None


def test_3_3_a_helper_that_refuses_is_an_error(home: Home) -> None:
    home.helper("x", f"echo {SECRET}; exit 2")
    refusals = []
    with pytest.raises(CredentialHelperError, match=r'"store" \(exit status 2\)') as caught:
        helpers().store("x", SERVER, Basic("robot", SECRET), named_by="a file")
    refusals.append(str(caught.value))
    with pytest.raises(CredentialHelperError, match=r'"erase" \(exit status 2\)') as caught:
        helpers().erase("x", SERVER, named_by="a file")
    refusals.append(str(caught.value))
    assert SECRET not in "".join(refusals)


def assert_ends(pid: int) -> None:
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or "\tZ" in state_of(pid))


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return "State:\tZ"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
