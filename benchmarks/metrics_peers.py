"""VictoriaMetrics and InfluxDB as Debian packages them, each on a fresh folder, on loopback only."""

import shutil
import subprocess
from pathlib import Path

from benchmarks.metrics_load import Target
from benchmarks.metrics_processes import versioned
from benchmarks.stage import Server, Stage, free_port

VICTORIA, INFLUX = "VictoriaMetrics", "InfluxDB"
VICTORIA_PACKAGE, INFLUX_PACKAGE = "victoria-metrics", "influxdb"
DATABASE = "bench"

INFLUX_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[logging]
  level = "error"
"""


def victoria(stage: Stage, name: str = "victoria") -> Server:
    """Start VictoriaMetrics; it takes points of any time of the last ten years."""
    port = free_port()
    folder = fresh(stage.folder / name)
    options = {
        "storageDataPath": folder,
        "httpListenAddr": f"127.0.0.1:{port}",
        "retentionPeriod": "120",
        "search.latencyOffset": "0s",
        "loggerLevel": "ERROR",
    }
    return stage.start(["victoria-metrics", *[f"-{key}={value}" for key, value in options.items()]], port)


def influx(stage: Stage, name: str = "influx") -> Server:
    """Start InfluxDB with a database; each write is on disk before its answer, as by default."""
    port = free_port()
    folder = fresh(stage.folder / name)
    config = folder / "influxdb.conf"
    config.write_text(INFLUX_CONFIG.format(folder=folder, port=port, rpc_port=free_port()))
    return stage.start(["influxd", "run", "-config", str(config)], port)


def write_target(server: Server) -> Target:
    """Return where both take line protocol with nanoseconds."""
    return Target((server.port,), f"/write?db={DATABASE}&precision=ns")


def fresh(folder: Path) -> Path:
    """Return an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def version_of(name: str, package: str) -> str:
    """Return a peer's name with the version of its package."""
    command = ["dpkg-query", "-W", "-f", "${Version}", package]
    return versioned(name, subprocess.run(command, capture_output=True, text=True, check=False).stdout)
