"""What the audit says of acts on areas, models and predictions."""

from typing import Final

VERBS: Final = {
    "spatial.area_changed": "A named area was changed",
    "spatial.area_created": "A named area was made",
    "spatial.area_deleted": "A named area was deleted",
    "spatial.evaluation_started": "The evaluation of a forecast model was started",
    "spatial.model_activated": "A forecast model was let serve",
    "spatial.model_changed": "A forecast model's settings were changed",
    "spatial.model_created": "A forecast model was created",
    "spatial.model_deactivated": "A forecast model was taken out of service",
    "spatial.model_deleted": "A forecast model was deleted",
    "spatial.model_rolled_back": "Another artifact of a forecast model was chosen",
    "spatial.prediction_cancelled": "A prediction was cancelled",
    "spatial.prediction_deleted": "A prediction was deleted",
    "spatial.prediction_retried": "A failed prediction was queued again",
    "spatial.prediction_started": "A prediction was started",
    "spatial.training_cancelled": "The training of a forecast model was cancelled",
    "spatial.training_retried": "A failed training was queued again",
    "spatial.training_started": "The training of a forecast model was started",
}
