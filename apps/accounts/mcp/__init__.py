"""The Model Context Protocol at `POST /mcp`: what the caller may do here, as tools for programs and models.

Two eras are spoken. Revision 2026-07-28 is stateless by itself: each request names its revision and the
client's capabilities in `_meta`, headers repeat what a proxy routes by, `server/discover` says what there is.
Revisions 2025-11-25, 2025-06-18 and 2025-03-26 begin with `initialize`; no session id is given out, so
nothing is kept between two requests and any web process answers any of them. All answers are JSON.

`views` is HTTP (who calls, from where, which media type), `messages` JSON-RPC, `revisions` the two eras and
the header checks, `methods` the table of methods, `calls` the running of a tool with its limits, `resources`
the reading by address, `platform` and `jobs` the tools of accounts. Apps fill the registry
`apps.common.tools`.

Not built on the server side of the `mcp` SDK (2.3), which was measured and read first. Importing it takes
57 MB in each web process, its wire types alone 23 MB, of 450 MB for the whole stack; all this here takes less
than one. And what the SDK carries is the smaller part: it has no list of tools per caller, knows neither our
keys and tokens nor our problems, and wants an ASGI application of its own beside Django's, where the
transaction of a tool's effect and its idempotency key would be out of reach. Its client is the referee: the
tests speak to this server through it, in both eras, and hold every answer against its types.
"""
