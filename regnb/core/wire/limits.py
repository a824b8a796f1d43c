"""Limits: every number that bounds what a registry can cost its caller."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, how often and how much; the defaults are the promises of this package.

    Attributes:
        connect_timeout: seconds to open a connection.
        read_timeout: seconds without a byte before an answer counts as lost.
        metadata_total: seconds for one whole answer that is no blob stream (S24).
        stall_window: seconds of waiting over which a blob must bring `stall_bytes`.
        stall_bytes: bytes; a slower blob counts as stalled.
        progress: bytes that a try of a transfer must move to be more than a failed one (F6).
        skipped: bytes that are read and thrown away to reach the middle of a blob, where a
            registry sends only whole ones (W-B7).
        attempts: tries of one request in all.
        first_attempts: tries while the registry has not answered at all, so that a wrong
            address is told within a couple of seconds.
        backoff_base: seconds; the wait before try n is random below base * 2**(n - 2).
        backoff_cap: seconds; the longest such wait.
        retry_budget: seconds from the first try of a call to the start of its last.
        retry_after_cap: seconds; a registry that asks for a longer wait is not waited for.
        cancel_total: seconds that a registry gets to forget an upload that was broken off (F10).
        error_body: bytes read of an error answer; the rest is dropped.
        manifest: bytes of a manifest.
        page: bytes of one page of a listing.
        listing: bytes of all pages of a listing.
        pages: pages of a listing.
        items: names in a listing.
        referrers: manifests that are gone through for the referrers of one.
        referrers_depth: steps from that one.
        token: bytes of the answer of a token service.
        token_total: seconds for one whole answer of a token service (F5).
        tokens: tokens kept at once; the oldest are let go.
        connections: connections kept open per host.
        auth_file: bytes of a file of logins.
        helper_output: bytes that a credential helper may print.
        helper_timeout: seconds that a credential helper may run.
        helper_memory: seconds for which what a helper gave is used again.
        helper_memory_of_none: seconds for which a helper that gave nothing is not asked again;
            few, so that a login made meanwhile in a terminal counts soon.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    metadata_total: float = 120.0
    stall_window: float = 60.0
    stall_bytes: int = 60 * KIB
    progress: int = MIB
    skipped: int = 8 * MIB
    attempts: int = 6
    first_attempts: int = 2
    backoff_base: float = 0.5
    backoff_cap: float = 30.0
    retry_budget: float = 300.0
    retry_after_cap: float = 300.0
    cancel_total: float = 2.0
    error_body: int = 64 * KIB
    manifest: int = 4 * MIB
    page: int = 64 * MIB
    listing: int = GIB
    pages: int = 10_000
    items: int = 5_000_000
    referrers: int = 10_000
    referrers_depth: int = 16
    token: int = MIB
    token_total: float = 30.0
    tokens: int = 1000
    connections: int = 32
    auth_file: int = MIB
    helper_output: int = MIB
    helper_timeout: float = 30.0
    helper_memory: float = 300.0
    helper_memory_of_none: float = 10.0
