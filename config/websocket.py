"""Uvicorn's websocket with the limits and close codes of platform.md section 12.

Uvicorn closes by codes of its own (1009 for size, 1011 for silence, 1012 for a restart), keeps a compressor
per connection, and waits for ever to tell a client that reads nothing. Given as `--ws` of the web process.
"""

import asyncio
import logging
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode as StandardCode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from apps.common.live.messages import WIRE
from apps.common.live.protocol import HEARTBEAT_S, MESSAGE_MAX_BYTES, PONG_LIMIT_S, CloseCode

# How long a client that was told to go may take; then the connection is cut.
LINGER_S: Final = 5.0


class LimitedProtocol(ServerProtocol):
    """The protocol's state machine; an oversized message ends it by our code."""

    def fail(self, code: int, reason: str = "") -> None:
        """Fail the connection."""
        is_size = code == StandardCode.MESSAGE_TOO_BIG
        super().fail(CloseCode.TOO_LARGE if is_size else code, "" if is_size else reason)


class LiveWebSocketProtocol(WebSocketsSansIOProtocol):
    """One websocket connection of the web process."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # Without compression: an event is encoded once for all, and a compressor would cost each 30 kB.
        self.conn = LimitedProtocol(max_size=MESSAGE_MAX_BYTES, logger=logging.getLogger("uvicorn.error"))
        self.ping_interval = HEARTBEAT_S
        self.ping_timeout = PONG_LIMIT_S - HEARTBEAT_S

    def handle_connect(self, event: Request) -> None:
        """Start the application, and tell it of the quick way out."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = {**self.scope["extensions"], WIRE: self.write_frame}
            self.scope["extensions"] = extensions

    def write_frame(self, frame: bytes) -> bool:
        """Write a ready frame at once; False if the client does not keep up, or the connection is ending."""
        is_open = self.writable.is_set() and not self.close_sent and not self.transport.is_closing()
        if is_open:
            self.transport.write(frame)
        return is_open

    async def send(self, message: Any) -> None:
        """Send; a close goes out even if the client reads nothing, and then the connection is cut."""
        if message["type"] == "websocket.close" and self.handshake_complete and not self.close_sent:
            self.writable.set()
            self.loop.call_later(LINGER_S, self.transport.abort)
        await super().send(message)

    def keepalive_timeout(self) -> None:
        """Close after missing pongs."""
        self.pong_timer = None
        self._end(CloseCode.SILENT, "no pong")

    def shutdown(self) -> None:
        """Close because the server stops; the client comes back by itself."""
        if self.handshake_complete and not self.close_sent:
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": int(CloseCode.RESTART)})
            self._end(CloseCode.RESTART, "restart")
        else:
            super().shutdown()

    def handle_parser_exception(self) -> None:
        """Close a connection whose client broke the protocol, without losing the close frame.

        The rest of an oversized message is read and thrown away: closing the socket over unread bytes would
        reset it, and the client would never see the code.
        """
        if self.close_sent:
            return
        sent = self.conn.close_sent
        code = sent.code if sent is not None else int(StandardCode.PROTOCOL_ERROR)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        self._flush_and_linger()

    def _end(self, code: CloseCode, reason: str) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.conn.fail(code, reason)
            self._flush_and_linger()

    def _flush_and_linger(self) -> None:
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        # Also tells uvicorn not to close the socket as soon as the application returns.
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.abort)
