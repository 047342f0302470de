"""What the audit says of acts on areas, models and predictions."""

from typing import Final

VERBS: Final = {
    "spatial.area_changed": "A named area was changed",
    "spatial.area_created": "A named area was made",
    "spatial.area_deleted": "A named area was deleted",
}
