"""Saving as people call it: one file, from a layout beside it that only one call has."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import pytest

import regnb
from regnb import errors
from regnb.sample import SampleClient
from regnb.transfer.tracker import Progress
from tests.client.test_moving import counts


def test_a_saved_image_is_one_file_that_can_be_pushed(
    reg: SampleClient, other: regnb.Client, tmp_path: Path
) -> None:
    image, file = reg["library/python:3.12"], tmp_path / "app.tar"
    table = image.save(file)
    assert [one.name for one in tmp_path.iterdir()] == ["app.tar"]
    assert counts(table) == {"transfer": len(table)}
    other.push(file, "new/python:1")
    assert other["new/python:1"].digest() == image.digest()
    for scheme in ("oci-archive", "docker-archive"):
        archive = regnb.connect(f"{scheme}:{file}")["library/python:3.12"]
        assert archive.layers()["digest"].tolist() == image.layers()["digest"].tolist()


def test_a_save_goes_on_where_it_ended_and_holds_only_its_own_image(
    reg: SampleClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "app.tar"
    with monkeypatch.context() as patched:
        patched.setattr("regnb.client.saving.write_archive", broken)
        with pytest.raises(KeyboardInterrupt):
            reg["library/alpine:3.19"].save(file)
    assert not file.exists()
    table = reg["library/python:3.12"].save(file)
    assert counts(table)["transfer"] > 0
    found = regnb.connect(f"oci-archive:{file}")
    assert found.catalog()["repository"].tolist() == ["library/python"]
    with monkeypatch.context() as patched:
        patched.setattr("regnb.client.saving.write_archive", broken)
        with pytest.raises(KeyboardInterrupt):
            reg["library/python:3.12"].save(file)
    again = reg["library/python:3.12"].save(file)
    assert counts(again) == {"skip": len(table)}


def test_of_two_saves_to_one_file_the_second_fails_at_once(
    reg: SampleClient, tmp_path: Path
) -> None:
    image, file = reg["library/python:3.12"], tmp_path / "new/app.tar"
    refused: list[errors.StorageError] = []

    def tell(_: Progress) -> None:
        with pytest.raises(errors.StorageError, match="Another call is saving to") as caught:
            reg["library/alpine:latest"].save(file)
        refused.append(caught.value)

    image.save(file, on_progress=tell)
    assert refused
    assert [one.name for one in file.parent.iterdir()] == ["app.tar"]
    found = regnb.connect(f"oci-archive:{file}")["library/python:3.12"]
    assert found.digest() == image.digest()
    reg["library/alpine:latest"].save(file)


def test_a_folder_that_save_has_not_made_is_left_as_it_is(
    reg: SampleClient, tmp_path: Path
) -> None:
    image, folder = reg["library/alpine:latest"], tmp_path / "mine.tar.regnb"
    image.pull(folder)
    (folder / "notes.txt").write_text("precious")
    before = sorted(folder.rglob("*"))
    with pytest.raises(errors.StorageError, match=r"mine\.tar\.regnb is in the way"):
        image.save(tmp_path / "mine.tar")
    assert sorted(folder.rglob("*")) == before
    assert regnb.connect(f"oci:{folder}")["library/alpine:latest"].digest() == image.digest()
    assert not (tmp_path / "mine.tar").exists()


def test_what_others_put_into_the_folder_of_a_save_stays(
    reg: SampleClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(*_: object, **__: object) -> None:
        (folder / "notes.txt").write_text("precious")

    folder = tmp_path / "app.tar.regnb"
    with monkeypatch.context() as patched:
        patched.setattr("regnb.client.saving.write_archive", add)
        reg["library/alpine:latest"].save(tmp_path / "app.tar")
    assert [one.name for one in folder.iterdir()] == ["notes.txt"]


def test_a_save_that_cannot_begin_leaves_nothing(reg: SampleClient, tmp_path: Path) -> None:
    with pytest.raises(errors.ManifestUnknownError):
        reg["library/alpine:none"].save(tmp_path / "app.tar")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "folder.tar").mkdir()
    with pytest.raises(errors.StorageError, match="is a folder"):
        reg["library/alpine:latest"].save(tmp_path / "folder.tar")
    assert [one.name for one in tmp_path.iterdir()] == ["folder.tar"]


def test_f7_a_save_that_was_killed_anywhere_is_gone_on_with(
    reg: SampleClient, tmp_path: Path
) -> None:
    reg["library/alpine:latest"].pull(tmp_path / "from")
    image = regnb.connect(f"oci:{tmp_path / 'from'}")["library/alpine:latest"]
    step, alive = 0, False
    while not alive:
        (tmp_path / str(step)).mkdir()
        file = tmp_path / str(step) / "app.tar"
        child = multiprocessing.get_context("fork").Process(
            target=save_until, args=(step, image, file)
        )
        child.start()
        child.join()
        assert child.exitcode in {0, -signal.SIGKILL}
        alive = child.exitcode == 0
        image.save(file)
        assert [one.name for one in file.parent.iterdir()] == ["app.tar"]
        step += 1
    assert step > 20


def save_until(step: int, image: regnb.Image, file: Path) -> None:
    """Save, and kill this process at the change to the disk that `step` counts."""
    steps = itertools.count()

    changes = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "fcntl.flock"}

    def count(event: str, arguments: tuple[object, ...]) -> None:
        made = event == "open" and int(str(arguments[2] or 0)) & os.O_CREAT
        if (made or event in changes) and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    image.save(file)
    os._exit(0)
