"""Progress: how far a walk is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a walk is.

    Attributes:
        repositories_known: repositories to walk.
        repositories: those whose tags were listed.
        tags_known: tags and other references to read, as far as they were listed.
        tags_done: those that were read or failed.
        manifests: distinct manifests read.
        configs: distinct image configs read.
        layers_known: layers to ask for their uncompressed size; none before that begins.
        layers: those that were asked, or had told it before.
        requests: questions asked; a listing of many pages counts as one.
        errors: what could not be read.
    """

    repositories_known: int
    repositories: int
    tags_known: int
    tags_done: int
    manifests: int
    configs: int
    layers_known: int
    layers: int
    requests: int
    errors: int
