"""Live events: publish after commit, subscribe over the websocket, resume by sequence.

`publish` and `revoke` are for services, `register_topic` for an app's `ready()`; the rest serves the doors
(the websocket in accounts, later the SSE twin). Specified in platform.md section 12.
"""

from apps.common.live.publishing import publish, revoke
from apps.common.live.topics import Topic, Watcher, find_topic, register_topic

__all__ = ["Topic", "Watcher", "find_topic", "publish", "register_topic", "revoke"]
