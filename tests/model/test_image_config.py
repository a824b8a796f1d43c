from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.errors import DigestMismatchError, InvalidDocumentError
from regnb.model.image_config import parse_image_config, parse_time
from tests.model.documents import ANYTHING, A, damaged, written

CONFIG: dict[str, Any] = {
    "os": "linux",
    "architecture": "arm64",
    "variant": "v8",
    "created": "2024-05-06T07:08:09.123456789Z",
    "author": "someone",
    "config": {
        "User": "1000",
        "Env": ["PATH=/bin"],
        "Entrypoint": ["/bin/app"],
        "Cmd": ["serve"],
        "WorkingDir": "/srv",
        "Labels": {"team": "core"},
        "ExposedPorts": {"80/tcp": {}},
    },
    "rootfs": {"type": "layers", "diff_ids": [A, A]},
    "history": [
        {"created": "2024-05-06T07:08:08Z", "created_by": "ADD rootfs"},
        {"created_by": "ENV PATH=/bin", "empty_layer": True},
        {"created_by": "COPY app", "comment": "buildkit", "author": "someone"},
    ],
}


def test_a_config_says_how_an_image_runs_and_was_built() -> None:
    config = parse_image_config(written(CONFIG))
    assert str(config.platform) == "linux/arm64/v8"
    assert config.created == datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
    assert (config.user, config.working_dir, config.author) == ("1000", "/srv", "someone")
    assert config.entrypoint + config.command == ("/bin/app", "serve")
    assert config.labels == {"team": "core"}
    assert config.exposed_ports == ("80/tcp",)
    assert config.diff_ids == (A, A)
    assert [step.created_by for step in config.layer_history()] == ["ADD rootfs", "COPY app"]


def test_an_almost_empty_config_is_one() -> None:
    config = parse_image_config(b"{}")
    assert str(config.platform) == "unknown/unknown"
    assert config.created is None
    assert config.history == ()
    assert config.layer_history() == ()
    assert parse_image_config(b'{"config": null, "rootfs": null, "history": null}').env == ()


def test_a_command_may_be_one_text() -> None:
    assert parse_image_config(b'{"config": {"Cmd": "sh -c x"}}').command == ("sh -c x",)


def test_w_b1_a_config_is_verified() -> None:
    with pytest.raises(DigestMismatchError):
        parse_image_config(b"{}", digest=A)


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"{",
        b'{"config": []}',
        b'{"history": {}}',
        b'{"history": [1]}',
        b'{"rootfs": {"diff_ids": [1]}}',
        b'{"os": 1}',
        b'{"config": {"Labels": {"a": 1}}}',
        b'{"created": 5}',
        b'{"history": [{"empty_layer": 1}]}',
    ],
)
def test_s10_what_is_no_config_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidDocumentError, match="refused"):
        parse_image_config(raw)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, 0, UTC)),
        ("2024-01-02T03:04:05.1Z", datetime(2024, 1, 2, 3, 4, 5, 100_000, UTC)),
        ("2024-01-02T03:04:05.123456999Z", datetime(2024, 1, 2, 3, 4, 5, 123_456, UTC)),
        ("2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5, 0, UTC)),
        ("2024-01-02T03:04:05-0130", datetime(2024, 1, 2, 4, 34, 5, 0, UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, 0, UTC)),
        ("2016-12-31T23:59:61Z", None),
        ("2024-01-02T03:04:05+24:00", None),
        ("2024-01-02T03:04:05+01:60", None),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("2024-13-01T00:00:00Z", None),
        ("2024-01-02", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_utc_to_the_microsecond(text: str, expected: datetime | None) -> None:
    assert parse_time(text) == expected


@given(st.text())
def test_any_text_is_a_time_or_none(text: str) -> None:
    found = parse_time(text)
    assert found is None or found.tzinfo is UTC


@given(st.data())
def test_a_config_with_anything_in_its_fields_is_one_or_refused(data: st.DataObject) -> None:
    run, step = {**CONFIG["config"]}, {**CONFIG["history"][2]}
    document = {**CONFIG, "config": run, "history": [step]}
    for target in (document, run, step):
        key = data.draw(st.sampled_from(sorted(target)))
        target[key] = data.draw(ANYTHING)
    try:
        config = parse_image_config(written(document))
    except InvalidDocumentError:
        return
    assert len(config.layer_history()) <= len(config.history)
    assert config.card().text()


@given(st.data())
def test_a_config_damaged_on_the_way_is_one_or_refused(data: st.DataObject) -> None:
    raw = damaged(data, written(CONFIG))
    try:
        config = parse_image_config(raw)
    except InvalidDocumentError:
        return
    assert config.raw == raw


@given(st.binary() | st.dictionaries(st.sampled_from(sorted(CONFIG)), st.just(1)).map(written))
def test_any_bytes_are_a_config_or_refused(raw: bytes) -> None:
    try:
        config = parse_image_config(raw)
    except InvalidDocumentError:
        return
    assert config.card().html()


def test_the_card_shows_settings_labels_and_history_in_both_forms() -> None:
    card = parse_image_config(written(CONFIG)).card()
    for rendering in (card.text(), card.html()):
        for shown in (
            "linux/arm64/v8",
            "1000",
            "2024-05-06",
            "PATH=/bin",
            "core",
            "COPY app",
            "/srv",
        ):
            assert shown in rendering
