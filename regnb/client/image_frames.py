"""The tables of one image: its platforms, layers and history."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from regnb.client.parts import Part, Parts
from regnb.frames.build import frame
from regnb.frames.schemas import HISTORY, LAYERS, PLATFORMS, Schema
from regnb.model.descriptor import Descriptor
from regnb.model.image_config import HistoryEntry, ImageConfig
from regnb.model.manifest import ImageManifest
from regnb.model.media_types import EMPTY_LAYERS

Row = dict[str, object]


def platforms(parts: Parts) -> pd.DataFrame:
    """One row a manifest that is no index."""
    found = parts.all()
    parts.read_configs(found)
    return _frame(PLATFORMS, parts, [_platform_row(parts, part) for part in found])


def layers(parts: Parts, platform: str | None) -> pd.DataFrame:
    """One row a layer and platform, joined to the history of its image."""
    found = parts.images(platform)
    parts.read_configs(found)
    return _frame(LAYERS, parts, [row for part in found for row in _layer_rows(parts, part)])


def history(parts: Parts, platform: str | None) -> pd.DataFrame:
    """One row a build step and platform, joined to the layer that it made."""
    found = parts.images(platform)
    parts.read_configs(found)
    return _frame(HISTORY, parts, [row for part in found for row in _history_rows(parts, part)])


def _frame(schema: Schema, parts: Parts, rows: list[Row]) -> pd.DataFrame:
    registry = parts.core.registry.name
    reference = parts.reference.tag or str(parts.top().digest)
    same = {"registry": registry, "repository": parts.core.name, "reference": reference}
    columns = {name: [{**same, **row}[name] for row in rows] for name in schema.columns}
    return frame(schema, columns, registry=registry, retrieved=datetime.now(UTC))


def _platform(parts: Parts, part: Part) -> Row:
    platform = parts.platform_of(part)
    return {
        "os": platform.os if platform else None,
        "architecture": platform.architecture if platform else None,
        "variant": platform.variant if platform else None,
    }


def _platform_row(parts: Parts, part: Part) -> Row:
    manifest, platform = part.manifest, parts.platform_of(part)
    config = parts.config_if_any(part)
    image = manifest if isinstance(manifest, ImageManifest) else None
    return {
        **_platform(parts, part),
        "digest": part.descriptor.digest,
        "media_type": part.descriptor.media_type,
        "os_version": platform.os_version if platform else None,
        "is_attestation": part.descriptor.is_attestation,
        "size": image.stored_size if image else None,
        "declared_size": image.declared_size if image else None,
        "manifest_size": manifest.size if manifest else part.descriptor.size,
        "layer_count": len(image.layers) if image else None,
        "created": config.created if config else None,
        "present": manifest is not None,
    }


def _layer_rows(parts: Parts, part: Part) -> list[Row]:
    manifest, config = part.manifest, parts.config_if_any(part)
    if not isinstance(manifest, ImageManifest):
        return []
    steps = _steps(manifest, config)
    diff_ids = config.diff_ids if config and len(config.diff_ids) == len(manifest.layers) else ()
    return [
        {
            **_platform(parts, part),
            **_made_by(steps[position]),
            **_layer(layer),
            "manifest_digest": manifest.digest,
            "position": position,
            "diff_id": diff_ids[position] if diff_ids else None,
        }
        for position, layer in enumerate(manifest.layers)
    ]


def _layer(layer: Descriptor) -> Row:
    return {
        "digest": layer.digest,
        "media_type": layer.media_type,
        "size": layer.size,
        "empty": layer.digest in EMPTY_LAYERS,
        "foreign": layer.foreign,
    }


def _made_by(step: HistoryEntry | None) -> Row:
    return {
        "created": step.created if step else None,
        "created_by": step.created_by if step else None,
        "comment": step.comment if step else None,
    }


def _steps(manifest: ImageManifest, config: ImageConfig | None) -> list[HistoryEntry | None]:
    """The step that made each layer; nulls where history and layers do not match in number."""
    steps = config.layer_history() if config else ()
    if len(steps) != len(manifest.layers):
        return [None] * len(manifest.layers)
    return list(steps)


def _history_rows(parts: Parts, part: Part) -> list[Row]:
    manifest, config = part.manifest, parts.config_if_any(part)
    if config is None or not isinstance(manifest, ImageManifest):
        return []
    matched = len(config.layer_history()) == len(manifest.layers)
    rows: list[Row] = []
    made = 0
    for position, step in enumerate(config.history):
        layer = None if step.empty_layer or not matched else manifest.layers[made]
        rows.append(
            {
                **_platform(parts, part),
                **_made_by(step),
                "manifest_digest": manifest.digest,
                "position": position,
                "author": step.author,
                "empty_layer": step.empty_layer,
                "layer_position": made if layer else None,
                "digest": layer.digest if layer else None,
                "size": layer.size if layer else None,
            }
        )
        made += not step.empty_layer
    return rows
