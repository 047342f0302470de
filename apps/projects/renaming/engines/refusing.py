"""Let nothing of the folder that is looked at be run or loaded, whatever an engine thinks it needs.

jedi imports compiled modules by name with the folder on the search path: a file called like one of them,
which this system lacks, must not run.
"""

import sys
from pathlib import Path
from types import CodeType


def refuse_code_of(folder: Path) -> None:
    """Refuse to run code of files of the folder, for as long as the process lives.

    The interpreter tells of every module's code before it runs, and of every compiled module before it loads.
    """
    inside = f"{folder}/"

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event == "exec" and isinstance(arguments[0], CodeType):
            place: object = arguments[0].co_filename
        elif event == "import":
            place = arguments[1]
        else:
            return
        if isinstance(place, str) and place.startswith(inside):
            raise ImportError(place)

    sys.addaudithook(refuse)
