"""Signatures: which manifests a repository has a signature of."""

from __future__ import annotations

import numpy as np

from regnb.audit.kernel.arrays import Flags
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels

TYPES = (
    "application/vnd.dev.cosign.artifact.sig.",
    "application/vnd.dev.cosign.simplesigning.",
    "application/vnd.dev.sigstore.bundle.",
    "application/vnd.cncf.notary.signature",
)
"""How the types of signatures begin: cosign's two, Sigstore's bundles and Notation's."""


SIGNATURE_TAG = ".sig"
"""How the tags of cosign end that hold signatures."""


def signed_places(levels: Levels, images: Images) -> Flags:
    """Whether each place has a signature: a referrer, or a tag of cosign's, that says it is one.

    Whether the signature is good is another question, and not asked here.
    """
    graph, inventory = levels.graph, levels.inventory
    is_type = np.array([*(text.startswith(TYPES) for text in inventory.texts.values), False])
    edges = inventory.edges
    is_signature = is_type[images.document("artifact_type")]
    is_signature[edges.column("parent")[is_type[edges.column("media_type")]]] = True
    listed = inventory.referrers
    is_signature[listed.column("digest")[is_type[listed.column("artifact_type")]]] = True
    of_place = is_signature[graph.digest]
    of_place[levels.seen.tag_place[_named(levels)]] = True
    subject, referrer = graph.referrers.follow(np.arange(len(graph.keys)))
    signed = np.zeros(len(graph.keys), dtype=bool)
    signed[subject[of_place[referrer]]] = True
    return signed


def _named(levels: Levels) -> Flags:
    """Whether each tag of `Seen.read` holds a signature by its name."""
    seen, words = levels.seen, levels.inventory.texts.values
    ends = np.array([text.endswith(SIGNATURE_TAG) for text in words], dtype=bool)
    found: Flags = seen.attached & ends[levels.inventory.tags.column("tag")[seen.read]]
    return found
