"""The names that people type: exactly these, and a light import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import regnb

PUBLIC = {
    *("Audit", "Client", "Image", "Repo", "RegistryError", "RegnbError", "connect", "copy"),
    *(
        "DeletionPlan",
        "Growth",
        "LivenessPolicy",
        "cache",
        "expire",
        "keep",
        "list_audits",
        "load_audit",
    ),
    "errors",
    *("get_options", "image", "login", "logout", "option_context", "sample"),
    *("set_options", "styled"),
}

METHODS = {
    "Client": "audit catalog close image ping push repository",
    "Repo": "copy_to download pull tags",
    "Image": "config copy_to digest history layers manifest platforms pull refresh save",
    "Audit": "blobs configs diff_ids errors history labels layers manifests references referrers "
    "repositories repository_blobs repository_manifests save snapshot tables tags usage "
    "du top sharing bundles since "
    "with_policy base_images recompressed plan_delete free gc_risk "
    "ages compliance orphans platforms stale"
    " retention",
    "Growth": "blobs complete delta repositories tags",
    "DeletionPlan": "blobs collateral execute explain log manifests policy registry to_frame",
}


def test_the_exported_names_are_exactly_the_public_ones() -> None:
    assert set(regnb.__all__) == PUBLIC
    assert regnb.__all__ == sorted(regnb.__all__)
    assert all(getattr(regnb, name) is not None for name in regnb.__all__)


@pytest.mark.parametrize("name", METHODS)
def test_every_class_has_exactly_its_promised_methods(name: str) -> None:
    public = {n for n in dir(getattr(regnb, name)) if not n.startswith("_")}
    assert public - {"card", "visibility"} == set(METHODS[name].split())


@pytest.mark.parametrize("name", METHODS)
def test_every_public_method_says_what_it_does(name: str) -> None:
    for method in METHODS[name].split():
        text = getattr(getattr(regnb, name), method).__doc__
        assert text
        assert text.splitlines()[0].endswith(".")


def test_errors_are_all_of_one_family_and_drawn_in_the_tree() -> None:
    defined = vars(regnb.errors).values()
    classes = {
        c.__name__: c for c in defined if isinstance(c, type) and c.__module__ == "regnb.errors"
    }
    assert {"RegnbError", "CacheWarning", "RateLimitedError"} < set(classes)
    drawn = regnb.errors.__doc__ or ""
    for name, error in classes.items():
        assert issubclass(error, regnb.RegnbError | Warning)
        assert name in drawn


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        regnb.nothing_like_it  # noqa: B018 - the access is what is tested


def test_importing_regnb_brings_no_extras_and_no_sample() -> None:
    script = (
        "import sys, pandas; before = set(sys.modules); import regnb; "
        "print(*sorted({m.partition('.')[0] for m in set(sys.modules) - before} | "
        "{m for m in sys.modules if m.startswith('regnb.sample')}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "regnb" in loaded
    # pyarrow is not among them: pandas itself imports it where it is installed.
    assert loaded & {"matplotlib", "ipywidgets", "IPython", "jinja2"} == set()
    assert not any(name.startswith("regnb.sample") for name in loaded)


def test_importing_regnb_brings_no_audit_and_completion_shows_it_all_the_same() -> None:
    script = (
        "import sys, regnb; "
        "print(*(m for m in sys.modules if m.startswith('regnb.audit.'))); "
        "print(*(set(regnb.__all__) - set(dir(regnb)))); print(regnb.Audit.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    # That tells whether pyarrow is there, and nothing else.
    assert done.stdout.splitlines() == ["regnb.audit.parquet", "", "Audit"]
