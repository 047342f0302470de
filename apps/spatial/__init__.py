"""Maps over the versions of datasets; reads `datasets.queries`, is read by nobody."""
