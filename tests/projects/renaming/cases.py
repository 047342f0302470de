"""The rename suite: small programs, what is renamed in them, and how sure that is to be.

`|` stands before the name in the snippet that says where the symbol is. A program is `main.py` and what it
imports; it prints `output` before and after.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One program. `edits` counts those of the expected bucket."""

    name: str
    files: Mapping[str, str | bytes]
    at: tuple[str, str]
    new: str
    bucket: str
    output: str
    edits: int
    encoding: str = "utf-8"
    kind: str = "symbol"
    conflict: str = ""


def certain(  # noqa: PLR0917 - a row of the table
    name: str, files: Mapping[str, str | bytes], at: str, new: str, output: str, edits: int
) -> Case:
    """Return a case in which everything is certain; `at` is in the first file."""
    return Case(name, files, (next(iter(files)), at), new, "certain", output, edits)


CERTAIN = (
    certain(
        "01 import alias",
        {
            "lib.py": "def area(side):\n    return side * side\n",
            "main.py": "from lib import area as surface\nprint(surface(3))\n",
        },
        "def |area",
        "square",
        "9",
        2,
    ),
    certain(
        "02 re-export",
        {
            "shapes/flat.py": "def area(side):\n    return side * side\n",
            "shapes/__init__.py": "from .flat import area\n",
            "main.py": "import shapes\nfrom shapes import area\nprint(area(2), shapes.area(3))\n",
        },
        "def |area",
        "square",
        "4 9",
        5,
    ),
    certain(
        "03 star import",
        {
            "lib.py": "def area(side):\n    return side * side\n",
            "main.py": "from lib import *\nprint(area(4))\n",
        },
        "def |area",
        "square",
        "16",
        2,
    ),
    certain(
        "04 f-string",
        {
            "main.py": "width = 3\nprint(f'{width} {width:>{width}} é {[width][0]!r}')\n"
            "print(f'''\n{width\n + 1}''')\n"
        },
        "|width = 3",
        "size",
        "3   3 é 3\n\n4",
        6,
    ),
    certain(
        "05 walrus",
        {
            "main.py": "if (count := len('four')) > 3:\n    print(count)\n"
            "print([last := n for n in range(count)], last)\n"
        },
        "(|count :=",
        "total",
        "4\n[0, 1, 2, 3] 3",
        3,
    ),
    certain(
        "06 decorator",
        {
            "main.py": "def twice(function):\n    def inner(x):\n"
            "        return function(function(x))\n    return inner\n"
            "@twice\ndef add(x):\n    return x + 1\nprint(add(1), twice(add)(1))\n"
        },
        "def |twice",
        "doubled",
        "3 5",
        3,
    ),
    certain(
        "07 enum member",
        {
            "colours.py": "import enum\nclass Colour(enum.Enum):\n    RED = 1\n    BLUE = 2\n",
            "main.py": "from colours import Colour\nimport colours\n"
            "print(Colour.RED.value, colours.Colour.RED is Colour(1))\n",
        },
        "|RED",
        "CRIMSON",
        "1 True",
        3,
    ),
    Case(
        "08 module",
        {
            "pack/__init__.py": "from . import tools\n",
            "pack/tools.py": "from .other import two\ndef one():\n    return two() - 1\n",
            "pack/other.py": "def two():\n    return 2\n",
            "main.py": "import pack.tools\nfrom pack.tools import one\nfrom pack import tools\n"
            "print(pack.tools.one(), one(), tools.one())\n",
        },
        ("pack/tools.py", "|from"),
        "works",
        "certain",
        "1 1 1",
        6,
        kind="module",
    ),
    certain(
        "09 match class",
        {
            "main.py": "class Point:\n    def __init__(self, x):\n        self.x = x\n"
            "match Point(4):\n    case Point(x=n):\n        print(n)\n"
        },
        "class |Point",
        "Spot",
        "4",
        3,
    ),
    certain(
        "10 self attribute",
        {
            "main.py": "class Account:\n    def __init__(self):\n        self.total = 0\n"
            "    def add(self, n):\n        self.total += n\n        return self\n"
            "account = Account().add(5)\nprint(account.total)\n"
        },
        "self.|total = 0",
        "balance",
        "5",
        3,
    ),
    certain(
        "11 method by annotation",
        {
            "lib.py": "class Dog:\n    def speak(self):\n        return 'wuff'\n",
            "main.py": "from lib import Dog\ndef ask(dog: Dog):\n    return dog.speak()\nprint(ask(Dog()))\n",
        },
        "def |speak",
        "bark",
        "wuff",
        2,
    ),
    certain(
        "12 by union",
        {
            "lib.py": "class Dog:\n    def speak(self):\n        return 'wuff'\n",
            "main.py": "from typing import Optional\nfrom lib import Dog\n"
            "def ask(dog: Dog | None, other: Optional[Dog] = None):\n"
            "    return dog.speak() if dog else other.speak()\nprint(ask(Dog()), ask(None, Dog()))\n",
        },
        "def |speak",
        "bark",
        "wuff wuff",
        3,
    ),
    certain(
        "13 by list element",
        {
            "lib.py": "class Dog:\n    def speak(self):\n        return 'wuff'\n",
            "main.py": "from lib import Dog\ndef ask(dogs: list[Dog]):\n"
            "    return [dog.speak() for dog in dogs] + [dogs[0].speak()]\n"
            "for dog in [Dog(), Dog()]:\n    print(dog.speak())\nprint(ask([Dog()]))\n",
        },
        "def |speak",
        "bark",
        "wuff\nwuff\n['wuff', 'wuff']",
        4,
    ),
    certain(
        "14 override in subclass",
        {
            "lib.py": "class Animal:\n    def speak(self):\n        return '?'\n"
            "    def twice(self):\n        return self.speak() * 2\n",
            "main.py": "from lib import Animal\nclass Dog(Animal):\n    def speak(self):\n"
            "        return super().speak() + '!'\nprint(Dog().twice(), Animal().speak())\n",
        },
        "def |speak",
        "bark",
        "?!?! ?",
        5,
    ),
    certain(
        "15 keyword argument at call",
        {
            "lib.py": "def area(width, height=1):\n    return width * height\n",
            "main.py": "import lib\nfrom lib import area as a\n"
            "print(lib.area(2, height=3), a(height=2, width=2))\n",
        },
        "|height=1",
        "tall",
        "6 4",
        4,
    ),
    certain(
        "16 nonlocal",
        {
            "main.py": "def counter():\n    count = 0\n    def step():\n        nonlocal count\n"
            "        count += 1\n        return count\n    return step\nstep = counter()\n"
            "print(step(), step())\n"
        },
        "    |count = 0",
        "n",
        "1 2",
        4,
    ),
    certain(
        "17 dataclass constructor keyword",
        {
            "lib.py": "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\n"
            "    y: int = 0\n",
            "main.py": "from lib import Point\npoint = Point(y=1, x=2)\nprint(point.x, point.y)\n",
        },
        "|y: int",
        "height",
        "2 1",
        3,
    ),
    certain(
        "18 property with setter",
        {
            "main.py": "class Box:\n    _side = 1\n    @property\n    def side(self):\n"
            "        return self._side\n"
            "    @side.setter\n    def side(self, value):\n        self._side = value\n"
            "box = Box()\nbox.side = 4\nprint(box.side)\n"
        },
        "def |side(self):",
        "width",
        "4",
        5,
    ),
    certain(
        "19 comprehension variable hiding an outer name",
        {
            "main.py": "item = 'outer'\n"
            "print([item for item in range(3)], {item: item for item in 'a'}, item)\n"
        },
        "|item = 'outer'",
        "thing",
        "[0, 1, 2] {'a': 'a'} outer",
        2,
    ),
    certain(
        "20 global statement",
        {
            "main.py": "total = 0\ndef add(n):\n    global total\n    total += n\nadd(2)\nadd(3)\n"
            "print(total)\n"
        },
        "|total = 0",
        "balance",
        "5",
        4,
    ),
    certain(
        "21 relative import in a cycle",
        {
            "pack/first.py": "from . import second\ndef start(n):\n    return second.go(n)\n"
            "def stop():\n    return 'end'\n",
            "pack/second.py": "from . import first\ndef go(n):\n"
            "    return first.start(n - 1) if n else first.stop()\n",
            "pack/__init__.py": "",
            "main.py": "from pack.first import start\nprint(start(3))\n",
        },
        "def |start",
        "begin",
        "end",
        4,
    ),
    certain(
        "22 definition under try/except",
        {
            "lib.py": "try:\n    from faster_library import area\nexcept ImportError:\n    def area(side):\n"
            "        return side * side\ntry:\n    1 / 0\n    def cube(n):\n        return 0\n"
            "except ZeroDivisionError:\n    def cube(n):\n        return area(n) * n\n",
            "main.py": "from lib import area, cube\nprint(area(2), cube(2))\n",
        },
        "def |area",
        "square",
        "4 8",
        5,
    ),
    certain(
        "23 overloads",
        {
            "main.py": "from typing import overload\n@overload\ndef twice(x: int) -> int: ...\n"
            "@overload\ndef twice(x: str) -> str: ...\ndef twice(x):\n    return x * 2\n"
            "print(twice(2), twice('a'))\n"
        },
        "def |twice(x: int)",
        "double",
        "4 aa",
        5,
    ),
    certain(
        "24 __all__ string",
        {
            "lib.py": "__all__ = ['area'] + [\"other\"]\ndef area(side):\n    return side * side\n"
            "other = area\n",
            "main.py": "from lib import *\nprint(area(3), other(2))\n",
        },
        "def |area",
        "square",
        "9 4",
        4,
    ),
    certain(
        "25 quoted annotation",
        {
            "main.py": "from typing import Optional, get_type_hints\nclass Node:\n"
            '    def next(self, other: \'Node\', more: Optional["Node"] = None) -> "list[Node]":\n'
            "        return [other]\nprint(len(get_type_hints(Node.next)), len(Node().next(Node())))\n"
        },
        "class |Node",
        "Item",
        "3 1",
        7,
    ),
    certain(
        "26 match keyword pattern",
        {
            "main.py": "class Point:\n    __match_args__ = ('x',)\n    def __init__(self, x, y):\n"
            "        self.x = x\n        self.y = y\nmatch Point(4, 5):\n    case Point(a, y=b):\n"
            "        print(a, b)\n"
        },
        "self.|y = y",
        "height",
        "4 5",
        2,
    ),
    certain(
        "27 CRLF",
        {"main.py": b"side = 3\r\nprint(side,\r\n  side)\nprint(side)\r\n"},
        "|side = 3",
        "width",
        "3 3\n3",
        4,
    ),
    certain(
        "28 BOM",
        {"main.py": b"\xef\xbb\xbfside = 3\nprint(side)"},
        "|side = 3",
        "width",
        "3",
        2,
    ),
    Case(
        "29 latin-1",
        {
            "main.py": "# -*- coding: latin-1 -*-\nside = 3; text = 'é'; print(side, len(text))\n".encode(
                "latin-1"
            )
        },
        ("main.py", "|side = 3"),
        "größe",
        "certain",
        "3 1",
        2,
        encoding="latin-1",
    ),
    certain(
        "30 symlink out of the tree",
        {
            "main.py": "import os\nside = 3\nprint(side, os.path.basename('x'))\n",
            "link.py": "-> /etc/hostname",
        },
        "|side = 3",
        "width",
        "3 x",
        2,
    ),
    certain(
        "31 default of a nested function",
        {
            "main.py": "def outer(start):\n    def inner(n, base=start):\n        return n + base\n"
            "    return inner(1) + start\nprint(outer(2))\n"
        },
        "outer(|start",
        "origin",
        "5",
        3,
    ),
)

