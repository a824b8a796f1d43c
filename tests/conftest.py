"""Settings for all tests."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No assertion on time: a slow machine is not a failing test. CI tries the same examples at every
# run, so that a change is judged by what it changes; on a desk every run tries new ones.
settings.register_profile(
    "regnb",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("regnb")
