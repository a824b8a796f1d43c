"""Which platforms tags have images for, and which they lack."""

from __future__ import annotations

from dataclasses import replace

from regnb.audit.audit import Audit
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.manifest import ImageManifest
from regnb.model.platform import Platform
from regnb.model.reference import referrers_tag
from tests.audit.building import Building, blob, config, digest, image, index
from tests.audit.configs import add_config


class Images(Building):
    """Images that are for a platform."""

    def made(self, name: str, platform: str, size: int = 100) -> ImageManifest:
        base = config(f"config of {name}", 0)
        add_config(self, base, platform=platform)
        return image(name, size, base)

    def both(self, tag: str, **declared: ImageManifest) -> None:
        """An index in ``app`` that names images for platforms: ``linux_amd64=image``."""
        entries = [entry(one, name.replace("_", "/")) for name, one in declared.items()]
        self.tag("app", tag, index(f"index {tag}", 9, *entries))
        self.hold("app", *declared.values())


def entry(made: ImageManifest, platform: str) -> Descriptor:
    return replace(made.descriptor, platform=Platform.parse(platform))


def cells(audit: Audit, *columns: str) -> list[tuple[object, ...]]:
    frame = audit.platforms()[["tag", "platform", "state", *columns]].astype(object)
    return list(frame.where(frame.notna(), None).itertuples(index=False, name=None))


def test_missing_cells_are_those_that_other_tags_of_the_repository_have() -> None:
    images = Images()
    amd, arm = images.made("amd", "linux/amd64"), images.made("arm", "linux/arm64/v8", size=70)
    images.both("1", linux_amd64=amd, linux_arm64_v8=arm)
    images.tag("app", "2", amd)
    images.tag("other", "1", images.made("riscv", "linux/riscv64"))
    audit = images.audit()
    assert cells(audit, "stored", "single_platform", "platform_count") == [
        ("1", "linux/amd64", "present", 100, False, 2),
        ("1", "linux/arm64/v8", "present", 70, False, 2),
        ("2", "linux/amd64", "present", 100, True, 1),
        ("2", "linux/arm64/v8", "missing", None, True, 1),
        ("1", "linux/riscv64", "present", 100, False, 1),
    ]
    frame = audit.platforms()
    assert frame["stored_sum"].tolist() == [170, 170, 100, 100, 100]
    assert frame["stored_max"].tolist() == [100, 100, 100, 100, 100]
    assert frame["repository_platform_count"].tolist() == [2, 2, 2, 2, 1]
    assert frame[["os", "architecture", "variant"]].to_numpy().tolist()[3] == [
        "linux",
        "arm64",
        "v8",
    ]
    assert frame["digest"].isna().tolist() == [False, False, False, True, False]


def test_two_names_of_one_platform_are_one() -> None:
    images = Images()
    images.both("1", linux_arm64=images.made("a", "linux/arm64/v8"))
    images.both("2", linux_arm64_v8=images.made("b", "linux/arm64"))
    images.tag("app", "3", images.made("c", "linux/arm/v6"))
    images.tag("app", "4", images.made("d", "linux/arm"))
    audit = images.audit()
    assert {(tag, name) for tag, name, state, *_ in cells(audit) if state == "present"} == {
        ("1", "linux/arm64"),
        ("2", "linux/arm64"),
        ("3", "linux/arm/v6"),
        ("4", "linux/arm"),
    }
    assert not audit.platforms()["differs"].any()


def test_an_image_that_is_for_another_platform_than_its_index_says() -> None:
    images = Images()
    wrong, right = images.made("a", "linux/amd64"), images.made("b", "linux/amd64", size=5)
    images.both("1", linux_arm64=wrong, linux_amd64=right)
    assert cells(images.audit(), "config_platform", "differs") == [
        ("1", "linux/amd64", "present", "linux/amd64", False),
        ("1", "linux/arm64", "present", "linux/amd64", True),
    ]


