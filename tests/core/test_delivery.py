"""Blobs on their way in, when something breaks: what is asked, what is sent again."""

from __future__ import annotations

import io

import pytest
import responses

from regnb.core.blobs import Blobs
from regnb.core.wire.limits import Limits
from regnb.errors import (
    AuthenticationRequiredError,
    DeniedError,
    DigestMismatchError,
    OperationCancelledError,
    ProtocolError,
    RegistryError,
    RegistryUnavailableError,
    RegistryWarning,
    RequestTooLargeError,
    SizeMismatchError,
    UnreachableError,
    UploadInvalidError,
    UploadUnknownError,
)
from regnb.model.digest import Digest
from tests.core.fakes import FakeTime, registry
from tests.core.scripted import (
    BLOBS,
    DROPPED,
    FIRST,
    MISSING,
    RESET,
    SECOND,
    THIRD,
    Step,
    begun,
    forgotten,
    script,
    stands,
    stored,
    taken,
)
from tests.core.test_secrets import everything_shown

DATA = bytes(range(256)) * 4
DIGEST = Digest.of(DATA)
HALF = len(DATA) // 2
INVALID_DIGEST: Step = ("PUT", (400, {}, '{"errors": [{"code": "DIGEST_INVALID"}]}'))


def blobs(*, time: FakeTime | None = None, limits: Limits | None = None) -> Blobs:
    return registry(time=time, limits=limits).repository("team/app").blobs


# Nothing breaks


def test_b_p12_a_blob_is_a_post_and_a_put(web: responses.RequestsMock) -> None:
    played = script(web, begun(), stored())
    descriptor = blobs().put(DATA)
    assert (descriptor.digest, descriptor.size) == (DIGEST, len(DATA))
    assert descriptor.media_type == "application/octet-stream"
    post, put = played.asked
    assert post.body == b""
    assert (put.path, put.body) == (f"{FIRST}?digest={DIGEST}", DATA)
    assert put.headers["content-length"] == str(len(DATA))
    assert put.headers["content-type"] == "application/octet-stream"
    assert "content-range" not in put.headers


def test_w_p9_an_empty_blob_is_a_put_without_a_range(web: responses.RequestsMock) -> None:
    played = script(web, begun(), stored())
    assert blobs().put(b"").size == 0
    assert played.asked[1].headers["content-length"] == "0"
    assert "content-range" not in played.asked[1].headers


def test_w_p1_offsets_follow_cumulative_ranges(web: responses.RequestsMock) -> None:
    played = script(
        web, begun(), taken(400, SECOND), taken(800, THIRD), taken(1024, FIRST), stored()
    )
    blobs().put(DATA, chunk_size=400)
    patches = played.only("PATCH")
    assert [patch.headers["content-range"] for patch in patches] == ["0-399", "400-799", "800-1023"]
    assert [patch.path for patch in patches] == [FIRST, SECOND, THIRD]
    assert b"".join(patch.body for patch in patches) == DATA
    put = played.asked[-1]
    assert (put.path, put.body) == (f"{FIRST}?digest={DIGEST}", b"")


def test_p6_an_answer_without_a_location_keeps_the_current_one(web: responses.RequestsMock) -> None:
    played = script(
        web, begun(), ("PATCH", (202, {"Range": "0-511"})), ("PATCH", (202, {})), stored()
    )
    blobs().put(DATA, chunk_size=512)
    assert {asked.path.partition("?")[0] for asked in played.asked[1:]} == {FIRST}
    assert played.asked[2].headers["content-range"] == "512-1023"


@pytest.mark.parametrize("status", [201, 204])
def test_b_p15_a_chunk_may_be_answered_oddly(web: responses.RequestsMock, status: int) -> None:
    early: Step = ("PATCH", (status, {"Range": "0-511"}))
    played = script(web, begun(), early, taken(1024), stored())
    blobs().put(DATA, chunk_size=HALF)
    assert played.methods == "POST PATCH PATCH PUT"


@pytest.mark.parametrize("status", [200, 202, 204])
def test_b_p15_an_odd_answer_at_the_end_is_a_warning(
    web: responses.RequestsMock, status: int
) -> None:
    script(web, begun(f"{FIRST}?sig=secret"), stored(status=status))
    with pytest.warns(RegistryWarning, match=f"{status}, where 201") as warned:
        assert blobs().put(DATA).digest == DIGEST
    assert "secret" not in str(warned[0].message)


