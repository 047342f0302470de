"""Write points with the PyPI client of InfluxDB 2: half of them at once, half in its background batches."""

import json
import sys

from influxdb_client import InfluxDBClient, Point, WriteOptions, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS

facts = json.loads(sys.argv[1])


def failed(_batch: object, _text: str, error: Exception) -> None:
    """Show what the background has met."""
    sys.exit(str(error))


points = [
    Point(point["name"])
    .tag("host", "a,b")
    .tag("region", "eu west")
    .field("usage", point["value"])
    .field("hits", 2)
    .field("note", "not a number")
    .time(point["at_s"], WritePrecision.S)
    for point in facts["points"]
]
half = len(points) // 2
with InfluxDBClient(f"{facts['address']}/influx", facts["key"], org="team", enable_gzip=True) as client:
    with client.write_api(write_options=SYNCHRONOUS) as writer:
        writer.write("bucket", record=points[:half], write_precision=WritePrecision.S)
    options = WriteOptions(batch_size=5, flush_interval=200)
    with client.write_api(write_options=options, error_callback=failed) as writer:
        writer.write("bucket", record=points[half:], write_precision=WritePrecision.S)