UNSURE = (
    Case(
        "32 getattr string",
        {
            "main.py": "class Dog:\n    def speak(self):\n        return 'wuff'\n"
            "print(getattr(Dog(), 'speak')())\n"
        },
        ("main.py", "def |speak"),
        "bark",
        "unsure",
        "wuff",
        1,
    ),
    Case(
        "33 call from a base class without the method",
        {
            "main.py": "class Base:\n    def run(self):\n        return self.speak()\n"
            "class Dog(Base):\n    def speak(self):\n        return 'wuff'\nprint(Dog().run())\n"
        },
        ("main.py", "def |speak"),
        "bark",
        "unsure",
        "wuff",
        1,
    ),
    Case(
        "34 syntax newer than the interpreter's",
        {
            "main.py": "def area(side):\n    return side * side\nprint(area(2))\n",
            "newer.py": "from main import area\ntype Side = int | lazy import area\n",
        },
        ("main.py", "def |area"),
        "square",
        "unscanned",
        "4",
        1,
    ),
    Case(
        "35 Python 2 file",
        {
            "main.py": "def area(side):\n    return side * side\nprint(area(2))\n",
            "old.py": "from main import area\nprint area(3)\n",
        },
        ("main.py", "def |area"),
        "square",
        "unscanned",
        "4",
        1,
    ),
)

REFUSED = (
    Case(
        "36 name taken in the module",
        {"main.py": "def area(side):\n    return side\ndef square(side):\n    return 0\nprint(area(2))\n"},
        ("main.py", "def |area"),
        "square",
        "refused",
        "2",
        2,
        conflict="name_taken",
    ),
    Case(
        "37 captured by a local",
        {
            "main.py": "def area(side):\n    return side\ndef show(square):\n"
            "    return area(square)\nprint(show(2))\n"
        },
        ("main.py", "def |area"),
        "square",
        "refused",
        "2",
        2,
        conflict="captured",
    ),
    Case(
        "38 keyword",
        {"main.py": "side = 1\nprint(side)\n"},
        ("main.py", "|side = 1"),
        "class",
        "invalid",
        "1",
        0,
    ),
    Case(
        "39 name mangling or dunder",
        {
            "main.py": "class Box:\n    def __init__(self):\n        self.side = 1\n"
            "    def show(self):\n        return self.side\nprint(Box().show())\n"
        },
        ("main.py", "self.|side = 1"),
        "__side",
        "refused",
        "1",
        2,
        conflict="mangling",
    ),
)

CASES = (*CERTAIN, *UNSURE, *REFUSED)
