"""The tables of an audit: their columns, keys and relations.

What documents say (`manifests`, `references`, `layers`, `configs`, `diff_ids`, `history`, `labels`)
is keyed by digest: it is the same wherever it lies. What a repository holds is in
`repository_manifests`, `repository_blobs` and `referrers`.
"""

from __future__ import annotations

from regnb.frames.audit_words import (
    COMPRESSION,
    LABEL_KIND,
    LABEL_SOURCE,
    MEMBER_SOURCE,
    REFERENCE_KIND,
    REFERRER_SOURCE,
    SIZE_SOURCE,
    STAGE,
    TAGS_STATUS,
    UNCOMPRESSED_SOURCE,
    VISIBILITY,
)
from regnb.frames.schemas import (
    ARCHITECTURE,
    BYTES,
    COMMENT,
    COUNT,
    CREATED,
    CREATED_BY,
    DECLARED,
    DOCUMENT,
    EXACT_BYTES,
    FLAG,
    IS_SEMVER,
    KIND,
    MANIFEST_KIND,
    MAYBE,
    MEDIA_TYPE,
    OS,
    REFERENCE,
    REGISTRY,
    SMALL,
    TAG,
    TEXT,
    TIME,
    VARIANT,
    Column,
    Schema,
)

REPOSITORY = Column(TEXT, "path of the repository", references="repositories.repository")
PLATFORM = {
    "os": OS,
    "architecture": ARCHITECTURE,
    "variant": VARIANT,
    "os_version": Column(TEXT, "version of the operating system"),
}
OS_FEATURES = Column(TEXT, "features of the operating system that it needs, as JSON")
ANNOTATIONS = Column(TEXT, "annotations, as JSON")
POSITION = Column(EXACT_BYTES, "number among those of its kind; 0 is the first")
DESCRIBED = Column(TEXT, "digest that it leads to", references="blobs.digest")
FOREIGN = Column(FLAG, "whether it lies elsewhere")
MANIFEST = Column(TEXT, "digest of the manifest", references="manifests.digest")
CONFIG = Column(TEXT, "digest of the config", references="configs.digest")
INLINE = Column(FLAG, "whether the descriptor embeds the content")

AUDIT_SNAPSHOT = Schema(
    "snapshot",
    {
        "registry": REGISTRY,
        "snapshot_id": Column(TEXT, "name of this audit; sorts by time"),
        "url": Column(TEXT, "address of the registry"),
        "scope": Column(TEXT, "which repositories and tags were asked for; empty for all"),
        "visibility": Column(VISIBILITY, "what can be seen this way"),
        "started_at": Column(TIME, "when the walk began: an audit is a window, not an instant"),
        "finished_at": Column(TIME, "when the walk ended or was stopped"),
        "finished": Column(FLAG, "whether the walk came to its end"),
        "stopped": Column(TEXT, "why it did not; empty where it did or nobody said"),
        "complete": Column(FLAG, "whether it came to its end and everything could be read"),
        "repository_count": Column(EXACT_BYTES, "rows of repositories"),
        "tag_count": Column(EXACT_BYTES, "rows of tags, attachments too"),
        "manifest_count": Column(EXACT_BYTES, "rows of manifests"),
        "blob_count": Column(EXACT_BYTES, "rows of blobs"),
        "error_count": Column(EXACT_BYTES, "rows of errors"),
        "policy": Column(TEXT, "what counts as alive, as JSON"),
        "tool_version": Column(TEXT, "version of regnb"),
        "schema_version": Column(EXACT_BYTES, "version of these tables"),
    },
    key=("registry", "snapshot_id"),
)

AUDIT_REPOSITORIES = Schema(
    "repositories",
    {
        "registry": REGISTRY,
        "repository": Column(TEXT, "path of the repository"),
        "namespace": Column(TEXT, "first part of a path that has several, else empty"),
        "depth": Column(EXACT_BYTES, "number of parts of the path"),
        "tag_count": Column(COUNT, "tags, attachments left out; null where they were not listed"),
        "listed_tag_count": Column(COUNT, "names in its list of tags, attachments too"),
        "manifest_count": Column(EXACT_BYTES, "manifests that it was seen to hold"),
        "tags_status": Column(TAGS_STATUS, "how the listing of its tags went"),
    },
    key=("registry", "repository"),
)

