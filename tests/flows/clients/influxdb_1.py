"""Write points with the PyPI client of InfluxDB 1, which first creates its database."""

import json
import sys

from influxdb import InfluxDBClient

facts = json.loads(sys.argv[1])
client = InfluxDBClient("localhost", facts["port"], "anybody", facts["key"], "farm", path="influx")
client.ping()
client.create_database("farm")
client.write_points(
    [
        {
            "measurement": point["name"],
            "tags": {"host": "a,b", "region": "eu west"},
            "time": point["at_s"],
            "fields": {"usage": point["value"], "hits": 2, "note": "not a number"},
        }
        for point in facts["points"]
    ],
    time_precision="s",
    batch_size=7,
)