def test_b_p18_the_registry_may_not_say_that_it_stored_something_else(
    web: responses.RequestsMock,
) -> None:
    other = Digest.of(b"other")
    script(web, begun(), stored({"Docker-Content-Digest": other}), DROPPED)
    with pytest.raises(DigestMismatchError, match=other):
        blobs().put(DATA)


@pytest.mark.parametrize("said", [DIGEST, Digest.of(DATA, "sha512"), "nonsense", ""])
def test_b_p18_a_digest_of_another_algorithm_says_nothing(
    web: responses.RequestsMock, said: str
) -> None:
    played = script(web, begun(), stored({"Docker-Content-Digest": said}))
    blobs().put(DATA)
    assert played.methods == "POST PUT"


def test_b_p17_a_sha512_blob_is_announced(web: responses.RequestsMock) -> None:
    digest = Digest.of(DATA, "sha512")
    played = script(web, begun(), stored({"Docker-Content-Digest": DIGEST}))
    assert blobs().put(DATA, digest=digest).digest == digest
    assert played.asked[0].url.endswith("?digest-algorithm=sha512")
    assert played.asked[1].url.endswith(f"?digest={digest}")


def test_b_p12_chunks_are_as_large_as_the_registry_wants(web: responses.RequestsMock) -> None:
    minimum = {"OCI-Chunk-Min-Length": "600"}
    played = script(web, begun(**minimum), taken(600), taken(1024), stored())
    blobs().put(DATA, chunk_size=100)
    assert [patch.headers["content-length"] for patch in played.only("PATCH")] == ["600", "424"]


# Something breaks


def test_f8_a_cut_put_goes_on_where_the_registry_stands(web: responses.RequestsMock) -> None:
    played = script(
        web,
        begun(),
        ("PUT", RESET, 400),
        MISSING,
        stands(400, SECOND),
        taken(1024, THIRD),
        stored(),
    )
    blobs().put(DATA)
    rest = played.only("PATCH")[0]
    assert (rest.path, rest.body, rest.headers["content-range"]) == (
        SECOND,
        DATA[400:],
        "400-1023",
    )
    assert played.asked[-1].path == f"{THIRD}?digest={DIGEST}"
    assert played.asked[-1].body == b""


def test_f8_a_put_of_which_nothing_arrived_is_sent_again(web: responses.RequestsMock) -> None:
    played = script(web, begun(), ("PUT", RESET, 1), MISSING, stands(0), stored())
    blobs().put(DATA)
    assert [put.body for put in played.only("PUT")] == [DATA[:1], DATA]


def test_w_p3_a_cut_chunk_goes_on_where_the_registry_stands(web: responses.RequestsMock) -> None:
    played = script(
        web, begun(), ("PATCH", RESET, 400), stands(400), taken(912), taken(1024), stored()
    )
    blobs().put(DATA, chunk_size=HALF)
    assert [patch.headers["content-range"] for patch in played.only("PATCH")] == [
        "0-511",
        "400-911",
        "912-1023",
    ]
    assert b"".join(patch.body for patch in played.only("PATCH")) == DATA


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520])
def test_f2_trouble_of_the_registry_is_survived(web: responses.RequestsMock, status: int) -> None:
    played = script(
        web,
        begun(),
        ("PATCH", (status, {})),
        stands(0),
        taken(HALF),
        taken(1024),
        ("PUT", (status, {})),
        MISSING,
        stands(1024),
        stored(),
    )
    blobs().put(DATA, chunk_size=HALF)
    assert played.methods == "POST PATCH GET PATCH PATCH PUT HEAD GET PUT"


def test_f4_an_upload_waits_as_long_as_it_is_told(web: responses.RequestsMock) -> None:
    time = FakeTime()
    script(web, begun(), ("PUT", (503, {"Retry-After": "7"})), MISSING, stands(0), stored())
    blobs(time=time).put(DATA)
    assert time.slept == [7.0]


