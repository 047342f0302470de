"""HTTP to foreign hosts, where somebody else may have chosen the address (platform.md section 16).

Each hop: the address's syntax is vetted, its name resolved once, every address behind it must be public, and
the connection goes to exactly those addresses. Redirects start over. Bytes and time are capped.

    calling.call(url, purpose=…)     -> Answer, behind a breaker, tried again where that does no harm
    client.fetch(url, purpose=…)     -> Answer, whole
    client.open_url(url, purpose=…)  -> Exchange, to be read in pieces
    resolving.vet_host(host, port)   -> the vetted addresses, for programs that connect by themselves

Nothing is imported here: processes that only know the errors do without the HTTP client's memory.
"""
