"""Image configs made of plain values, for inventories that are filled by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from regnb.model.descriptor import Descriptor
from regnb.model.image_config import ImageConfig
from regnb.model.platform import Platform
from tests.audit.building import Building

MADE = datetime(2026, 1, 1, tzinfo=UTC)


def add_config(
    building: Building,
    config: Descriptor,
    diff_ids: Sequence[str] = (),
    *,
    platform: str = "linux/amd64",
    **more: Any,
) -> None:
    """Write down what the config behind a descriptor says."""
    fields = {"created": MADE, **more}
    building.inventory.add_config(
        ImageConfig(
            bytes(config.size),
            config.digest,
            Platform.parse(platform),
            diff_ids=tuple(diff_ids),
            **fields,
        )
    )
