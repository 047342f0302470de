"""Which sites of a program are certain and which are not, one by one; and what refuses a rename.

In a program `¦` stands before each site that is to be certain, `¿` before each that is to be unsure. The
rename is asked for at the first of them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from apps.projects.renaming.values import Analysis, Place, Sources
from apps.projects.states import Bucket, Completeness
from tests.projects.renaming.running import analysed, contents_after, edits_of, printed, sources_of, wish_for

Files = Mapping[str, str]
MARK: Final = {Bucket.CERTAIN: "¦", Bucket.UNSURE: "¿"}

# Name -> the new name, what the program prints before and after, and the program.
EXACT: Final[dict[str, tuple[str, str, Files]]] = {
    "another thing under the old name": (
        "square",
        "3 4",
        {
            "lib.py": "def ¦area(n): return n * n\ndef other(n): return n + 1\n",
            "main.py": "import lib\nfrom lib import other as area\nprint(area(2), lib.¦area(2))\n",
        },
    ),
    "an import under another name, and one without": (
        "square",
        "4 9 16",
        {
            "lib.py": "def ¦area(n): return n * n\n",
            "main.py": "import lib as area\nfrom lib import ¦area as a\nfrom lib import ¦area as area2\n"
            "print(a(2), area2(3), area.¦area(4))\n",
        },
    ),
    "the keyword of a method that is overridden": (
        "width",
        "2 -2 4",
        {
            "main.py": "class P:\n    def go(self, ¦side): return ¦side\n"
            "class D(P):\n    def go(self, ¦side): return -¦side\n"
            "class E(D):\n    def go(self, ¦side=1): return super().go(¦side=-2 * ¦side)\n"
            "def ask(p: P): return p.go(¦side=2)\nprint(ask(P()), ask(D()), ask(E()))\n",
        },
    ),
    "the keyword of another function": (
        "width",
        "1 2",
        {
            "main.py": "def f(¦side): return ¦side\ndef g(side): return side\nprint(f(¦side=1), g(side=2))\n",
        },
    ),
    "an override below two bases that know nothing of each other": (
        "run",
        "d d a b",
        {
            "main.py": "class A:\n    def ¦go(self): return 'a'\nclass B:\n    def ¦go(self): return 'b'\n"
            "class D(A, B):\n    def ¦go(self): return 'd'\n"
            "def one(a: A): return a.¦go()\ndef two(b: B): return b.¦go()\n"
            "print(one(D()), two(D()), one(A()), two(B()))\n",
        },
    ),
    "an unrelated class with a method of the same name": (
        "run",
        "p q",
        {
            "main.py": "class P:\n    def ¦go(self): return 'p'\nclass Q:\n    def go(self): return 'q'\n"
            "print(P().¦go(), Q().go())\n",
        },
    ),
    "an object of either class": (
        "run",
        "p q p",
        {
            "main.py": "class P:\n    def ¦go(self): return 'p'\nclass Q:\n    def run(self): return 'q'\n"
            "    def go(self): return 'q'\n"
            "def ask(x: P | Q): return x.¿go() if isinstance(x, Q) else ''\n"
            "print(P().¦go(), ask(Q()), P().¦go())\n",
        },
    ),
    "words that are values, and words that are types": (
        "Item",
        "1",
        {
            "main.py": "from typing import Annotated, Literal, cast\nclass ¦Node: pass\n"
            "def f(a: Literal['Node'], b: Annotated['¦Node', 'Node'], c: 'list[¦Node]') -> int: return 1\n"
            "print(f('x', cast('¦Node', 1), cast('list[¦Node]', 2)))\n",
        },
    ),
    "a list of exports that grows": (
        "square",
        "4",
        {
            "lib.py": "def ¦area(n): return n * n\n__all__ = []\n__all__ += ['¦area']\n",
            "more.py": "from lib import ¦area\n__all__ = ['other']\n__all__.append('¦area')\nother = 1\n",
            "main.py": "from more import *\nprint(¦area(2))\n",
        },
    ),
    "names of positions in a pattern": (
        "height",
        "4 5",
        {
            "main.py": "class P:\n    __match_args__ = ('x', '¦y')\n    def __init__(self, x, y):\n"
            "        self.x = x\n        self.¦y = y\nmatch P(4, 5):\n    case P(a, b):\n"
            "        print(a, b)\n",
        },
    ),
}

# Name -> the new name, a reason that is given at a site, and the program; none of its sites may be certain.
DOUBTED: Final[dict[str, tuple[str, str, Files]]] = {
    "a test gets its arguments by name": (
        "folder",
        "called_by_name",
        {"main.py": "def test_it(¿tmp_path): return ¿tmp_path\n"},
    ),
    "arguments of a function that a foreign decorator calls": (
        "width",
        "decorated",
        {"main.py": "import click\n@click.command()\ndef f(¿side): return ¿side\n"},
    ),
    "a function that a foreign decorator may know by its name": (
        "square",
        "decorated",
        {"main.py": "import web\n@web.route\ndef ¿area(): return 1\nprint(¿area())\n"},
    ),
    "a function that a decorator of the project asks for its name": (
        "square",
        "decorated",
        {
            "main.py": "KNOWN = {}\ndef known(f):\n    KNOWN[f.__name__] = f\n    return f\n"
            "@known\ndef ¿area(): return 1\nprint(¿area())\n"
        },
    ),
    "a method that the standard library calls on whatever has it": (
        "put",
        "served_by_name",
        {"main.py": "class W:\n    def ¿write(self, text): return text\nprint(W().¿write('a'))\n"},
    ),
    "a method under a base class that nobody can ask": (
        "run",
        "base_unknown",
        {"main.py": "import web\nclass P(web.View):\n    def ¿go(self): return 1\nprint(P().¿go())\n"},
    ),
    "a method of a class that a foreign class makes": (
        "run",
        "base_unknown",
        {
            "main.py": "import web\nclass P(metaclass=web.Meta):\n"
            "    def ¿go(self): return 1\nprint(P().¿go())\n"
        },
    ),
    "a method whose name is put together": (
        "run",
        "built_by_string",
        {
            "main.py": "class P:\n    def ¿on_start(self): return 1\n"
            "    def do(self, what): return getattr(self, 'on_%s' % what)()\nprint(P().¿on_start())\n"
        },
    ),
    "a name that a builtin has, too": (
        "size",
        "also_builtin",
        {"main.py": "def ¿len(x): return 0\nprint(¿len('abc'))\n"},
    ),
    "a global that code in a string may read": (
        "width",
        "scope_by_name",
        {"main.py": "¿side = 1\nprint(eval('side' + ' + 1'), ¿side)\n"},
    ),
    "a keyword that a mapping may hold": (
        "width",
        "called_with_mapping",
        {"main.py": "def f(¿side): return ¿side\nprint(f(**{'side': 1}))\n"},
    ),
    "a keyword of a function that others call": (
        "width",
        "passed_on",
        {"main.py": "def f(¿side): return ¿side\nprint(list(map(f, [1])))\n"},
    ),
    "a name of two stars": (
        "square",
        "star_ambiguous",
        {
            "lib.py": "def ¿area(): return 1\n",
            "more.py": "def ¿area(): return 2\n",
            "main.py": "from lib import *\nfrom more import *\nprint(¿area())\n",
        },
    ),
}

# Name -> the new name, the conflict, and the program; one `¦` says where the rename is asked for.
CLASHES: Final[dict[str, tuple[str, str, Files]]] = {
    "what the interpreter calls": (
        "size",
        "dunder",
        {"main.py": "class P:\n    def ¦__len__(self): return 1\nprint(len(P()))\n"},
    ),
    "what the interpreter would call": (
        "__len__",
        "dunder",
        {"main.py": "class P:\n    def ¦size(self): return 1\nprint(P().size())\n"},
    ),
    "a name that its class changes": (
        "side",
        "mangling",
        {"main.py": "class P:\n    def __init__(self):\n        self.¦__side = 1\nprint(P()._P__side)\n"},
    ),
    "a class that is part of changed names": (
        "R",
        "mangling",
        {"main.py": "class ¦P:\n    def __init__(self): self.__side = 1\nprint(P()._P__side)\n"},
    ),
    "a method of the base class": (
        "run",
        "name_taken",
        {
            "main.py": "class P:\n    def run(self): return 1\nclass D(P):\n    def ¦go(self): return 2\n"
            "print(D().go(), D().run())\n"
        },
    ),
    "a method of a subclass": (
        "run",
        "name_taken",
        {
            "main.py": "class P:\n    def ¦go(self): return 1\nclass D(P):\n    def run(self): return 2\n"
            "print(D().go(), D().run())\n"
        },
    ),
    "a method of the other base of a subclass": (
        "run",
        "name_taken",
        {
            "main.py": "class A:\n    def ¦go(self): return 1\nclass B:\n    def run(self): return 2\n"
            "class D(A, B): pass\nprint(D().go(), D().run())\n"
        },
    ),
    "a method that a foreign base calls": (
        "work",
        "overrides_external",
        {
            "main.py": "import threading\nclass T(threading.Thread):\n"
            "    def ¦run(self): print(1)\nT().start()\n"
        },
    ),
    "a method that a foreign base would call": (
        "run",
        "overrides_external",
        {
            "main.py": "import threading\nclass T(threading.Thread):\n"
            "    def ¦work(self): print(1)\nT().work()\n"
        },
    ),
    "a member that is asked for by its name": (
        "run",
        "name_taken",
        {"main.py": "class P:\n    def ¦go(self): return 1\nprint(P().go(), hasattr(P(), 'run'))\n"},
    ),
    "a builtin that is used": (
        "len",
        "builtin",
        {"main.py": "def ¦size(x): return 0\nprint(size('a'), len('abc'))\n"},
    ),
    "an outer name that is used inside": (
        "side",
        "shadows",
        {"main.py": "side = 1\ndef f(¦n): return n + side\nprint(f(1))\n"},
    ),
    "a name that is exported already": (
        "square",
        "exported",
        {
            "lib.py": "__all__ = ['square']\ndef ¦area(): return 1\n",
            "main.py": "import lib\nprint(lib.area())\n",
        },
    ),
    "a name that no star would bring any more": (
        "_area",
        "exported",
        {"lib.py": "def ¦area(): return 1\n", "main.py": "from lib import *\nprint(area())\n"},
    ),
    "a keyword that goes among the others": (
        "width",
        "name_taken",
        {"main.py": "def f(¦side=1, **rest): return side, rest\nprint(f(width=2))\n"},
    ),
    "a key that goes among the others": (
        "width",
        "name_taken",
        {"main.py": "def f(¦side=1, **rest): return side, rest\nprint(f(**{'width': 2}))\n"},
    ),
}


def unmarked(files: Files) -> Sources:
    """Return a program without its marks."""
    return sources_of({path: re.sub("[¦¿]", "", text) for path, text in files.items()})


def marked(files: Files, bucket: Bucket) -> Iterator[tuple[str, int, int]]:
    """Yield where the marks of a bucket stand, in order."""
    for path, text in files.items():
        for number, line in enumerate(text.split("\n"), 1):
            plain = line.replace(MARK[Bucket.UNSURE if bucket == Bucket.CERTAIN else Bucket.CERTAIN], "")
            for count, found in enumerate(re.finditer(MARK[bucket], plain)):
                yield path, number, found.start() - count + 1


def renamed(files: Files, new: str) -> Analysis:
    """Analyse the rename of what the first mark stands before."""
    first = next(iter([*marked(files, Bucket.CERTAIN), *marked(files, Bucket.UNSURE)]))
    return analysed(wish_for(Place(*first), new), unmarked(files))


@pytest.mark.parametrize("name", EXACT)
def test_these_sites_are_certain_and_no_others_and_the_program_prints_the_same(name: str) -> None:
    new, output, files = EXACT[name]
    analysis = renamed(files, new)
    assert analysis.conflicts == ()
    for bucket in (Bucket.CERTAIN, Bucket.UNSURE):
        assert sorted(edits_of(analysis, bucket)) == sorted(marked(files, bucket))
    sources = unmarked(files)
    assert printed({source.path.decode(): source.content for source in sources}) == output
    assert printed(contents_after(analysis, sources)) == output


@pytest.mark.parametrize("name", DOUBTED)
def test_what_is_reached_by_its_name_is_unsure_everywhere(name: str) -> None:
    new, reason, files = DOUBTED[name]
    analysis = renamed(files, new)
    assert analysis.conflicts == ()
    assert edits_of(analysis, Bucket.CERTAIN) == []
    assert set(marked(files, Bucket.UNSURE)) <= set(edits_of(analysis, Bucket.UNSURE))
    assert reason in {edit.reason for file in analysis.files for edit in file.edits}


@pytest.mark.parametrize("name", CLASHES)
def test_what_would_break_is_refused_as_a_whole(name: str) -> None:
    new, code, files = CLASHES[name]
    analysis = renamed(files, new)
    assert analysis.outcome == Completeness.REFUSED
    assert code in {conflict.code for conflict in analysis.conflicts}
    assert edits_of(analysis, Bucket.CERTAIN) == []