AUDIT_TAGS = Schema(
    "tags",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": TAG,
        "kind": KIND,
        "subject": Column(TEXT, "digest that the name of an attachment says it belongs to"),
        "is_semver": IS_SEMVER,
        "semver_major": Column(SMALL, "first number of the version"),
        "semver_minor": Column(SMALL, "second number of the version"),
        "semver_patch": Column(SMALL, "third number of the version"),
        "semver_prerelease": Column(TEXT, "what follows the dash of a version"),
        "digest": Column(
            TEXT,
            "digest of the manifest; null where the tag could not be read",
            references="repository_manifests.digest",
        ),
        "media_type": MEDIA_TYPE,
        "manifest_size": DOCUMENT,
        "observed_at": Column(TIME, "when the tag was read"),
        "error": Column(TEXT, "why the tag could not be read"),
    },
    key=("registry", "repository", "tag"),
)

AUDIT_MANIFESTS = Schema(
    "manifests",
    {
        "registry": REGISTRY,
        "digest": Column(TEXT, "digest of the manifest", references="blobs.digest"),
        "media_type": MEDIA_TYPE,
        "kind": Column(MANIFEST_KIND, "what sort of manifest it is"),
        "size": Column(EXACT_BYTES, "bytes of the manifest document itself"),
        "config_digest": Column(
            TEXT,
            "digest of the config of an image or artifact; `configs` has what could be read",
            references="blobs.digest",
        ),
        "config_media_type": Column(TEXT, "media type of the config"),
        "artifact_type": Column(TEXT, "what sort of artifact it says it is"),
        "subject": Column(
            TEXT, "digest of the manifest that it says it is about", references="blobs.digest"
        ),
        "layer_count": Column(COUNT, "number of layers; null for an index"),
        "child_count": Column(COUNT, "number of entries of an index; null for an image"),
        "annotations": ANNOTATIONS,
        **PLATFORM,
        "created": CREATED,
        "is_attestation": Column(FLAG, "whether it is what a builder says of another manifest"),
        "declared_size": DECLARED,
        "stored_size": Column(BYTES, "document, and distinct own blobs; children left out"),
        "foreign_size": Column(BYTES, "declared bytes of layers that lie elsewhere"),
    },
    key=("registry", "digest"),
)

AUDIT_REPOSITORY_MANIFESTS = Schema(
    "repository_manifests",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "digest": Column(
            TEXT, "digest of the manifest", references="manifests.digest", where="present"
        ),
        "source": Column(MEMBER_SOURCE, "what first led to it"),
        "present": Column(MAYBE, "False: named here, but not held; null: no answer"),
        "live": Column(FLAG, "whether it is alive under the policy of the audit"),
        "depth": Column(COUNT, "steps from the nearest root; null where none leads to it"),
        "is_tagged": Column(FLAG, "whether a tag of this repository names it"),
        "is_child": Column(FLAG, "whether an index of this repository names it"),
        "is_referrer": Column(FLAG, "whether it is about another manifest: a row of referrers"),
        "tag_count": Column(EXACT_BYTES, "tags of this repository that name it"),
    },
    key=("registry", "repository", "digest"),
)

AUDIT_REFERENCES = Schema(
    "references",
    {
        "registry": REGISTRY,
        "manifest_digest": MANIFEST,
        "kind": Column(REFERENCE_KIND, "what it leads to"),
        "position": POSITION,
        "digest": DESCRIBED,
        "size": Column(EXACT_BYTES, "bytes, as declared"),
        "media_type": MEDIA_TYPE,
        **PLATFORM,
        "os_features": OS_FEATURES,
        "annotations": ANNOTATIONS,
        "foreign": FOREIGN,
        "is_attestation": Column(FLAG, "whether an index calls it what a builder says of an entry"),
        "has_inline_data": INLINE,
    },
    key=("registry", "manifest_digest", "kind", "position"),
)

