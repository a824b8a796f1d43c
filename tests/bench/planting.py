"""Repositories and tags by the thousand, written into the folder of a docker-registry.

Its lists show the names of folders, so that no image is needed to fill them.
"""

from __future__ import annotations

from pathlib import Path

REPOSITORIES = Path("docker/registry/v2/repositories")


def plant_tags(root: Path, repository: str, tags: int) -> None:
    """Let a repository have so many tags, all of one manifest that is not there."""
    folder = root / REPOSITORIES / repository
    (folder / "_layers").mkdir(parents=True)
    for number in range(tags):
        current = folder / f"_manifests/tags/release-{number:06d}/current"
        current.mkdir(parents=True)
        (current / "link").write_text("sha256:" + "a" * 64)


def plant_repositories(root: Path, repositories: int) -> None:
    """Let a registry have so many repositories, without a tag."""
    for number in range(repositories):
        folder = f"team-{number % 100:02d}/repository-{number:06d}/_layers"
        (root / REPOSITORIES / folder).mkdir(parents=True)
