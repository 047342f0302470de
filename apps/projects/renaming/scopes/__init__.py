"""What names mean in a project of Python files, from their text alone; runs in a process of its own.

modules      a parsed file; which file an import means
fields       where the expressions of an f-string stand, which the parser of Python 3.11 does not say
building     the tree of scopes of a file: what binds a name, and where each wanted name occurs
lookup       the scope that a name belongs to, as the interpreter finds it
inferring    what an expression may be: sound, or unknown
classes      base classes, and which members are one through inheritance
census       every occurrence of one name, and the bindings that must change together
target       the symbol that was wished for
"""
