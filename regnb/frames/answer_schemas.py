"""The columns of the answers about what images are made of."""

from __future__ import annotations

import pandas as pd

from regnb.frames.schemas import (
    ARCHITECTURE,
    BYTES,
    COUNT,
    CREATED,
    CREATED_FROM,
    DIGEST,
    EXACT_BYTES,
    FLAG,
    OS,
    REGISTRY,
    REPOSITORY,
    SHARE,
    TAG,
    TEXT,
    TIME,
    VARIANT,
    Column,
    Dtype,
    Schema,
)

KNOWN_FLAG: Dtype = pd.BooleanDtype()
EVIDENCE: Dtype = pd.CategoricalDtype(["annotation", "chain", "known", "label", "history"])
ORPHAN_KIND: Dtype = pd.CategoricalDtype(["attachment", "referrer", "index", "tag"])
AGE: Dtype = pd.CategoricalDtype(
    [
        "under 7 days",
        "7 to 30 days",
        "30 to 90 days",
        "90 to 180 days",
        "180 days to 1 year",
        "1 to 2 years",
        "2 to 5 years",
        "5 years or more",
        "implausible",
        "unknown",
    ],
    ordered=True,
)
CELL_STATE: Dtype = pd.CategoricalDtype(["present", "absent", "missing"])
MEDIA_TYPES: Dtype = pd.CategoricalDtype(["oci", "docker", "mixed", "schema1", "other"])

RECOMPRESSED = Schema(
    "recompressed",
    {
        "registry": REGISTRY,
        "diff_id": Column(TEXT, "digest of the layer without compression, as configs say"),
        "copies": Column(EXACT_BYTES, "distinct blobs that it is stored as"),
        "total": Column(EXACT_BYTES, "bytes of all of them"),
        "smallest": Column(EXACT_BYTES, "bytes of the smallest"),
        "waste": Column(EXACT_BYTES, "bytes of the others"),
        "deliberate": Column(
            FLAG,
            "whether they differ on purpose: encrypted, or one each of plain and lazily pulled",
        ),
        "digests": Column(TEXT, "digests of the copies, the smallest first, with spaces between"),
        "media_types": Column(TEXT, "their media types, each once, with spaces between"),
    },
)

BASE_IMAGES = Schema(
    "base images",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": Column(TEXT, "tag that leads to the image, the first by name; null where none does"),
        "digest": DIGEST,
        "os": OS,
        "architecture": ARCHITECTURE,
        "variant": VARIANT,
        "layer_count": Column(EXACT_BYTES, "layers of the image, as its config lists them"),
        "sibling_count": Column(EXACT_BYTES, "other images of the registry with just these layers"),
        "evidence": Column(EVIDENCE, "what tells the base; null where nothing does"),
        "base_name": Column(TEXT, "name of the base: as annotated, or registry/repository:tag"),
        "base_digest": Column(TEXT, "digest of the base, as annotated or matched"),
        "base_layer_count": Column(COUNT, "how many of the layers are the base's"),
        "base_sibling_count": Column(
            COUNT, "other images with just the layers of the matched base"
        ),
        "layers_agree": Column(
            KNOWN_FLAG, "whether the layers of the named base are the first of the image's"
        ),
        "outdated": Column(
            KNOWN_FLAG, "whether the name of the base names another image now; null: not known"
        ),
        "current_digest": Column(TEXT, "what the name of the base names now, if that is known"),
        "first_step": Column(TEXT, "comment of the first step of the build, else its command"),
    },
)

ORPHANS = Schema(
    "orphans",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "kind": Column(
            ORPHAN_KIND,
            "a tag about an absent manifest, a manifest about one, an index that lacks entries, or "
            "a tag that is listed but names nothing",
        ),
        "tag": Column(TEXT, "tag that names it, the first by name; null where none does"),
        "tag_count": Column(EXACT_BYTES, "tags of the repository that name it"),
        "digest": Column(TEXT, "digest of the orphan; null for a tag that names nothing"),
        "artifact_type": Column(TEXT, "what sort of artifact it says it is"),
        "missing": Column(TEXT, "digests that it lacks, sorted, with spaces between"),
        "missing_count": Column(EXACT_BYTES, "how many they are"),
        "confirmed": Column(
            FLAG, "whether the repository was asked and lacks them; else nothing led to them"
        ),
        "manifest_count": Column(EXACT_BYTES, "manifests that it leads to, itself included"),
        "stored": Column(EXACT_BYTES, "distinct bytes that it leads to"),
        "frees": Column(EXACT_BYTES, "those of them that are freed if it alone is deleted"),
    },
)