def test_f1_six_attempts_that_bring_nothing_are_enough(web: responses.RequestsMock) -> None:
    played = script(
        web, begun(), *[("PATCH", RESET, 1), stands(0)] * 5, ("PATCH", RESET, 1), DROPPED
    )
    with pytest.raises(UnreachableError):
        blobs().put(DATA, chunk_size=HALF)
    assert len(played.only("PATCH")) == 6
    assert played.asked[-1].method == "DELETE"


def test_f1_an_upload_that_moves_is_never_given_up(web: responses.RequestsMock) -> None:
    cuts = [(("PATCH", RESET, 20), stands(20 * (n + 1))) for n in range(50)]
    played = script(web, begun(), *(step for cut in cuts for step in cut), taken(1024), stored())
    with blobs().create() as writer:
        writer.write(DATA)
        writer.flush()
        writer.commit()
    assert len(played.only("PATCH")) == 51


def test_f3_an_hour_of_sending_is_no_lack_of_patience(web: responses.RequestsMock) -> None:
    time = FakeTime()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            time.seconds += 3600.0
            return super().read(size)

    played = script(web, begun(), ("PUT", RESET, 1), MISSING, stands(0), stored())
    blobs(time=time).put(Slow(DATA), digest=DIGEST)
    assert played.methods == "POST PUT HEAD GET PUT"


def test_f1_failures_before_a_chunk_that_arrived_do_not_count(web: responses.RequestsMock) -> None:
    steps: list[Step] = []
    for start in range(0, 1024, 256):
        steps += [("PATCH", RESET, 1), stands(start)] * 5 + [taken(start + 256)]
    played = script(web, begun(), *steps, stored())
    blobs().put(DATA, chunk_size=256)
    assert len(played.only("PATCH")) == 24


def test_f8_a_commit_whose_answer_was_lost_is_noticed(web: responses.RequestsMock) -> None:
    played = script(web, begun(), ("PUT", RESET), ("HEAD", (200, {})), forgotten("DELETE"))
    assert blobs().put(DATA).digest == DIGEST
    assert played.asked[2].url == BLOBS + DIGEST
    assert played.methods == "POST PUT HEAD DELETE"


def test_f8_a_commit_behind_a_gateway_that_gave_up_is_noticed(web: responses.RequestsMock) -> None:
    played = script(web, begun(), ("PUT", (504, {})), ("HEAD", (200, {})), forgotten("DELETE"))
    assert blobs().put(DATA).digest == DIGEST
    assert played.methods == "POST PUT HEAD DELETE"


@pytest.mark.parametrize(
    "lost",
    [[forgotten("GET")], [("GET", (405, {})), DROPPED], [("GET", (400, {})), DROPPED]],
    ids=["gone", "not told", "refused"],
)
def test_f8_a_lost_session_is_begun_anew(web: responses.RequestsMock, lost: list[Step]) -> None:
    played = script(
        web,
        begun(FIRST),
        taken(HALF),
        ("PATCH", RESET, 10),
        *lost,
        begun(SECOND),
        taken(HALF, SECOND),
        taken(1024, THIRD),
        stored(),
    )
    blobs().put(DATA, chunk_size=HALF)
    assert b"".join(patch.body for patch in played.only("PATCH")[2:]) == DATA


def test_f8_a_session_that_the_put_does_not_find_is_begun_anew(web: responses.RequestsMock) -> None:
    played = script(web, begun(), forgotten("PUT"), MISSING, begun(SECOND), stored())
    blobs().put(DATA)
    assert played.methods == "POST PUT HEAD POST PUT"


def test_f8_two_new_sessions_are_enough(web: responses.RequestsMock) -> None:
    again = [forgotten("PATCH"), begun()]
    played = script(web, begun(), *again, *again, forgotten("PATCH"))
    with pytest.raises(UploadUnknownError):
        blobs().put(DATA, chunk_size=HALF)
    assert len(played.only("POST")) == 3


@pytest.mark.parametrize("stop", [2000, 1025])
def test_p_a_session_that_holds_more_than_was_sent_is_begun_anew(
    web: responses.RequestsMock, stop: int
) -> None:
    played = script(
        web, begun(), ("PATCH", RESET, 10), stands(stop), DROPPED, begun(), taken(512), taken(1024),
        stored(),
    )  # fmt: skip
    blobs().put(DATA, chunk_size=HALF)
    assert len(played.only("POST")) == 2


