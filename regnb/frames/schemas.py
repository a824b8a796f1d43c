"""The columns of every public table: dtypes and meanings, the same for no rows as for millions.

Text is `str`. Sizes are bytes, `Int64` where they can be unknown. Times are UTC to the microsecond.
Closed vocabularies are `category`, with all their categories from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype

Dtype = ExtensionDtype | np.dtype

TEXT: Dtype = pd.StringDtype(na_value=np.nan)
BYTES: Dtype = pd.Int64Dtype()
EXACT_BYTES: Dtype = np.dtype("int64")
COUNT: Dtype = pd.Int64Dtype()
SMALL: Dtype = pd.Int32Dtype()
FLAG: Dtype = np.dtype("bool")
MAYBE: Dtype = pd.BooleanDtype()
SHARE: Dtype = np.dtype("float64")
TIME: Dtype = pd.DatetimeTZDtype("us", "UTC")

TAG_KIND: Dtype = pd.CategoricalDtype(["normal", "referrers-fallback", "cosign"])
MANIFEST_KIND: Dtype = pd.CategoricalDtype(["image", "artifact", "index", "schema1", "unknown"])
CONTENT_KIND: Dtype = pd.CategoricalDtype(["config", "layer", "image", "artifact", "index"])
TIME_SOURCE: Dtype = pd.CategoricalDtype(["config", "children", "implausible"])
ACTION: Dtype = pd.CategoricalDtype(["transfer", "skip", "mount", "foreign", "fail"])
LEVEL: Dtype = pd.CategoricalDtype(
    ["registry", "namespace", "repository", "tag", "manifest", "platform", "label", "owner"]
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        dtype: of its values.
        meaning: in a few words, what it holds.
        references: ``table.column`` that has a row for each value, null left out; its registry
            is the same, and its repository where both tables have one.
        where: the column of flags that says for which rows; empty for all.
    """

    dtype: Dtype
    meaning: str
    references: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """One table.

    Attributes:
        name: what it is called.
        columns: by name, in order.
        key: the columns that are never null and that together are different in each row; empty
            where that was not settled.
    """

    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()


REGISTRY = Column(TEXT, "host and port of the registry")
REPOSITORY = Column(TEXT, "path of the repository")
TAG = Column(TEXT, "name of the tag")
REFERENCE = Column(TEXT, "tag or digest that was asked for")
DIGEST = Column(TEXT, "digest of the manifest")
MEDIA_TYPE = Column(TEXT, "media type, as declared")
KIND = Column(TAG_KIND, "plain tag, fallback tag of referrers, or tag of cosign's")
IS_SEMVER = Column(FLAG, "whether the tag is a semantic version")
OS = Column(TEXT, "operating system")
ARCHITECTURE = Column(TEXT, "processor")
VARIANT = Column(TEXT, "variant of the processor")
CREATED = Column(TIME, "when, as the builder claims")
CREATED_FROM = Column(
    TIME_SOURCE, "config, or children: the latest of the entries; implausible: no time can be true"
)
CREATED_BY = Column(TEXT, "command of the build step")
COMMENT = Column(TEXT, "comment of the build step")
DECLARED = Column(BYTES, "bytes of configs and layers as declared, repeats and foreign included")
DOCUMENT = Column(BYTES, "bytes of the manifest document itself")

CATALOG = Schema(
    "catalog",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "namespace": Column(TEXT, "first part of a path that has several, else empty"),
    },
)

TAGS = Schema(
    "tags",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": TAG,
        "kind": KIND,
        "is_semver": IS_SEMVER,
        "semver_major": Column(SMALL, "first number of the version"),
        "semver_minor": Column(SMALL, "second number of the version"),
        "semver_patch": Column(SMALL, "third number of the version"),
        "semver_prerelease": Column(TEXT, "what follows the dash of a version"),
    },
)

