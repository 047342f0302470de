"""The doors that are open; a new protocol is a copied folder and a line here."""

from typing import Final

from apps.metrics.doors.door import Door
from apps.metrics.doors.influx.door import InfluxDoor
from apps.metrics.doors.native.door import NativeDoor
from apps.metrics.doors.stathat.door import StatHatDoor

DOORS: Final[tuple[Door, ...]] = (NativeDoor(), InfluxDoor(), StatHatDoor())