def test_b_p14_a_416_is_put_right_by_asking(web: responses.RequestsMock) -> None:
    played = script(
        web, begun(), taken(HALF), ("PATCH", (416, {})), stands(300), taken(812), taken(1024),
        stored(),
    )  # fmt: skip
    blobs().put(DATA, chunk_size=HALF)
    assert [patch.headers["content-range"] for patch in played.only("PATCH")] == [
        "0-511",
        "512-1023",
        "300-811",
        "812-1023",
    ]


def test_b_p14_a_416_may_say_itself_where_to_go_on(web: responses.RequestsMock) -> None:
    told: Step = ("PATCH", (416, {"Location": THIRD, "Range": "0-299"}))
    played = script(web, begun(), taken(HALF), told, taken(812), taken(1024), stored())
    blobs().put(DATA, chunk_size=HALF)
    assert played.methods == "POST PATCH PATCH PATCH PATCH PUT"
    assert played.only("PATCH")[2].path == THIRD


def test_b_p14_more_than_ten_corrections_are_too_many(web: responses.RequestsMock) -> None:
    wrong: Step = ("PATCH", (416, {}, '{"errors": [{"code": "RANGE_INVALID"}]}'))
    played = script(web, begun(), *[wrong, stands(0)] * 10, wrong, DROPPED)
    with pytest.raises(UploadInvalidError) as caught:
        blobs().put(DATA, chunk_size=HALF)
    assert caught.value.code == "RANGE_INVALID"
    assert len(played.only("PATCH")) == 11


def test_b_p14_corrections_before_a_chunk_that_arrived_do_not_count(
    web: responses.RequestsMock,
) -> None:
    steps: list[Step] = []
    for start in range(0, 1024, 256):
        steps += [("PATCH", (416, {})), stands(start)] * 10 + [taken(start + 256)]
    played = script(web, begun(), *steps, stored())
    blobs().put(DATA, chunk_size=256)
    assert len(played.only("PATCH")) == 44


@pytest.mark.parametrize("told", ["0-511", "0-5000", "nonsense"])
def test_b_p14_a_416_that_says_nothing_new_is_asked(web: responses.RequestsMock, told: str) -> None:
    wrong: Step = ("PATCH", (416, {"Location": THIRD, "Range": told}))
    played = script(
        web, begun(), taken(HALF), wrong, stands(300), taken(812), taken(1024), stored()
    )
    blobs().put(DATA, chunk_size=HALF)
    assert played.methods == "POST PATCH PATCH GET PATCH PATCH PUT"
    assert played.only("GET")[0].path == THIRD


def test_b_p14_a_416_at_the_end_is_put_right(web: responses.RequestsMock) -> None:
    played = script(
        web, begun(), taken(HALF), taken(1024), ("PUT", (416, {})), stands(HALF), taken(1024),
        stored(),
    )  # fmt: skip
    blobs().put(DATA, chunk_size=HALF)
    assert played.methods == "POST PATCH PATCH PUT GET PATCH PUT"


def test_w_p4_a_416_at_the_start_means_one_byte(web: responses.RequestsMock) -> None:
    told: Step = ("PATCH", (416, {"Location": SECOND, "Range": "0-0"}))
    played = script(
        web, begun(), ("PATCH", RESET, 1), stands(0), told, taken(513), taken(1024), stored()
    )
    blobs().put(DATA, chunk_size=HALF)
    assert [patch.headers["content-range"] for patch in played.only("PATCH")] == [
        "0-511",
        "0-511",
        "1-512",
        "513-1023",
    ]


def test_w_p4_one_byte_that_was_confirmed_is_one_byte(web: responses.RequestsMock) -> None:
    played = script(web, begun(), taken(1), ("PATCH", RESET, 1), stands(1), taken(2), stored())
    blobs().put(b"ab", chunk_size=1)
    assert [patch.headers["content-range"] for patch in played.only("PATCH")] == [
        "0-0",
        "1-1",
        "1-1",
    ]


