"""Send points with the StatHat extension of Flask: one call at the end of each request of an application."""

import json
import sys

from flask import Flask
from flask_stathat import StatHat

facts = json.loads(sys.argv[1])
app = Flask("farm")
app.config["STATHAT_EZ_KEY"] = facts["key"]
stathat = StatHat(app)
stathat.url = f"{facts['address']}/stathat/ez"


def record() -> str:
    """Count and measure, several of each."""
    for point in facts["points"]:
        send = stathat.count if point["kind"] == "Count" else stathat.value
        send(point["name"], point["amount"])
    return "done"


app.add_url_rule("/", view_func=record)
for _ in range(facts["requests"]):
    assert app.test_client().get("/").data == b"done"