def test_an_image_that_is_named_for_two_platforms_is_stored_once() -> None:
    images = Images()
    made = images.made("a", "linux/amd64")
    images.both("1", linux_amd64=made, linux_arm64=made)
    frame = images.audit().platforms()
    assert frame["platform"].tolist() == ["linux/amd64", "linux/arm64"]
    assert frame["stored_sum"].tolist() == [100, 100]


def test_attestations_artifacts_and_attachments_are_no_images() -> None:
    images = Images()
    amd, attestation = images.made("amd", "linux/amd64"), images.made("att", "unknown/unknown")
    artifact = image("chart", 9, config("c", 1, "application/example"))
    listed = [
        entry(amd, "linux/amd64"),
        entry(attestation, "unknown/unknown"),
        entry(artifact, "linux/s390x"),
    ]
    images.tag("app", "1", index("I", 9, *listed))
    images.hold("app", amd, attestation, artifact)
    images.tag("app", "chart", artifact)
    images.tag("app", referrers_tag(amd.digest) + ".sig", images.made("s", "linux/arm64"))
    assert cells(images.audit()) == [("1", "linux/amd64", "present")]


def test_what_the_index_names_and_nobody_holds_is_absent() -> None:
    images = Images()
    amd = images.made("amd", "linux/amd64")
    gone = Descriptor(
        media_types.OCI_MANIFEST, digest("gone"), 7, platform=Platform.parse("linux/arm64")
    )
    unnamed = Descriptor(media_types.OCI_MANIFEST, digest("unnamed"), 7)
    top = index("I", 9, entry(amd, "linux/amd64"), gone, unnamed)
    images.tag("app", "1", top)
    images.tag("app", "2", amd)
    images.hold("app", amd)
    images.lack("app", top, gone.digest)
    images.lack("app", top, unnamed.digest)
    assert cells(images.audit(), "stored", "platform_count", "stored_sum") == [
        ("1", "linux/amd64", "present", 100, 1, 100),
        ("1", "linux/arm64", "absent", None, 1, 100),
        ("2", "linux/amd64", "present", 100, 1, 100),
        ("2", "linux/arm64", "missing", None, 1, 100),
    ]


def test_nested_indexes_and_entries_without_a_platform_are_followed() -> None:
    images = Images()
    amd, arm = images.made("amd", "linux/amd64"), images.made("arm", "linux/arm64", size=40)
    inner = index("inner", 5, amd.descriptor)
    images.tag("app", "1", index("outer", 5, inner.descriptor, arm.descriptor))
    images.hold("app", inner, amd, arm)
    assert cells(images.audit(), "stored_sum", "stored_max") == [
        ("1", "linux/amd64", "present", 140, 100),
        ("1", "linux/arm64", "present", 140, 100),
    ]


def test_layers_that_platforms_share_are_counted_for_each() -> None:
    images = Images()
    shared, made = blob("shared", 1000), []
    for platform in ("linux/amd64", "linux/arm64"):
        base = config(platform, 10)
        add_config(images, base, ["d"], platform=platform)
        made.append(image(f"image for {platform}", 100, base, shared, shared))
    images.both("1", linux_amd64=made[0], linux_arm64=made[1])
    frame = images.audit().platforms()
    assert frame["stored"].tolist() == [1110, 1110]
    assert frame["stored_sum"].tolist() == [2220, 2220]


def test_an_image_whose_config_was_not_read_has_a_row_without_platform() -> None:
    building = Building()
    building.tag("app", "1", image("bare", 10, config("unread", 5)))
    building.tag("app", "0", index("I", 9))
    assert cells(building.audit(), "stored", "platform_count") == [("1", None, "present", 15, 0)]


def test_an_empty_registry_gives_an_empty_table_of_the_same_types() -> None:
    images = Images()
    images.tag("app", "1", images.made("amd", "linux/amd64"))
    empty = Building().audit().platforms()
    assert empty.empty
    assert empty.dtypes.equals(images.audit().platforms().dtypes)
