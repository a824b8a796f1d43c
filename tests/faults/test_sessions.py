"""Upload sessions of two registries, the sample and 2.8.2, in the trouble that faults make."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from regnb.sample import serve
from tests.faults.endings import Drop
from tests.faults.fault import Fault
from tests.faults.proxy import Proxy
from tests.faults.scenario import Rule, Scenario
from tests.faults.uploads import BreakUpload, LoseSession, RefuseChunk, StaleLocation
from tests.servers import docker_registry

RAW = bytes(range(250)) * 4
DIGEST = "sha256:" + hashlib.sha256(RAW).hexdigest()
SAMPLE = "sample"
REAL = pytest.param("2.8.2", marks=pytest.mark.registry)


@dataclass(frozen=True)
class Uploads:
    """A client of the proxy, with its hands free; `stored` is where 2.8.2 keeps what it has."""

    proxy: Proxy
    session: requests.Session
    stored: Path

    def trouble(self, fault: Fault, method: str = "PATCH", nth: int = 1) -> None:
        self.proxy.scenario = Scenario(Rule(fault, method, nth=nth))

    def start(self, name: str) -> str:
        answer = self.session.post(f"{self.proxy.url}v2/{name}/blobs/uploads/")
        assert answer.status_code == 202
        return self.location(answer)

    def location(self, answer: requests.Response) -> str:
        location = urljoin(answer.url, answer.headers["Location"])
        assert location.startswith(self.proxy.url)
        return location

    def send(self, location: str, start: int, stop: int) -> requests.Response:
        headers = {"Content-Range": f"{start}-{stop - 1}"}
        return self.session.patch(location, data=RAW[start:stop], headers=headers)

    def commit(self, location: str) -> int:
        return self.session.put(location, params={"digest": DIGEST}).status_code

    def blob(self, name: str) -> requests.Response:
        return self.session.get(f"{self.proxy.url}v2/{name}/blobs/{DIGEST}")


@pytest.fixture(params=[SAMPLE, REAL])
def uploads(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Uploads]:
    server = serve(fill=None) if request.param == SAMPLE else docker_registry(tmp_path)
    with server as running, requests.Session() as session:
        session.trust_env = False
        url = running if isinstance(running, str) else running.url
        with Proxy(url) as proxy:
            yield Uploads(proxy, session, tmp_path)


@pytest.mark.parametrize("uploads", [SAMPLE], indirect=True)
def test_w_p3_a_cut_upload_goes_on_where_it_was_cut(uploads: Uploads) -> None:
    uploads.trouble(BreakUpload(400))
    location = uploads.start("cut")
    with pytest.raises(requests.ConnectionError):
        uploads.send(location, 0, 1000)
    status = uploads.session.get(location)
    assert (status.status_code, status.headers["Range"]) == (204, "0-399")
    answer = uploads.send(uploads.location(status), 400, 1000)
    assert uploads.commit(uploads.location(answer)) == 201
    assert uploads.blob("cut").content == RAW


@pytest.mark.parametrize("uploads", [REAL], indirect=True)
def test_w_p3_version_2_keeps_the_bytes_and_loses_the_session(uploads: Uploads) -> None:
    uploads.trouble(BreakUpload(400))
    location = uploads.start("cut")
    with pytest.raises(requests.ConnectionError):
        uploads.send(location, 0, 1000)
    name = urlsplit(location).path.split("/")[-1]
    (kept,) = uploads.stored.glob(f"docker/registry/v2/repositories/cut/_uploads/{name}/data")
    assert kept.read_bytes() == RAW[:400]
    # It compares what it has with the state in the URL, and here no response told the new one.
    assert uploads.session.get(location).status_code == 404


@pytest.mark.parametrize("told", [True, False])
def test_b_p14_a_refused_chunk_leaves_the_session(uploads: Uploads, told: bool) -> None:
    uploads.trouble(RefuseChunk(told), nth=2)
    answer = uploads.send(uploads.start("refused"), 0, 600)
    refusal = uploads.send(uploads.location(answer), 600, 1000)
    assert refusal.status_code == 416
    assert refusal.headers.get("Range") == ("0-599" if told else None)
    answer = uploads.send(uploads.location(refusal if told else answer), 600, 1000)
    assert uploads.commit(uploads.location(answer)) == 201
    assert uploads.blob("refused").content == RAW


def test_f8_a_lost_session_stays_lost(uploads: Uploads) -> None:
    uploads.trouble(LoseSession())
    location = uploads.start("lost")
    lost = uploads.send(location, 0, 600)
    assert lost.status_code == 404
    assert lost.json()["errors"][0]["code"] == "BLOB_UPLOAD_UNKNOWN"
    assert uploads.session.get(location).status_code == 404
    assert uploads.send(location, 0, 600).status_code == 404


@pytest.mark.parametrize(
    ("uploads", "status"),
    [(SAMPLE, 416), pytest.param("2.8.2", 404, marks=REAL.marks)],
    indirect=["uploads"],
)
def test_w_p3_a_stale_location_is_refused(uploads: Uploads, status: int) -> None:
    uploads.trouble(StaleLocation())
    location = uploads.start("stale")
    answer = uploads.send(location, 0, 600)
    assert answer.headers["Location"] == location
    assert uploads.send(location, 600, 1000).status_code == status


def test_a_commit_whose_response_is_lost_has_happened(uploads: Uploads) -> None:
    uploads.trouble(Drop(forwarded=True), "PUT")
    answer = uploads.send(uploads.start("committed"), 0, 1000)
    with pytest.raises(requests.ConnectionError):
        uploads.commit(uploads.location(answer))
    assert uploads.blob("committed").content == RAW
