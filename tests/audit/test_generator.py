from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given

from regnb.model import media_types
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index, Manifest
from regnb.model.reference import COSIGN_TAG, REFERRERS_TAG
from tests.audit.collecting import collect_2, collect_as_specified
from tests.audit.generator import SEEDS, Stock, generate, without_garbage
from tests.audit.reference import visible

STOCKS = [generate(seed) for seed in range(60)]


def documents(stock: Stock) -> list[Manifest]:
    return list(stock.shelves.manifests.values())


def images(stock: Stock) -> list[ImageManifest]:
    return [document for document in documents(stock) if isinstance(document, ImageManifest)]


def indexes(stock: Stock) -> list[Index]:
    return [document for document in documents(stock) if isinstance(document, Index)]


def has_nested_index(stock: Stock) -> bool:
    inner = {index.digest for index in indexes(stock)}
    return any(child.digest in inner for index in indexes(stock) for child in index.manifests)


def has_missing_child(stock: Stock) -> bool:
    return any(
        child.digest not in held
        for held in stock.shelves.holdings.values()
        for index in indexes(stock)
        for child in index.manifests
        if index.digest in held
    )


def has_subject(stock: Stock, *, there: bool) -> bool:
    known = stock.shelves.manifests.keys()
    return any(d.subject and (d.subject.digest in known) is there for d in documents(stock))


def has_referrer_of_referrer(stock: Stock) -> bool:
    of = {d.digest: d.subject.digest for d in documents(stock) if d.subject}
    return any(subject in of for subject in of.values())


def has_untagged_manifest(stock: Stock) -> bool:
    return visible(stock.shelves).holdings != stock.shelves.holdings


def has_orphan_blob(stock: Stock) -> bool:
    return bool(collect_2(stock.shelves, stock.files).swept)


def has_mounted_orphan(stock: Stock) -> bool:
    swept = collect_2(stock.shelves, stock.files).swept
    return any(linked & swept for linked in stock.links.values())


def has_shared_layer(stock: Stock) -> bool:
    one, *others = [linked for linked in stock.links.values() if linked] or [frozenset[str]()]
    return any(one & other for other in others)


def has_foreign_layer(stock: Stock) -> bool:
    return any(layer.foreign for image in images(stock) for layer in image.layers)


def has_layer_elsewhere(stock: Stock) -> bool:
    return any(
        layer.digest in stock.shelves.elsewhere for image in images(stock) for layer in image.layers
    )


def has_config_as_layer(stock: Stock) -> bool:
    configs = {image.config.digest for image in images(stock)}
    return any(layer.digest in configs for image in images(stock) for layer in image.layers)


def has_repeated_layer(stock: Stock) -> bool:
    return any(len(set(image.layers)) < len(image.layers) for image in images(stock))


def has_two_tags_of_one_digest(stock: Stock) -> bool:
    pairs = Counter((owner, digest) for (owner, _), digest in stock.shelves.tags.items())
    return max(pairs.values(), default=0) > 1


def has_cosign_tag(stock: Stock) -> bool:
    return any(COSIGN_TAG.fullmatch(tag) for _, tag in stock.shelves.tags)


def has_fallback_tag(stock: Stock) -> bool:
    return any(
        REFERRERS_TAG.fullmatch(tag) and stock.shelves.manifests[digest].references()
        for (_, tag), digest in stock.shelves.tags.items()
    )


def has_empty_config(stock: Stock) -> bool:
    return any(image.config.media_type == media_types.OCI_EMPTY for image in images(stock))


def has_empty_repository(stock: Stock) -> bool:
    return not all(stock.shelves.holdings.values())


ODDITIES: list[Callable[[Stock], bool]] = [
    has_nested_index,
    has_missing_child,
    lambda stock: has_subject(stock, there=True),
    lambda stock: has_subject(stock, there=False),
    has_referrer_of_referrer,
    has_untagged_manifest,
    has_orphan_blob,
    has_mounted_orphan,
    has_shared_layer,
    has_foreign_layer,
    has_layer_elsewhere,
    has_config_as_layer,
    has_repeated_layer,
    has_two_tags_of_one_digest,
    has_cosign_tag,
    has_fallback_tag,
    has_empty_config,
    has_empty_repository,
]


@pytest.mark.parametrize("odd", ODDITIES)
def test_every_oddity_of_real_registries_occurs_often(odd: Callable[[Stock], bool]) -> None:
    assert sum(map(odd, STOCKS)) >= 3


def test_a_seed_makes_the_same_registry_again() -> None:
    assert generate(7) == STOCKS[7]
    assert STOCKS[7] != STOCKS[8]


@given(SEEDS)
def test_all_digests_are_true_and_all_that_is_held_lies_on_the_disk(seed: int) -> None:
    stock = generate(seed)
    assert all(Digest.of(raw) == digest for digest, raw in stock.files.items())
    for held in (*stock.shelves.holdings.values(), *stock.links.values()):
        assert held <= stock.files.keys()
    for (repository, _), digest in stock.shelves.tags.items():
        assert digest in stock.shelves.holdings[repository]


@given(SEEDS)
def test_without_garbage_everything_is_reached_and_stays_what_it_was(seed: int) -> None:
    stock = generate(seed)
    whole = without_garbage(stock)
    assert not collect_2(whole.shelves, whole.files).swept
    assert not collect_as_specified(whole.shelves, whole.files).swept
    assert visible(whole.shelves).holdings == whole.shelves.holdings == stock.shelves.holdings
    assert stock.shelves.tags.items() <= whole.shelves.tags.items()
