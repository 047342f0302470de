"""Where points come in: small ASGI code in front of Django, and one folder for each protocol.

A folder holds how bodies are read (pure: bytes to points) and `door` (who calls, what is answered); all else
is shared.
"""