def test_w_p4_a_byte_too_many_is_noticed_in_the_end(web: responses.RequestsMock) -> None:
    played = script(
        web, begun(), ("PUT", RESET, 1), MISSING, stands(0), INVALID_DIGEST, DROPPED,
        begun(SECOND), stored(),
    )  # fmt: skip
    blobs().put(DATA)
    assert played.asked[-1].path == f"{SECOND}?digest={DIGEST}"
    assert played.asked[-1].body == DATA


def test_f2_bytes_that_are_refused_twice_are_told(web: responses.RequestsMock) -> None:
    script(
        web, begun(), ("PUT", RESET, 1), MISSING, stands(0), INVALID_DIGEST, DROPPED,
        begun(SECOND), INVALID_DIGEST, DROPPED,
    )  # fmt: skip
    with pytest.raises(DigestMismatchError):
        blobs().put(DATA)


def test_s13_bytes_of_another_digest_are_told_at_once(web: responses.RequestsMock) -> None:
    played = script(web, begun(f"{FIRST}?sig=secret"), INVALID_DIGEST, DROPPED)
    with pytest.raises(DigestMismatchError, match="not what the digest says") as caught:
        blobs().put(DATA)
    assert (caught.value.status, caught.value.code) == (400, "DIGEST_INVALID")
    assert "secret" not in str(caught.value)
    assert played.methods == "POST PUT DELETE"


def test_w_p1_ranges_that_are_not_cumulative_are_understood(web: responses.RequestsMock) -> None:
    played = script(
        web, begun(), ("PATCH", (202, {"Range": "0-511"})), ("PATCH", (202, {"Range": "512-1023"})),
        stored(),
    )  # fmt: skip
    blobs().put(DATA, chunk_size=HALF)
    assert len(played.only("PATCH")) == 2


def test_w_p1_a_range_that_cannot_be_is_asked_again(web: responses.RequestsMock) -> None:
    odd: Step = ("PATCH", (202, {"Range": "0-255"}))
    played = script(web, begun(), taken(512), odd, stands(1024), stored())
    blobs().put(DATA, chunk_size=HALF)
    assert played.methods == "POST PATCH PATCH GET PUT"


@pytest.mark.parametrize("odd_range", ["0-9999", "0-255"])
def test_w_p1_a_range_that_cannot_be_for_ever_is_told(
    web: responses.RequestsMock, odd_range: str
) -> None:
    odd: Step = ("PATCH", (202, {"Range": odd_range}))
    script(web, begun(), taken(HALF), *[odd, stands(HALF)] * 10, odd, DROPPED)
    with pytest.raises(ProtocolError, match="Range that cannot be"):
        blobs().put(DATA, chunk_size=HALF)


def test_p_a_registry_may_take_a_part_of_a_chunk(web: responses.RequestsMock) -> None:
    played = script(web, begun(), taken(100), taken(1024), stored())
    blobs().put(DATA, chunk_size=1000)
    assert [patch.headers["content-range"] for patch in played.only("PATCH")] == [
        "0-999",
        "100-1023",
    ]


def test_b_p19_a_401_is_no_reason_to_send_blindly(web: responses.RequestsMock) -> None:
    challenge = {"WWW-Authenticate": 'Basic realm="x"'}
    played = script(
        web, begun(), ("PATCH", (401, challenge)), stands(100), taken(612), taken(1024), stored()
    )
    client = registry(password="hunter2")
    client.repository("team/app").blobs.put(DATA, chunk_size=HALF)
    first, second, _ = played.only("PATCH")
    assert "authorization" not in first.headers
    assert second.headers["authorization"].startswith("Basic ")
    assert second.headers["content-range"] == "100-611"


def test_w_a1_a_second_401_means_it(web: responses.RequestsMock) -> None:
    refused: Step = ("PATCH", (401, {"WWW-Authenticate": 'Basic realm="x"'}))
    played = script(web, begun(), refused, stands(0), refused, DROPPED)
    client = registry(password="hunter2")
    with pytest.raises(AuthenticationRequiredError):
        client.repository("team/app").blobs.put(DATA, chunk_size=HALF)
    assert played.methods == "POST PATCH GET PATCH DELETE"


