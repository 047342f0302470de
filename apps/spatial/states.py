"""The lifecycle of forecast models (places-maps.md section 5)."""

from django.db import models


class ModelState(models.TextChoices):
    """Whether a model can forecast, and whether it is the one that does."""

    DRAFT = "draft"
    TRAINING = "training"
    INACTIVE = "inactive"
    ACTIVE = "active"
    FAILED = "failed"


class Period(models.TextChoices):
    """The calendar unit that a model counts events by, in its dataset's zone."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Method(models.TextChoices):
    """What forecasts: gradient boosting, or one of the baselines it must beat."""

    BOOSTING = "boosting"
    MEAN = "mean"
    DECAY = "decay"
    LAST_YEAR = "last_year"
    LAST = "last"
