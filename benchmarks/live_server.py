"""The web application with topics to measure: `bench.<n>`, open to whoever may see datasets."""

from apps.common.live import register_topic
from config.asgi import application

register_topic(pattern="bench.<id>", permission="datasets.view", visible=lambda *_: True)

__all__ = ["application"]