AUDIT_LAYERS = Schema(
    "layers",
    {
        "registry": REGISTRY,
        "manifest_digest": MANIFEST,
        "position": Column(EXACT_BYTES, "0 is the lowest layer"),
        "digest": DESCRIBED,
        "size": Column(EXACT_BYTES, "bytes, as declared"),
        "media_type": MEDIA_TYPE,
        "annotations": ANNOTATIONS,
        "foreign": FOREIGN,
        "is_empty_layer": Column(FLAG, "whether it is the layer that holds no file"),
        "has_inline_data": INLINE,
        "diff_id": Column(TEXT, "digest without compression; null unless the config fits"),
    },
    key=("registry", "manifest_digest", "position"),
)

AUDIT_BLOBS = Schema(
    "blobs",
    {
        "registry": REGISTRY,
        "digest": Column(TEXT, "digest of the blob, manifests included"),
        "size": Column(BYTES, "bytes as stored; null where nothing says it"),
        "size_source": Column(
            SIZE_SOURCE, "a descriptor, what was read, or the registry, asked by HEAD"
        ),
        "is_config": Column(FLAG, "whether a manifest names it as config"),
        "is_layer": Column(FLAG, "whether a manifest names it as layer"),
        "is_manifest": Column(FLAG, "whether it is a manifest, or named as one"),
        "manifest_count": Column(EXACT_BYTES, "manifests that name it as config, layer or child"),
        "repository_count": Column(EXACT_BYTES, "repositories whose manifests need it"),
        "tag_count": Column(EXACT_BYTES, "tags that need it, attachments left out"),
        "live": Column(FLAG, "whether it has to stay under the policy of the audit"),
        "present": Column(MAYBE, "of a manifest: whether a repository holds it; null: not asked"),
        "foreign": Column(FLAG, "whether it is only named as lying elsewhere"),
        "compression": Column(COMPRESSION, "of a layer, as its media type says"),
        "uncompressed_size": Column(BYTES, "of a layer once unpacked; null where nothing tells it"),
        "uncompressed_source": Column(
            UNCOMPRESSED_SOURCE, "its size, or the end of its gzip modulo 2**32, or its zstd frame"
        ),
        "size_conflict": Column(FLAG, "whether descriptors disagree, with each other or with it"),
    },
    key=("registry", "digest"),
)

AUDIT_REPOSITORY_BLOBS = Schema(
    "repository_blobs",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "digest": Column(TEXT, "digest of the blob, manifests included", references="blobs.digest"),
        "live": Column(FLAG, "whether it has to stay there under the policy of the audit"),
    },
    key=("registry", "repository", "digest"),
)

AUDIT_CONFIGS = Schema(
    "configs",
    {
        "registry": REGISTRY,
        "digest": Column(TEXT, "digest of the config", references="blobs.digest"),
        "size": Column(EXACT_BYTES, "bytes of the config, as they were read"),
        **PLATFORM,
        "os_features": OS_FEATURES,
        "created": CREATED,
        "created_plausible": Column(
            MAYBE, "2013-03-20 or later, and at most a day after the audit"
        ),
        "author": Column(TEXT, "who built it, as the builder claims"),
        "user": Column(TEXT, "whom it runs as; null where that is not said"),
        "entrypoint": Column(TEXT, "the program and its first arguments, as JSON"),
        "command": Column(TEXT, "the arguments that a user replaces, as JSON"),
        "working_dir": Column(TEXT, "where it starts"),
        "exposed_ports": Column(TEXT, "ports, as JSON"),
        "env": Column(TEXT, "NAME=value each, as JSON"),
        "labels": Column(TEXT, "labels, as JSON"),
        "history_count": Column(EXACT_BYTES, "steps of its build"),
        "empty_layer_count": Column(EXACT_BYTES, "those of them that made no layer"),
        "diff_id_count": Column(EXACT_BYTES, "layers that it knows of"),
        "layers_match": Column(FLAG, "whether every manifest with this config has as many layers"),
    },
    key=("registry", "digest"),
)

AUDIT_DIFF_IDS = Schema(
    "diff_ids",
    {
        "registry": REGISTRY,
        "config_digest": CONFIG,
        "position": Column(EXACT_BYTES, "0 is the lowest layer"),
        "diff_id": Column(TEXT, "digest of the layer without compression"),
    },
    key=("registry", "config_digest", "position"),
)

