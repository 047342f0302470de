"""Where bundles lie: a folder of the default storage, under random names that say nothing.

Clean-up touches nothing outside of it.
"""

from typing import Final

FOLDER: Final = "previews"
