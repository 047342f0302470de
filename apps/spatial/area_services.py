"""Every public write of areas."""

from collections.abc import Sequence
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common.errors import Conflict, Duplicate
from apps.datasets.queries.polygons import plain_geometry
from apps.spatial.models import Area
from apps.spatial.selections import parse_polygon

ALIASES_MAX: Final = 20


class AreaNameTaken(Duplicate):
    """An area of this name exists already.

    Names are compared without regard to capitals.
    """

    code = "spatial.area_name_taken"


class AreaInUse(Conflict):
    """Forecast models are made for this area.

    Delete them first.
    """

    code = "spatial.area_in_use"


@transaction.atomic
def create_area(*, actor: Actor, name: str, polygon: Any, aliases: Sequence[str] = ()) -> Area:
    """Create an area from a GeoJSON polygon; raises AreaNameTaken, SelectionInvalid."""
    require(actor, "spatial.train")
    area = Area(organization=actor.organization, name=name, created_by=actor.person)
    area.aliases = list(dict.fromkeys(aliases))
    _draw(area, polygon)
    _save_named(area)
    record_audit(actor=actor, verb="spatial.area_created", target=area)
    return area


@transaction.atomic
def update_area(*, actor: Actor, area: Area, **values: Any) -> Area:
    """Change name, aliases or polygon; raises AreaNameTaken, SelectionInvalid."""
    require(actor, "spatial.train", area)
    if "polygon" in values:
        _draw(area, values.pop("polygon"))
    if "aliases" in values:
        area.aliases = list(dict.fromkeys(values.pop("aliases")))
    area.name = values.pop("name", area.name)
    _save_named(area)
    record_audit(actor=actor, verb="spatial.area_changed", target=area)
    return area


@transaction.atomic
def delete_area(*, actor: Actor, area: Area) -> None:
    """Delete an area; raises AreaInUse."""
    require(actor, "spatial.delete", area)
    record_audit(actor=actor, verb="spatial.area_deleted", target=area)
    try:
        with transaction.atomic():
            area.delete()
    except ProtectedError as error:
        raise AreaInUse from error


def _draw(area: Area, polygon: Any) -> None:
    """Give the area its polygon and box; raises SelectionInvalid."""
    area.box = list(parse_polygon(polygon).box)
    area.polygon = plain_geometry(polygon)


def _save_named(area: Area) -> None:
    try:
        with transaction.atomic():
            area.save()
    except IntegrityError as error:
        if "spatial_area_name_unique" in str(error):
            raise AreaNameTaken from error
        raise
