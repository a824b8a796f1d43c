from __future__ import annotations

import logging

import pytest

from regnb.core.wire.redaction import redact


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.example/v2/?n=1&last=a", "https://h.example/v2/?n=1&last=a"),
        ("https://u:p@h.example:1/x", "https://h.example:1/x"),
        (
            "https://h.example/x?X-Amz-Signature=s3&digest=d",
            "https://h.example/x?X-Amz-Signature=***&digest=d",
        ),
        ("https://h.example/x?token", "https://h.example/x?***"),
        ("https://h.example/x#token=s", "https://h.example/x"),
        ("https://h.example/\x1b]0;x\x07", "https://h.example/ ]0;x"),
        ("https://[bad", "(a malformed URL)"),
    ],
)
def test_s16_a_shown_url_has_no_secrets(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_s16_the_log_of_urllib3_is_redacted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3.connectionpool").debug(
            '%s://%s:%s "%s %s %s" %s %s',
            "https",
            "h",
            443,
            "GET",
            "/b?X-Sig=hunter2&n=1",
            "H",
            200,
            None,
        )
    assert "hunter2" not in caplog.text
    assert "/b?X-Sig=***&n=1" in caplog.text