TRANSFERS = Schema(
    "transfers",
    {
        "registry": Column(TEXT, "where it comes from"),
        "repository": Column(TEXT, "where it comes from"),
        "digest": Column(TEXT, "of the blob or manifest"),
        "kind": Column(CONTENT_KIND, "what it is for"),
        "media_type": MEDIA_TYPE,
        "size": Column(EXACT_BYTES, "bytes"),
        "action": Column(ACTION, "what is done with it, or would be"),
        "mount_from": Column(TEXT, "repository that has it where it goes, if it is mounted"),
    },
)
TAG_DETAILS = Schema(
    "tag details",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": TAG,
        "kind": KIND,
        "is_semver": IS_SEMVER,
        "digest": DIGEST,
        "media_type": MEDIA_TYPE,
        "manifest_kind": Column(MANIFEST_KIND, "what sort of manifest it is"),
        "size": Column(BYTES, "stored bytes: each distinct blob and manifest once"),
        "declared_size": DECLARED,
        "manifest_size": DOCUMENT,
        "created": Column(TIME, "latest claim among its platforms"),
        "platforms": Column(TEXT, "its platforms, attestations left out"),
        "platform_count": Column(COUNT, "how many they are"),
        "layer_count": Column(COUNT, "layers of an image; null for an index"),
        "artifact_type": Column(TEXT, "what sort of artifact it says it is"),
        "error": Column(TEXT, "why the tag could not be read, or not wholly"),
    },
)

LAYERS = Schema(
    "layers",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "reference": REFERENCE,
        "manifest_digest": DIGEST,
        "os": OS,
        "architecture": ARCHITECTURE,
        "variant": VARIANT,
        "position": Column(EXACT_BYTES, "0 is the lowest layer"),
        "digest": Column(TEXT, "digest of the layer as stored"),
        "media_type": MEDIA_TYPE,
        "size": Column(EXACT_BYTES, "bytes as stored"),
        "created": CREATED,
        "created_by": CREATED_BY,
        "comment": COMMENT,
        "empty": Column(FLAG, "whether it is the layer that holds no file"),
        "foreign": Column(FLAG, "whether it lies elsewhere"),
        "diff_id": Column(TEXT, "digest of the layer without compression"),
    },
)

HISTORY = Schema(
    "history",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "reference": REFERENCE,
        "manifest_digest": DIGEST,
        "os": OS,
        "architecture": ARCHITECTURE,
        "variant": VARIANT,
        "position": Column(EXACT_BYTES, "0 is the first step"),
        "created": CREATED,
        "created_by": CREATED_BY,
        "comment": COMMENT,
        "author": Column(TEXT, "author of the step"),
        "empty_layer": Column(FLAG, "whether the step made no layer"),
        "layer_position": Column(COUNT, "position of the layer that it made"),
        "digest": Column(TEXT, "digest of that layer"),
        "size": Column(BYTES, "bytes of that layer as stored"),
    },
)

PLATFORMS = Schema(
    "platforms",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "reference": REFERENCE,
        "digest": DIGEST,
        "media_type": MEDIA_TYPE,
        "os": OS,
        "architecture": ARCHITECTURE,
        "variant": VARIANT,
        "os_version": Column(TEXT, "version of the operating system"),
        "is_attestation": Column(FLAG, "whether it is what a builder says of another entry"),
        "size": Column(BYTES, "stored bytes: manifest, config and distinct layers"),
        "declared_size": DECLARED,
        "manifest_size": DOCUMENT,
        "layer_count": Column(COUNT, "number of layers"),
        "created": CREATED,
        "present": Column(FLAG, "whether the repository holds it"),
    },
)

USAGE = Schema(
    "usage",
    {
        "registry": REGISTRY,
        "level": Column(LEVEL, "what each row stands for"),
        "key": Column(TEXT, "what it is called; null for all that have no such name"),
        "repository": Column(TEXT, "that it lies in; null where it is not exactly one"),
        "tag": Column(TEXT, "that it is, at the level of tags"),
        "declared": Column(EXACT_BYTES, "bytes as declared, repeats and foreign included"),
        "stored": Column(EXACT_BYTES, "distinct bytes that it needs"),
        "exclusive": Column(EXACT_BYTES, "bytes that nothing else at this level needs"),
        "shared": Column(EXACT_BYTES, "stored less exclusive"),
        "fair": Column(SHARE, "each blob divided evenly among those that need it"),
        "referrer_bytes": Column(EXACT_BYTES, "of stored, what only referrers need"),
        "blob_count": Column(EXACT_BYTES, "distinct blobs and manifests that it needs"),
        "percent": Column(SHARE, "fair, of the stored bytes of the registry"),
    },
)
