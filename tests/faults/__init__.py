"""A registry with trouble: a proxy that breaks requests in known ways, and a log of what came.

A test puts `Proxy` between a client and a registry, and says what goes wrong by a scenario::

    rules = [
        Rule(Break(after=8192), method="GET", path="/blobs/"),  # the first GET of a blob: RST
        Rule(Status(503, after="2"), path="/manifests/", nth=2, times=3),
        Rule(TokenExpires(uses=5), times=ALWAYS),
        Rule(CloseOnAccept(), method=CONNECT, nth=4),  # the fourth connection
    ]
    with docker_registry(tmp_path) as url, Proxy(url, Scenario(*rules)) as proxy:
        ...  # a client of proxy.url
        first, second = proxy.seen("GET", "/blobs/")
        assert second.headers.get("Range") == "bytes=8192-"

Every rule counts the requests that match its method, path and origin; `nth` and `times` say which
of them meet its fault. One request meets one fault: the first rule that covers it. `in_order` is
shorter where each request has its own, and `RandomScenario` draws from a menu by a seed.

The faults, each a frozen value whose repr is its name:

========== ====================================================================================
endings    Refuse CloseOnAccept Drop Break BreakInSizeLine Stall Drip CloseIdle
answers    Status (with any Retry-After) Huge Http10 IgnoreExpect EndlessPages
bodies     WrongLength DuplicateLength NegativeLength Corrupt Gzip
ranges     WrongStart WrongTotal FullOnRange NotSatisfiable Multipart
redirects  Presigned RedirectLoop LocationForm
tokens     TokenExpires SkewIssued; and Status, Stall, Huge on the path ``^/token``
uploads    BreakUpload RefuseChunk LoseSession StaleLocation; and Drop(forwarded=True) on PUT
========== ====================================================================================

What else a test can do:

* A new fault overrides a moment of `Fault`: on_connect, on_request, on_request_body, on_response,
  on_sent. It may change what it sees, answer itself, wrap a body, or raise `CutError`.
* A `BearerGate` or `BasicGate` in front of the registry asks for credentials. Requests that it
  refuses, and those that a presigned URL refuses, take no part in the scenario.
* What `Stall` holds goes on after `Proxy.release`; a port that `Refuse` closed opens by
  `Proxy.listen`. The sleep of a test's clock is a good place for either.
* `Proxy.elsewhere` is a second origin in front of the same registry: `Presigned` and `LocationForm`
  lead there. Rules stand for the first unless they name the origin.
* With `now=clock.look` the log tells when requests came on the clock of the test: so that nothing
  left before Retry-After.
* Names are resolved by the client: a name that does not resolve is not the proxy's fault.
"""
