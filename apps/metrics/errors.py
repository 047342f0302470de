"""The errors of metrics that several modules raise; codes are API."""

from apps.common.errors import Conflict, Invalid, Unavailable


class InvalidPoints(Invalid):
    """Some points are invalid, so none was stored.

    `errors[]` names up to 200 of them. With `mode=partial` the valid ones would be stored.
    """

    code = "metrics.invalid_points"


class InvalidName(Invalid):
    """A metric's name is 1 to 255 characters without control characters, `;` or white space at its ends."""

    code = "metrics.invalid_name"


class InvalidTags(Invalid):
    """Tags are at most 32 names of 1 to 64 characters with values of 1 to 255.

    A tag's name has no `;`, `=`, `!`, `^` or space; the whole key has at most 2,048 bytes.
    """

    code = "metrics.invalid_tags"


class InvalidValue(Invalid):
    """A value is a finite number of at most 1e290, an amount of a counter a whole number of 1 to 2^53 - 1."""

    code = "metrics.invalid_value"


class TimestampOutOfRange(Invalid):
    """A point's time is too far from the time of its receipt."""

    code = "metrics.timestamp_out_of_range"


class TypeRequired(Invalid):
    """The metric is new, so its type must be said: counter or value."""

    code = "metrics.type_required"


class TypeConflict(Conflict):
    """The metric has another type, which never changes."""

    code = "metrics.type_conflict"


class BatchSize(Invalid):
    """A request has 1 to 10,000 points."""

    code = "metrics.batch_size"


class SeriesLimit(Invalid):
    """The organization has as many metrics as it may have; known ones go on."""

    code = "metrics.series_limit"


class ReservedName(Invalid):
    """Names below `sextant.` belong to the installation's own figures in this organization."""

    code = "metrics.reserved_name"


class Overloaded(Unavailable):
    """More points wait to be stored than may wait; send them again in a moment."""

    code = "metrics.overloaded"
