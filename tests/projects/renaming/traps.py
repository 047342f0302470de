"""Programs in which a name is reached in ways that no one sees: each must be told, or come out right.

A trap is what is renamed (`|` before it), and the program.
"""

from typing import Final

TRAPS: Final[dict[str, tuple[str, str, str]]] = {
    "two classes in one list": (
        "def |go(self): return 'p'",
        "run",
        (
            "class P:\n    def go(self): return 'p'\nclass Q:\n    def go(self): return 'q'\n"
            "print([x.go() for x in [P(), Q()]])\n"
        ),
    ),
    "an argument without a type": (
        "def |go(self): return 'p'",
        "run",
        (
            "class P:\n    def go(self): return 'p'\nclass Q:\n    def go(self): return 'q'\n"
            "def f(x): return x.go()\nprint(f(P()), f(Q()))\n"
        ),
    ),
    "a mapping as arguments": (
        "def f(|side)",
        "width",
        "def f(side): return side\noptions = {'side': 2}\nprint(f(**options))\n",
    ),
    "a mapping made by dict": (
        "def f(|side)",
        "width",
        "def f(side): return side\noptions = dict(side=2)\nprint(f(**options))\n",
    ),
    "arguments handed on": (
        "def f(|side)",
        "width",
        "def f(side): return side\ndef g(**rest): return f(**rest)\nprint(g(side=2))\n",
    ),
    "a partial function": (
        "def f(|side)",
        "width",
        "from functools import partial\ndef f(side): return side\nprint(partial(f, side=2)())\n",
    ),
    "a function passed on": (
        "def f(|side)",
        "width",
        "def f(side): return side\ndef call(it, **rest): return it(**rest)\nprint(call(f, side=1))\n",
    ),
    "locals": (
        "    |side = 1",
        "width",
        "def f():\n    side = 1\n    return '{side}'.format(**locals())\nprint(f())\n",
    ),
    "globals": ("def |area", "square", "def area(): return 1\nprint(globals()['area']())\n"),
    "globals by get": ("def |area", "square", "def area(): return 1\nprint(globals().get('area')())\n"),
    "eval": ("|side = 1", "width", "side = 1\nprint(eval('side + 1'))\n"),
    "a name put together": (
        "def |on_start",
        "begin",
        (
            "class P:\n    def on_start(self): return 1\n"
            "    def run(self, what): return getattr(self, 'on_' + what)()\n"
            "print(P().run('start'))\n"
        ),
    ),
    "a name put together before": (
        "def |on_start",
        "begin",
        (
            "class P:\n    def on_start(self): return 1\n    def run(self, what):\n        name = f'on_{what}'\n"
            "        return getattr(self, name)()\nprint(P().run('start'))\n"
        ),
    ),
    "a name in a list of strings": (
        "def |go",
        "run",
        "class P:\n    def go(self): return 1\nfor name in ['go']:\n    print(getattr(P(), name)())\n",
    ),
    "an f-string that prints its text": ("|side = 1", "width", "side = 1\nprint(f'{side=}')\n"),
    "a class body that reads outside first": (
        "|side = 1",
        "width",
        "side = 1\nclass P:\n    side = side + 1\nprint(P.side, side)\n",
    ),
    "siblings of one subclass": (
        "def |go(self): return 'a'",
        "run",
        (
            "class A:\n    def go(self): return 'a'\nclass B:\n    def go(self): return 'b'\n"
            "    def show(self): return self.go()\nclass D(A, B): pass\nprint(D().show(), B().show())\n"
        ),
    ),
    "a class made by type": (
        "def |go",
        "run",
        (
            "class P:\n    def go(self): return 1\n    def show(self): return self.go()\n"
            "D = type('D', (P,), {'go': lambda self: 2})\nprint(D().show())\n"
        ),
    ),
    "an enum member by string": (
        "|RED",
        "CRIMSON",
        "import enum\nclass C(enum.Enum):\n    RED = 1\nprint(C['RED'].value)\n",
    ),
    "a proxy": (
        "def |go",
        "run",
        (
            "class P:\n    def go(self): return 1\nclass Proxy:\n    def __init__(self): self.inner = P()\n"
            "    def __getattr__(self, name): return getattr(self.inner, name)\nprint(Proxy().go())\n"
        ),
    ),
    "a patched class": (
        "def |go",
        "run",
        "class P:\n    def go(self): return 1\nP.go = lambda self: 2\nprint(P().go())\n",
    ),
    "one class or the other": (
        "def |go(self): return 1",
        "run",
        (
            "if len('x'):\n    class P:\n        def go(self): return 1\nelse:\n    class P:\n"
            "        def go(self): return 2\ndef f(p: P): return p.go()\nprint(f(P()))\n"
        ),
    ),
    "a registry by name": (
        "def |go",
        "run",
        (
            "KNOWN = {}\ndef known(f):\n    KNOWN[f.__name__] = f\n    return f\n@known\ndef go(): return 1\n"
            "print(KNOWN['go']())\n"
        ),
    ),
    "slots": (
        "self.|side = 1",
        "width",
        "class P:\n    __slots__ = ('side',)\n    def __init__(self): self.side = 1\nprint(P().side)\n",
    ),
    "a context that gives something else": (
        "def |go(self): return 'p'",
        "run",
        (
            "class Q:\n    def go(self): return 'q'\nclass P:\n    def go(self): return 'p'\n"
            "    def __enter__(self): return Q()\n    def __exit__(self, *a): pass\nwith P() as x:\n"
            "    print(x.go())\n"
        ),
    ),
    "a member that is replaced": (
        "def |go",
        "run",
        (
            "class P:\n    def __init__(self): self.go = lambda: 3\n    def go(self): return 1\n"
            "print(P().go())\n"
        ),
    ),
    "a dataclass as a mapping": (
        "    |side: int",
        "width",
        (
            "from dataclasses import asdict, dataclass\n@dataclass\nclass P:\n    side: int\n"
            "print(asdict(P(1))['side'])\n"
        ),
    ),
    "a dataclass that is replaced": (
        "    |side: int",
        "width",
        (
            "from dataclasses import dataclass, replace\n@dataclass\nclass P:\n    side: int\n"
            "print(replace(P(1), side=2).side)\n"
        ),
    ),
    "a format with an attribute": (
        "self.|side = 1",
        "width",
        "class P:\n    def __init__(self): self.side = 1\nprint('{0.side}'.format(P()))\n",
    ),
    "the arguments of a parent": (
        "def __init__(self, |side)",
        "width",
        (
            "class P:\n    def __init__(self, side): self.side = side\nclass D(P):\n"
            "    def __init__(self, n): super().__init__(side=n)\nprint(D(2).side, P(side=1).side)\n"
        ),
    ),
    "arguments of whichever class": (
        "def __init__(self, |side): self.n = side",
        "width",
        (
            "class P:\n    def __init__(self, side): self.n = side\n    @classmethod\n"
            "    def make(cls): return cls(side=1)\n"
            "class D(P):\n    def __init__(self, side): self.n = -side\nprint(P.make().n, D.make().n)\n"
        ),
    ),
    "a foreign module under another name": (
        "|os\n",
        "system",
        "try:\n    import os\nexcept ImportError:\n    os = None\nprint(os.sep)\n",
    ),
    "a foreign package": ("print(|os", "system", "import os.path\nprint(os.path.basename('a/b'))\n"),
    "a foreign name": ("print(|sep", "mark", "from os import sep\nprint(sep)\n"),
    "a builtin that is hidden later": (
        "|len = ",
        "size",
        "print(len('abc'))\nlen = lambda x: 0\nprint(len('abc'))\n",
    ),
    "a subclass of a builtin": (
        "def |count(self",
        "number",
        "class L(list):\n    def count(self, x): return 9\nprint(L([1]).count(1))\n",
    ),
    "a file that print writes to": (
        "def |write",
        "put",
        (
            "import sys\nclass W:\n    def write(self, text): sys.stdout.write(text.upper())\n"
            "print('a', file=W())\n"
        ),
    ),
    "a thread that is run": (
        "def |run",
        "work",
        (
            "import threading\nclass T(threading.Thread):\n    def run(self): print('ran')\nt = T()\n"
            "t.start()\nt.join()\n"
        ),
    ),
    "an attribute of a module by string": (
        "def |area",
        "square",
        "import importlib\ndef area(): return 1\nprint(getattr(importlib.import_module('main'), 'area')())\n",
    ),
    "a descriptor": (
        "def |go(self): return 'field'",
        "run",
        (
            "class Q:\n    def go(self): return 'q'\nclass Field:\n    def go(self): return 'field'\n"
            "    def __get__(self, it, owner): return Q() if it else self\nclass P:\n    x = Field()\n"
            "print(P().x.go())\n"
        ),
    ),
    "an annotation in a class of the same name": (
        "class |P:",
        "R",
        (
            "class P:\n    x = 1\nclass Q:\n    P: 'P' = None\n"
            "    def f(self, p: 'P') -> 'P': return p\nprint(P.x)\n"
        ),
    ),
    "a loop that rebinds": (
        "def |go(self): return 'p'",
        "run",
        (
            "class P:\n    def go(self): return 'p'\nclass Q:\n    def go(self): return 'q'\nx = P()\n"
            "for _ in range(2):\n    print(x.go())\n    x = Q()\n"
        ),
    ),
    "a global written elsewhere": (
        "def |go(self): return 'p'",
        "run",
        (
            "class P:\n    def go(self): return 'p'\nclass Q:\n    def go(self): return 'q'\nx = P()\n"
            "def change():\n    global x\n    x = Q()\nchange()\nprint(x.go())\n"
        ),
    ),
    "a return of either": (
        "def |go(self): return 'p'",
        "run",
        (
            "class P:\n    def go(self): return 'p'\nclass Q:\n    def go(self): return 'q'\n"
            "def make(n):\n    if n:\n        return P()\n    return Q()\nprint(make(0).go(), make(1).go())\n"
        ),
    ),
    "exec": ("def |area", "square", "def area(): return 2\nexec('print(area())')\n"),
    "a decorator that changes what it gets": (
        "def |go(self): return 'p'",
        "run",
        (
            "class P:\n    def go(self): return 'p'\nclass Q:\n    def go(self): return 'q'\n"
            "def other(f): return lambda: Q()\n@other\ndef make() -> P: return P()\nprint(make().go())\n"
        ),
    ),
}
