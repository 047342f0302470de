"""The three that carry live events: Sextant, the layer of Channels as it comes, nginx with nchan."""

import json
import secrets
import shutil
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import close_old_connections

from apps.accounts.models import ApiKey, Organization, Role
from apps.accounts.queries import resolve_member
from apps.accounts.services import create_api_key, create_first_admin
from apps.common import live
from benchmarks.live_receiver import Target
from benchmarks.stage import Server, Stage, free_port

SEXTANT, LAYER, NCHAN = "Sextant", "Channels layer", "nchan"
# About the size of the progress of an import.
FILLER = "x" * 160

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; user {user};
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 10000000;
  server {{
    listen 127.0.0.1:{port};
    location ~ /pub/(.+)$ {{ nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 1000; }}
    location ~ /sub/(.+)$ {{ nchan_subscriber websocket; nchan_channel_id $1;
                             nchan_subscriber_first_message newest; }}
  }}
}}
"""


@dataclass
class Candidate:
    """A running server, how to subscribe to its n-th topic, and how to publish to it."""

    name: str
    server: Server
    target: Callable[[int], Target]
    publish: Callable[[int, int, int], None]


def candidates(stage: Stage) -> list[Candidate]:
    """Start all that are installed, ours first."""
    found = [sextant(stage), channel_layer(stage)]
    if not stage.lacks("nginx") and not stage.lacks("libnginx-mod-nchan"):
        found.append(nchan(stage))
    return found


def sextant(stage: Stage) -> Candidate:
    """Start the web process with room for a thousand connections of one key."""
    organization, raw_key = organization_and_key()
    environ = {"LIVE_MAX_PER_USER": "100000", "LIVE_MAX_CONNECTIONS": "100000"}
    websocket = ("--ws", "config.websocket:LiveWebSocketProtocol")
    server = stage.start_uvicorn("benchmarks.live_server:application", *websocket, environ=environ)

    def target(number: int) -> Target:
        hello = json.dumps({"op": "subscribe", "topic": f"bench.{number}"}).encode()
        headers = (f"X-API-Key: {raw_key}",)
        return Target(server.port, "/ws/live", headers, hello, b'"op":"welcome"', b'"op":"subscribed"')

    def publish(number: int, n: int, at_ns: int) -> None:
        data = {"n": n, "at_ns": at_ns, "filler": FILLER}
        live.publish(organization_id=organization.pk, topic=f"bench.{number}", type="bench.event", data=data)

    return Candidate(SEXTANT, server, target, publish)


def organization_and_key() -> tuple[Organization, str]:
    """Return the benchmark's own organization, with a new key."""
    password = secrets.token_urlsafe()
    user = create_first_admin(email="bench@example.com", password=password, organization_name="Bench")
    organization = Organization.objects.get(name="Bench")
    ApiKey.objects.filter(organization=organization).delete()
    actor = resolve_member(user, requested=organization.slug)
    _, raw_key = create_api_key(actor=actor, name="bench", role=Role.VIEWER, scopes=["datasets:read"])
    close_old_connections()
    return organization, raw_key


def channel_layer(stage: Stage) -> Candidate:
    """Start a plain consumer on the same kind of server."""
    server = stage.start_uvicorn("benchmarks.live_layer:application")
    layer = get_channel_layer()

    def publish(number: int, n: int, at_ns: int) -> None:
        message = {"type": "bench.event", "text": _text(number, n, at_ns)}
        async_to_sync(layer.group_send)(f"bench.{number}", message)

    return Candidate(LAYER, server, lambda number: Target(server.port, f"/sub/bench.{number}"), publish)


def nchan(stage: Stage) -> Candidate:
    """Start nginx with one worker, as the others have one process."""
    port = free_port()
    config = stage.folder / "nginx.conf"
    config.write_text(NGINX.format(folder=stage.folder, port=port, user="root"))
    nginx = shutil.which("nginx") or "nginx"
    server = stage.start([nginx, "-c", str(config), "-p", str(stage.folder)], port)
    own = threading.local()

    def publish(number: int, n: int, at_ns: int) -> None:
        body = _text(number, n, at_ns).encode()
        if not hasattr(own, "socket"):
            own.socket = socket.create_connection(("127.0.0.1", port))
        head = f"POST /pub/{number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        own.socket.sendall(head.encode() + body)
        answer = own.socket.recv(4096)
        if not answer.startswith(b"HTTP/1.1 20"):
            raise RuntimeError(answer[:100].decode())

    return Candidate(NCHAN, server, lambda number: Target(port, f"/sub/{number}"), publish)


def _text(number: int, n: int, at_ns: int) -> str:
    """Return the same text as ours."""
    head = {"op": "event", "topic": f"bench.{number}", "seq": n, "epoch": "0123456789ab"}
    rest = {"type": "bench.event", "at": "2026-01-01T00:00:00.000Z"}
    data = {"n": n, "at_ns": at_ns, "filler": FILLER}
    return json.dumps({**head, **rest, "data": data}, separators=(",", ":"))
