"""One point a request over 32 connections, sent by wrk: a compiled generator with a Lua script."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.metrics_load import Target

CONNECTIONS: Final = 32
# Of each metric a point in turn; the times go on by a millisecond a request. A thread for each port.
SCRIPT: Final = """
local head = %(head)s
local template = %(template)s
local ports = {%(ports)s}
local threads = 0
function setup(thread)
  threads = threads + 1
  thread.addr = wrk.lookup("127.0.0.1", ports[threads])[1]
  thread:set("sent", threads - 1)
end
function request()
  local at_ms = %(first_ms)s + sent
  sent = sent + #ports
  local whole = math.floor(at_ms / 1000)
  local body = string.format(template, sent %% 1000, 100 + sent %% 900, whole, at_ms - whole * 1000)
  return head .. #body .. "\\r\\n\\r\\n" .. body
end
function done(summary, latency, requests)
  io.write(string.format('\\n{"requests": %%d, "took_us": %%d, "p99_us": %%d, "wrong": %%d}\\n',
    summary.requests, summary.duration, latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read))
end
"""
LINE: Final = "load.h%03d value=%d.50 %d%03d000000\n"
ROW: Final = '{"metric":"load.h%03d","value":%d.5,"timestamp":%d.%03d}'


@dataclass(frozen=True, slots=True)
class Singles:
    """What came of single points: how many a second, and the 99th percentile of the answers."""

    points: int
    points_per_s: float
    p99_ms: float


def send_singles(target: Target, template: str, *, first_s: int, seconds: int, folder: Path) -> Singles:
    """Send for so long. Raises RuntimeError if an answer is no success."""
    script = folder / "single.lua"
    script.write_text(SCRIPT % _facts(target, template, first_s))
    command = [shutil.which("wrk") or "wrk", "-t", str(len(target.ports)), "-c", str(CONNECTIONS)]
    command += ["-d", f"{seconds}s", "--timeout", "60s", "-s", str(script)]
    command += [f"http://127.0.0.1:{target.ports[0]}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = json.loads(ended.stdout.rsplit("{", 1)[1].join(["{", ""]))
    if facts["wrong"]:
        raise RuntimeError(
            f"{facts['wrong']} of {facts['requests']} single points were refused by {target.path}"
        )
    points_per_s = facts["requests"] / facts["took_us"] * 1e6
    return Singles(facts["requests"], points_per_s, facts["p99_us"] / 1_000)


def _facts(target: Target, template: str, first_s: int) -> dict[str, object]:
    head = target.head(0).decode().replace("Content-Length: 0\r\n", "").removesuffix("\r\n")
    return {
        "head": json.dumps(f"{head}Content-Length: "),
        "template": json.dumps(template),
        "first_ms": first_s * 1_000,
        "ports": ", ".join(f'"{port}"' for port in target.ports),
    }