AGES = Schema(
    "ages",
    {
        "registry": REGISTRY,
        "age": Column(AGE, "how old it is; implausible: no such time can be; unknown: none stated"),
        "from_days": Column(COUNT, "from so many days on"),
        "to_days": Column(COUNT, "under so many days"),
        "tag_count": Column(EXACT_BYTES, "tags that are so old, attachments left out"),
        "tag_percent": Column(SHARE, "of all tags"),
        "fair": Column(SHARE, "their fair shares of the stored bytes, together"),
        "fair_percent": Column(SHARE, "of all stored bytes"),
    },
)

STALE = Schema(
    "stale",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": TAG,
        "digest": DIGEST,
        "created": CREATED,
        "claimed": Column(TIME, "latest time that a config states, be it possible or not"),
        "time_source": CREATED_FROM,
        "age_days": Column(COUNT, "whole days from created to the end of the audit"),
        "unmoved_since": Column(TIME, "since when earlier audits saw it name the same"),
        "unmoved_days": Column(COUNT, "whole days from then to the end of the audit"),
        "moved_after": Column(TIME, "when an earlier audit last saw it elsewhere, or not there"),
        "unused": Column(KNOWN_FLAG, "whether no running image is of it; null: not asked"),
        "stored": Column(EXACT_BYTES, "distinct bytes that the tag needs"),
        "exclusive": Column(EXACT_BYTES, "bytes that no other tag needs"),
        "fair": Column(SHARE, "each blob divided evenly among the tags that need it"),
    },
)

PLATFORM_COVERAGE = Schema(
    "platform coverage",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": TAG,
        "platform": Column(TEXT, "what it runs on, by one name for all names of the same platform"),
        "os": OS,
        "architecture": ARCHITECTURE,
        "variant": VARIANT,
        "os_version": Column(TEXT, "version of the operating system"),
        "state": Column(
            CELL_STATE,
            "present; absent: named, but not held; missing: only other tags of the repository have "
            "an image for it",
        ),
        "digest": Column(TEXT, "digest of the image; null where it is missing"),
        "stored": Column(BYTES, "bytes of the image: manifest, config and distinct layers"),
        "config_platform": Column(TEXT, "platform that the config of the image says"),
        "differs": Column(FLAG, "whether that is another than the index says"),
        "platform_count": Column(EXACT_BYTES, "platforms that the tag has images for"),
        "repository_platform_count": Column(
            EXACT_BYTES, "platforms that tags of the repository name"
        ),
        "single_platform": Column(FLAG, "whether the tag has one platform, its repository several"),
        "stored_sum": Column(EXACT_BYTES, "stored of all images of the tag, added up"),
        "stored_max": Column(EXACT_BYTES, "stored of the largest image of the tag"),
    },
)

COMPLIANCE = Schema(
    "compliance",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": TAG,
        "platform": Column(TEXT, "what the image runs on; null where nothing says it"),
        "digest": Column(TEXT, "digest of the image"),
        "labels_present": Column(TEXT, "required labels that it has, with spaces between"),
        "labels_missing": Column(TEXT, "required labels that it lacks, with spaces between"),
        "labels_inherited": Column(TEXT, "those present that are its base's, value and all"),
        "media_types": Column(MEDIA_TYPES, "whose media types manifest, config and layers have"),
        "signed": Column(FLAG, "whether a signature of it, or of what the tag names, was seen"),
        "created": CREATED,
        "implausible": Column(FLAG, "whether that time cannot be true"),
        "user": Column(TEXT, "whom it runs as; null where it names nobody"),
        "root": Column(KNOWN_FLAG, "whether that is root; null on Windows and where not known"),
        "layer_count": Column(EXACT_BYTES, "number of layers"),
        "too_many_layers": Column(FLAG, "whether they are more than 127"),
        "layers_match": Column(KNOWN_FLAG, "whether the config lists as many; null: not read"),
        "repeated_layers": Column(EXACT_BYTES, "layers that the manifest has named before"),
        "foreign_layers": Column(EXACT_BYTES, "layers that lie elsewhere"),
    },
)
