"""What people type first, against the sample registry."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import regnb
from regnb import errors
from regnb.client.image import Image
from regnb.client.repo import Repo
from regnb.frames.audit_schemas import AUDIT_ERRORS
from regnb.frames.schemas import CATALOG, TAG_DETAILS, TAGS, Schema
from regnb.model.digest import Digest
from regnb.model.media_types import OCI_MANIFEST
from regnb.sample import SampleClient
from regnb.sample.content import sample
from regnb.sample.storage import Manifest
from tests.core.fakes import raw_server, reply
from tests.hostile import flaws
from tests.servers import free_port

CLOSED = "127.0.0.1:9"  # the discard port: nobody listens


def dtypes(schema: Schema) -> dict[str, object]:
    return {name: column.dtype for name, column in schema.columns.items()}


def test_the_catalog_is_sorted_and_names_the_registry(reg: SampleClient) -> None:
    catalog = reg.catalog()
    assert catalog["repository"].is_monotonic_increasing
    assert catalog["repository"].tolist()[0] == "charts/api"
    assert set(catalog["registry"]) == {"sample"}
    assert catalog.dtypes.to_dict() == dtypes(CATALOG)
    assert catalog.attrs["regnb"]["registry"] == "sample"


def test_t3_a_catalog_that_breaks_off_carries_what_was_read() -> None:
    first = reply(b'{"repositories": ["zoo", "alpine"]}', 'Link: <?last=zoo>; rel="next"')
    with raw_server(first, reply(b"", status="403 Forbidden")) as server:
        client = regnb.connect(server.url)
        with pytest.raises(errors.DeniedError) as caught:
            client.catalog()
    assert caught.value.partial == ["alpine", "zoo"]


def test_w_c2_a_repository_that_is_listed_twice_is_one_row() -> None:
    pages = [b'["a", "b"]', b'["c"]', b'["a"]']
    links = [*(f'Link: <?last={n}>; rel="next"' for n in range(2)), "X-Last: yes"]
    bodies = [b'{"repositories": %s}' % names for names in pages]
    with raw_server(*map(reply, bodies, links)) as server:
        assert list(regnb.connect(server.url).catalog()["repository"]) == ["a", "b", "c"]


def test_f4_b_e6_the_card_tells_the_rate_limit_and_the_notices() -> None:
    headers = ("RateLimit-Limit: 100;w=21600", "RateLimit-Remaining: 76;w=21600")
    notice = 'Warning: 299 - "brown-out <b>on Friday</b>"'
    with raw_server(reply(b'{"repositories": ["a"]}', *headers, notice)) as server:
        client = regnb.connect(server.url)
        assert "rate limit" not in client.card().text()
        with pytest.warns(errors.RegistryWarning, match="brown-out"):
            client.ping()
        before = client.card()
        client.catalog()
    for card in (before, client.card()):
        assert dict(card.facts)["url"] == server.url
        assert "76 of 100 requests left in 6 h 00 min" in card.text()
        assert "brown-out <b>on Friday</b>" in card.text()
        assert "&lt;b&gt;on Friday" in card.html()


def test_a_key_is_a_repository_or_an_image_and_costs_no_request() -> None:
    client = regnb.connect(CLOSED)
    assert isinstance(client["team/app"], Repo)
    assert isinstance(client["team/app:1.2"], Image)
    assert isinstance(client["team/app@sha256:" + "a" * 64], Image)
    assert client.image("team/app").name == "team/app:latest"
    assert client.repository("team/app").name == "team/app"
    assert client["team/app"]["1.2"].name == "team/app:1.2"
    assert client["team/app"]["sha256:" + "a" * 64].reference.digest == "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("", errors.InvalidReferenceError),
        ("team/App", errors.NameUppercaseError),
        ("../x", errors.InvalidReferenceError),
        ("a" * 256, errors.NameTooLongError),
        ("team/app:", errors.InvalidReferenceError),
        ("team/app@sha256:1", errors.InvalidReferenceError),
        ("team/app@sha256:" + "A" * 64, errors.InvalidDigestError),
        ("https://localhost/team", errors.InvalidReferenceError),
        (f"{CLOSED}/team/app", errors.InvalidReferenceError),
        ("docker.io/team/app:1:2", errors.InvalidReferenceError),
    ],
)
def test_a_key_that_the_grammar_refuses_is_refused_before_any_request(
    key: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        regnb.connect(CLOSED)[key]


def test_a_refusal_names_what_was_typed() -> None:
    with pytest.raises(errors.NameUppercaseError) as caught:
        regnb.connect(CLOSED)["Foo"]
    assert "'Foo'" in str(caught.value)


def test_a_repository_may_begin_like_its_registry() -> None:
    assert regnb.connect("harbor")["harbor/app"].name == "harbor/app"
    with regnb.sample.connect() as reg:
        assert reg["sample/x"].name == "sample/x"


def test_a_key_with_a_tag_is_no_repository() -> None:
    with pytest.raises(errors.InvalidReferenceError, match="image"):
        regnb.connect(CLOSED).repository("team/app:1")


def test_names_of_docker_hub_gain_library() -> None:
    assert regnb.connect("docker.io")["alpine"].name == "library/alpine"
    assert regnb.connect("docker.io")["team/app"].name == "team/app"
    assert regnb.image("alpine").name == "library/alpine:latest"
    assert regnb.image("localhost:5000/a/b:1").core.registry.name == "localhost:5000"


def test_tags_are_sorted_and_understood(reg: SampleClient) -> None:
    tags = reg["team/api"].tags()
    assert tags.dtypes.to_dict() == dtypes(TAGS)
    assert tags["tag"].is_monotonic_increasing
    kinds = tags.set_index("tag")["kind"]
    assert kinds["v1.0.0"] == "normal"
    assert (kinds == "cosign").sum() == 1
    assert tags.set_index("tag")["semver_minor"]["v1.1.0"] == 1


def test_an_emptied_repository_gives_empty_tables_of_the_same_shape(reg: SampleClient) -> None:
    repo = reg["odd/emptied"]
    assert repo.tags().dtypes.to_dict() == dtypes(TAGS)
    details = repo.tags(details=True)
    assert details.dtypes.to_dict() == dtypes(TAG_DETAILS)
    assert len(details) == 0


def test_details_say_what_each_tag_is(reg: SampleClient) -> None:
    details = reg["team/api"].tags(details=True).set_index("tag")
    document = sample("team/api", "latest")
    latest = details.loc["latest"]
    assert latest["digest"] == document.digest == details["digest"]["v2.0.0"]
    assert latest["manifest_size"] == len(document.raw)
    assert latest["size"] == latest["declared_size"] + latest["manifest_size"]
    assert latest["platforms"] == "linux/amd64"
    assert latest["layer_count"] == 6
    assert latest["created"].year == 2025
    assert details["error"].isna().all()


def test_details_of_an_index_cover_its_platforms(reg: SampleClient) -> None:
    tool = reg["platform/tool"].tags(details=True).set_index("tag").loc["latest"]
    assert tool["platforms"] == "linux/amd64, linux/arm64/v8, linux/arm/v7"
    assert tool["platform_count"] == 3
    assert tool["manifest_kind"] == "index"
    assert tool["size"] < tool["declared_size"]  # its platforms share a layer


def test_a_tag_that_fails_keeps_its_row_and_ends_nothing() -> None:
    with regnb.sample.connect() as reg:
        broken = sample("platform/tool", "1.4.0")
        child = broken.children[0]
        reg.served.storage.delete_manifest("platform/tool", child.digest)
        details = reg["platform/tool"].tags(details=True).set_index("tag")
        assert len(details) == 3
        assert "does not hold" in details["error"]["1.4.0"]
        assert details["platform_count"]["1.4.0"] == 2
        assert details["error"].isna().sum() == 2


def test_every_tag_that_misses_something_says_so() -> None:
    with regnb.sample.connect() as reg:
        child = sample("platform/tool", "latest").children[0]
        reg.served.storage.delete_manifest("platform/tool", child.digest)
        details = reg["platform/tool"].tags(details=True).set_index("tag")
        assert details["digest"]["1.5.0"] == details["digest"]["latest"]
        assert details["error"].notna().to_dict() == {"1.4.0": False, "1.5.0": True, "latest": True}


def listed(key: str, *names: object) -> bytes:
    body = json.dumps({"name": "a/b", key: names}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_w_t8_names_that_are_none_are_left_out_with_a_warning_and_never_silently() -> None:
    with answering(listed("repositories", "a/b", "../x", None)) as host:
        with pytest.warns(errors.ListingWarning, match="2 of the names listed are no repos"):
            assert regnb.connect(host).catalog()["repository"].tolist() == ["a/b"]
        audit = regnb.connect(host).audit()
        assert not audit.complete
        assert "no repositories" in audit.errors["message"][0]
    no_tags = pytest.warns(errors.ListingWarning, match="2 of the names listed are no tags")
    with answering(listed("tags", "v1", "-bad", None)) as host, no_tags:
        assert regnb.connect(host)["a/b"].tags()["tag"].tolist() == ["v1"]


def test_a_layer_that_names_other_places_is_stored_unless_the_registry_lacks_it() -> None:
    media_type = "application/vnd.oci.image.layer.v1.tar"
    with regnb.sample.connect() as reg:
        storage = reg.served.storage
        blobs = {str(Digest.of(raw)): raw for raw in (b"{}", b"x" * 5000)}
        for digest, raw in blobs.items():
            storage.put_blob("team/urls", raw, digest=digest)
        digests = [*blobs, "sha256:" + "0" * 64]
        config, here, elsewhere = (
            {"mediaType": media_type, "digest": digest, "size": size}
            for digest, size in zip(digests, (2, 5000, 7000), strict=True)
        )
        places = {"urls": ["https://elsewhere.example/layer"]}
        layers = [{**here, **places}, {**elsewhere, **places}]
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config}
        raw = json.dumps({**document, "layers": layers}).encode()
        storage.put_manifest("team/urls", Manifest.read(raw, OCI_MANIFEST), tags=("1",))
        audit = reg.audit(["team/urls"])
        assert audit.complete
        assert audit.usage(by="registry")["stored"].item() == len(raw) + 2 + 5000
        assert audit.usage(by="registry")["declared"].item() == 2 + 5000 + 7000


def test_the_audit_counts_each_blob_once(reg: SampleClient) -> None:
    audit = reg.audit()
    assert audit.errors["repository"].tolist() == ["platform/agent"]  # of a child that is gone
    assert audit.errors.dtypes.to_dict() == dtypes(AUDIT_ERRORS)
    stored = audit.usage(by="registry")["stored"].item()
    assert stored == audit.blobs[audit.blobs["live"]]["size"].sum()
    assert audit.usage(by="repository")["fair"].sum() == pytest.approx(stored, rel=1e-12)
    assert len(audit.tags) == sum(len(reg[name].tags()) for name in reg.catalog()["repository"])


def test_sizes_need_no_configs(reg: SampleClient) -> None:
    whole, sizes = reg.audit(), reg.audit(configs=False)
    for level in ("registry", "repository", "tag"):
        assert sizes.usage(by=level).equals(whole.usage(by=level))
    assert sizes.manifests["created"].isna().all()
    assert whole.manifests["created"].notna().any()


def test_an_audit_of_named_repositories_asks_for_no_catalog(reg: SampleClient) -> None:
    audit = reg.audit(["team/web", "team/api"])
    assert audit.repositories["repository"].tolist() == ["team/api", "team/web"]
    with pytest.raises(errors.InvalidReferenceError):
        reg.audit(["team/web:latest"])


def test_a_repository_that_is_not_there_is_a_row_of_the_audit(reg: SampleClient) -> None:
    audit = reg.audit(["team/web", "no/such"])
    assert not audit.complete
    assert audit.errors["repository"].tolist() == ["no/such"]
    assert audit.errors["http_status"].tolist() == [404]
    assert audit.usage(by="registry")["stored"].item() > 0


def test_an_interrupted_audit_is_partial_in_a_notebook_and_raises_elsewhere(
    reg: SampleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("regnb.client.auditing.walk", interrupt)
    with pytest.raises(KeyboardInterrupt):
        reg.audit()
    monkeypatch.setattr("regnb.client.auditing.in_kernel", lambda: True)
    assert not reg.audit().complete


def test_keys_are_completed_from_the_listing_and_errors_are_swallowed(reg: SampleClient) -> None:
    assert "team/api" in reg._ipython_key_completions_()
    assert "v1.0.0" in reg["team/api"]._ipython_key_completions_()
    closed = regnb.connect(CLOSED)
    assert closed._ipython_key_completions_() == []
    assert closed["a/b"]._ipython_key_completions_() == []


def test_cards_show_what_is_known_and_ask_for_nothing() -> None:
    client = regnb.connect(CLOSED)
    for handle in (client, client["team/app"], client["team/app:1"]):
        assert "127.0.0.1:9" in handle._repr_html_()
        assert flaws(handle._repr_html_()) == []
        assert repr(handle).startswith("<")


def test_cards_of_clients_and_repositories_show_the_last_listing() -> None:
    with regnb.sample.connect() as reg:
        reg.catalog()
        repo = reg["team/api"]
        repo.tags()
        assert "team/worker" in reg._repr_html_()
        assert "v1.2.0" in repo._repr_html_()


def test_s17_every_card_of_a_hostile_image_is_text(reg: SampleClient) -> None:
    image = reg["odd/markup:latest"]
    shown = [image.manifest(), image.manifest("linux/amd64"), image.config("linux/amd64"), image]
    shown += image.manifest().references()
    for value in shown:
        assert flaws(value._repr_html_()) == []
        assert repr(value).isprintable()


@pytest.mark.parametrize("name", ["layers", "history", "platforms"])
def test_s17_every_table_of_a_hostile_image_is_raw_inside_and_text_outside(
    reg: SampleClient, name: str
) -> None:
    table = getattr(reg["odd/markup:latest"], name)()
    assert "<script>" in table.to_csv()
    assert set(flaws(table.to_html())) & {"<script>", "<img>", "<svg>", "<h1>"} == set()


def test_s17_an_audit_of_a_hostile_registry_is_text(reg: SampleClient) -> None:
    audit = reg.audit()
    assert flaws(audit._repr_html_()) == []
    assert all(line.isprintable() for line in audit.card().text().splitlines())


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server on loopback that says the same to everyone."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>"


def test_bad_input_an_unknown_host_says_so() -> None:
    with pytest.raises(errors.HostUnknownError, match=r"no-such-host\.invalid"):
        regnb.connect("no-such-host.invalid").catalog()


def test_bad_input_a_closed_port_says_so() -> None:
    with pytest.raises(errors.UnreachableError, match=r"127\.0\.0\.1"):
        regnb.connect(f"127.0.0.1:{free_port()}").catalog()


def test_bad_input_a_server_without_tls_says_so() -> None:
    with answering(PAGE) as host, pytest.raises(errors.TLSError) as caught:
        regnb.connect(f"https://{host}").ping()
    assert not isinstance(caught.value, ssl.SSLError)


def test_bad_input_a_web_page_is_no_registry() -> None:
    with answering(PAGE) as host:
        for ask in (regnb.connect(host).ping, regnb.connect(host).catalog):
            with pytest.raises(errors.NotARegistryError):
                ask()


def test_bad_input_a_repository_or_tag_that_is_not_there_says_so(reg: SampleClient) -> None:
    with pytest.raises(errors.RepositoryUnknownError, match="no/such"):
        reg["no/such"].tags()
    with pytest.raises(errors.ManifestUnknownError, match=r"9\.9"):
        reg["team/api:9.9"].layers()


def test_s4_plain_http_to_another_machine_has_to_be_allowed() -> None:
    with pytest.raises(errors.RegnbError, match="insecure=True"):
        regnb.connect("http://registry.example.com")
    assert regnb.connect("registry.example.com").url.startswith("https://")
    assert regnb.connect("registry.example.com", insecure=True).url
