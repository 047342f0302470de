"""Which language a file is in: by its name, its extension, its first line. Pure.

Part of what GENERATOR names: whoever changes a table raises it.
"""

from collections.abc import Mapping
from typing import Final

# Language -> extensions without the dot, then whole names after "/", then interpreters after "!".
_TABLE: Final = """
Ada: adb ads
Assembly: asm s
Astro: astro
AWK: awk ! awk gawk mawk
Batchfile: bat cmd
C: c h
C#: cs csx
C++: cc cpp cxx c++ hh hpp hxx h++ ipp tpp
Clojure: clj cljs cljc edn ! bb
CMake: cmake / cmakelists.txt
CoffeeScript: coffee
Common Lisp: lisp lsp cl asd
Crystal: cr
CSS: css
CSV: csv
CUDA: cu cuh
Cython: pyx pxd pxi
D: d di
Dart: dart
Diff: diff patch
Dockerfile: dockerfile containerfile / dockerfile containerfile
Elixir: ex exs / mix.lock ! elixir
Elm: elm
Emacs Lisp: el
Erlang: erl hrl ! escript
F#: fs fsi fsx
Fish: fish ! fish
Fortran: f f77 f90 f95 f03 f08 for
Gherkin: feature
Git Attributes: gitattributes / .gitattributes
Git Config: gitconfig gitmodules / .gitconfig .gitmodules
GLSL: glsl vert frag geom comp
Go: go
Go Module: / go.mod go.work
Go Checksums: / go.sum go.work.sum
Gradle: gradle
GraphQL: graphql gql graphqls
Groovy: groovy gvy / jenkinsfile ! groovy
Haskell: hs lhs ! runhaskell
HCL: hcl tf tfvars
HTML: html htm xhtml
Ignore List: gitignore dockerignore npmignore eslintignore prettierignore
INI: ini cfg conf editorconfig / .editorconfig .flake8 .pylintrc .coveragerc
Java: java jav
Java Properties: properties
JavaScript: js mjs cjs jsx es6 ! node nodejs deno bun
Jinja: j2 jinja jinja2
JSON: json jsonc json5 geojson webmanifest map / composer.lock pipfile.lock flake.lock
JSON Lines: jsonl ndjson
Julia: jl ! julia
Jupyter Notebook: ipynb
Just: just / justfile
Kotlin: kt kts
Less: less
Lua: lua ! lua luajit
Makefile: mk mak make / makefile gnumakefile ! make
Markdown: md markdown mdown mkd mdx
MATLAB: matlab
Meson: / meson.build meson_options.txt
Nim: nim nims
Nix: nix
Objective-C: m
Objective-C++: mm
OCaml: ml mli ! ocaml
Org: org
Pascal: pas pp dpr
Perl: pl pm t ! perl
PHP: php phtml php8 ! php
PowerShell: ps1 psm1 psd1 ! pwsh
Prisma: prisma
Prolog: pro prolog
Protocol Buffer: proto
Puppet: puppet
Python: py pyi pyw wsgi / sconstruct sconscript ! python python2 python3 pypy pypy3 uv
R: r rmd ! rscript
Racket: rkt ! racket
reStructuredText: rst
Ruby: rb rake gemspec ru podspec / gemfile rakefile podfile brewfile vagrantfile fastfile ! ruby jruby
Rust: rs
Sass: sass
Scala: scala sc sbt ! scala
Scheme: scm ss
SCSS: scss
Shell: sh bash zsh ksh bats / .bashrc .bash_profile .profile .zshrc .envrc ! sh bash zsh dash ksh ash
Solidity: sol
SQL: sql psql
Starlark: bzl star bazel / build workspace
Stylus: styl
Svelte: svelte
SVG: svg
Swift: swift ! swift
Tcl: tcl ! tclsh wish
TeX: tex sty cls bib ltx
Text: txt text / license copying authors readme notice changelog
Thrift: thrift
TOML: toml / cargo.lock poetry.lock uv.lock pdm.lock pipfile
TypeScript: ts mts cts tsx
Vala: vala vapi
Verilog: v vh sv svh
VHDL: vhd vhdl
Vim Script: vim / .vimrc
Visual Basic: vb vbs bas
Vue: vue
WebAssembly: wat wast
XML: xml xsd xsl xslt plist csproj vcxproj iml resx storyboard xib
YAML: yaml yml / .clang-format pubspec.lock podfile.lock
YARN Lock: / yarn.lock
Zig: zig zon
"""

Table = Mapping[str, str]


def _read(table: str) -> tuple[Table, Table, Table, Table]:
    """Return languages by extension, by name, by interpreter, by what an attribute may call them."""
    extensions: dict[str, str] = {}
    names: dict[str, str] = {}
    interpreters: dict[str, str] = {}
    called: dict[str, str] = {}
    for line in table.strip().splitlines():
        language, _, rest = line.partition(": ")
        called[language.lower().replace(" ", "-")] = language
        rest, _, shebangs = rest.partition("!")
        endings, _, whole = rest.partition("/")
        extensions |= dict.fromkeys(endings.split(), language)
        names |= dict.fromkeys(whole.split(), language)
        interpreters |= dict.fromkeys(shebangs.split(), language)
    return extensions, names, interpreters, called


_EXTENSIONS, _NAMES, _INTERPRETERS, _CALLED = _read(_TABLE)


def language_by_name(path: bytes) -> str:
    """Return the language that a file's name says, empty if it says none."""
    name = path.rpartition(b"/")[2].decode("ascii", "replace").lower()
    stem, dot, extension = name.rpartition(".")
    # `Dockerfile.dev` is a Dockerfile, unless the ending says more.
    found = _NAMES.get(name) or (_EXTENSIONS.get(extension) if dot else "")
    return found or _NAMES.get(stem, "")


def language_by_shebang(shebang: str) -> str:
    """Return the language of an interpreter, say of `python3.11`; empty if it is not known."""
    name = shebang.lower()
    return _INTERPRETERS.get(name) or _INTERPRETERS.get(name.rstrip("0123456789.-"), "")


def language_by_attribute(value: str) -> str:
    """Return the language that an attribute calls by its name; empty if it is not known."""
    return _CALLED.get(value.lower().replace(" ", "-"), "")