def test_f2_a_401_that_no_login_helps_is_told_at_once(web: responses.RequestsMock) -> None:
    refused: Step = ("PATCH", (401, {"WWW-Authenticate": 'Basic realm="x"'}))
    played = script(web, begun(), refused, DROPPED)
    with pytest.raises(AuthenticationRequiredError):
        blobs().put(DATA, chunk_size=HALF)
    assert played.methods == "POST PATCH DELETE"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "BLOB_UPLOAD_INVALID", UploadInvalidError),
        (400, "SIZE_INVALID", UploadInvalidError),
        (403, "DENIED", DeniedError),
        (405, "UNSUPPORTED", RegistryError),
        (409, "UNKNOWN", RegistryError),
        (413, "SIZE_INVALID", RequestTooLargeError),
        (501, "UNSUPPORTED", RegistryUnavailableError),
        (307, "UNKNOWN", ProtocolError),
    ],
)
def test_p9_f2_what_is_refused_is_not_sent_again(
    web: responses.RequestsMock, status: int, code: str, kind: type[RegistryError]
) -> None:
    body = f'{{"errors": [{{"code": "{code}", "message": "no"}}]}}'
    played = script(web, begun(), ("PUT", (status, {}, body)), DROPPED)
    with pytest.raises(kind) as caught:
        blobs().put(DATA)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert played.methods == "POST PUT DELETE"


# What is sent


class Broken(io.BytesIO):
    """A file that breaks after some bytes, as a file on a network may."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(DATA * 2_000)
        self.error = error

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 600_000:
            raise self.error
        return super().read(size)


@pytest.mark.parametrize(
    "error", [BrokenPipeError(), ConnectionResetError(), TimeoutError("disk"), KeyError("x")]
)
def test_p_trouble_with_the_source_is_no_trouble_with_the_connection(
    web: responses.RequestsMock, error: Exception
) -> None:
    played = script(web, begun(), ("PUT", RESET), DROPPED)
    with pytest.raises(type(error)) as caught:
        blobs().put(Broken(error), digest=DIGEST)
    assert caught.value is error
    assert played.methods == "POST PUT DELETE"


def test_f10_ctrl_c_leaves_no_session_behind(web: responses.RequestsMock) -> None:
    played = script(web, begun(), ("PUT", RESET), DROPPED)
    with pytest.raises(KeyboardInterrupt):
        blobs().put(Broken(KeyboardInterrupt()), digest=DIGEST)
    assert played.asked[-1].method == "DELETE"
    assert played.asked[-1].path == FIRST


def test_p_a_file_that_shrinks_is_told(web: responses.RequestsMock) -> None:
    class Shrinking(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            return len(DATA) + 10 if whence == io.SEEK_END else super().seek(offset, whence)

    script(web, begun(), ("PUT", RESET), DROPPED)
    with pytest.raises(SizeMismatchError, match="10 bytes too early"):
        blobs().put(Shrinking(DATA), digest=DIGEST)


def test_f10_another_thread_ends_an_upload(web: responses.RequestsMock) -> None:
    client = registry()

    class Cancelling(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            client.transport.cancel()
            return super().read(size)

    script(web, begun(), ("PUT", RESET), DROPPED)
    with pytest.raises(OperationCancelledError):
        client.repository("team/app").blobs.put(Cancelling(DATA), digest=DIGEST)


SIGNED = f"{FIRST}?sig=s1gnature"
UNWELL: dict[str, list[Step]] = {
    "refused": [("PUT", (403, {}))],
    "cut": [("PUT", RESET), MISSING, ("GET", (403, {}))],
    "silent": [("PUT", RESET), MISSING, ("GET", (204, {}))],
    "ahead": [("PUT", RESET), MISSING, stands(5000, SIGNED), DROPPED, ("POST", (403, {}))],
    "abroad": [
        ("PUT", RESET),
        MISSING,
        ("GET", (204, {"Location": "http://x.example/?s1gnature"})),
    ],
}


@pytest.mark.parametrize("unwell", UNWELL)
def test_s16_no_error_of_an_upload_shows_its_signature(
    web: responses.RequestsMock, unwell: str
) -> None:
    script(web, begun(SIGNED), *UNWELL[unwell], DROPPED)
    with pytest.raises(RegistryError) as caught:
        blobs().put(DATA)
    shown = ""
    try:
        raise caught.value
    except RegistryError as error:
        shown = everything_shown(error)
    assert "s1gnature" not in shown