AUDIT_HISTORY = Schema(
    "history",
    {
        "registry": REGISTRY,
        "config_digest": CONFIG,
        "position": Column(EXACT_BYTES, "0 is the first step"),
        "created": CREATED,
        "created_by": CREATED_BY,
        "comment": COMMENT,
        "author": Column(TEXT, "author of the step"),
        "empty_layer": Column(FLAG, "whether the step made no layer"),
        "layer_position": Column(COUNT, "position of the layer that it made"),
        "diff_id": Column(TEXT, "that layer without compression; null unless all steps fit"),
        "chain_id": Column(TEXT, "digest of that layer and all below it (image-spec, ChainID)"),
    },
    key=("registry", "config_digest", "position"),
)

AUDIT_LABELS = Schema(
    "labels",
    {
        "registry": REGISTRY,
        "owner_digest": Column(TEXT, "document that says it", references="blobs.digest"),
        "source": Column(LABEL_SOURCE, "where in the document"),
        "kind": Column(LABEL_KIND, "self, or which sort of its references is described"),
        "position": POSITION,
        "key": Column(TEXT, "name of the label or annotation"),
        "value": Column(TEXT, "what it says"),
        "digest": Column(TEXT, "what it says it of", references="blobs.digest"),
        "inherited": Column(
            MAYBE, "of a config's label: whether the image's base has the same; null without one"
        ),
    },
    key=("registry", "owner_digest", "source", "kind", "position", "key"),
)

AUDIT_REFERRERS = Schema(
    "referrers",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "subject": Column(
            TEXT,
            "digest of the manifest that it is about",
            references="repository_manifests.digest",
            where="subject_present",
        ),
        "digest": Column(TEXT, "digest of the referrer", references="repository_manifests.digest"),
        "artifact_type": Column(TEXT, "what sort of artifact it is"),
        "size": Column(BYTES, "bytes of its manifest"),
        "source": Column(REFERRER_SOURCE, "what says so; of several, the first of its words"),
        "subject_present": Column(FLAG, "False: an orphan; the repository does not hold it"),
        "tagged": Column(FLAG, "whether a tag of this repository names the referrer"),
    },
    key=("registry", "repository", "subject", "digest"),
)

AUDIT_ERRORS = Schema(
    "errors",
    {
        "registry": REGISTRY,
        "sequence": Column(EXACT_BYTES, "number of the row"),
        "observed_at": Column(TIME, "when it happened"),
        "repository": Column(TEXT, "path of the repository; null for the catalog"),
        "reference": REFERENCE,
        "parent_digest": Column(
            TEXT, "digest of the manifest that led there", references="blobs.digest"
        ),
        "stage": Column(STAGE, "what was being read"),
        "http_status": Column(COUNT, "status of the answer"),
        "code": Column(TEXT, "the registry's code, or the kind of error"),
        "message": Column(TEXT, "what happened, and what to do"),
        "retriable": Column(FLAG, "whether trying again may help"),
    },
    key=("registry", "sequence"),
)

AUDIT_TABLES = (
    AUDIT_SNAPSHOT, AUDIT_REPOSITORIES, AUDIT_TAGS, AUDIT_MANIFESTS, AUDIT_REPOSITORY_MANIFESTS,
    AUDIT_REFERENCES, AUDIT_LAYERS, AUDIT_BLOBS, AUDIT_REPOSITORY_BLOBS, AUDIT_CONFIGS,
    AUDIT_DIFF_IDS, AUDIT_HISTORY, AUDIT_LABELS, AUDIT_REFERRERS, AUDIT_ERRORS,
)  # fmt: skip
"""The tables of an audit; each is an attribute of that name."""

TABLES = Schema(
    "tables",
    {
        "table": Column(TEXT, "name of the table, an attribute of the audit"),
        "column": Column(TEXT, "name of the column"),
        "dtype": Column(TEXT, "type of its values, the same for no rows as for millions"),
        "key": Column(FLAG, "whether it is part of what tells rows apart; never null"),
        "meaning": Column(TEXT, "what it holds"),
        "references": Column(TEXT, "table.column that has a row for each value"),
    },
    key=("table", "column"),
)
