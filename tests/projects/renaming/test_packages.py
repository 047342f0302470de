"""Renames in packages that people use: what is certain works afterwards, what is not known stays unsure."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from apps.projects.renaming.analysing import analyse
from apps.projects.renaming.values import Analysis, SourceFile
from apps.projects.states import Bucket, Completeness
from tests.projects.renaming.running import ask_scopes, contents_after, edits_of, sources_of, wish_for

RENAMES = (
    ("requests.utils.get_auth_from_url", "credentials_in", 8),
    ("requests.models.PreparedRequest", "ReadyRequest", 52),
    ("requests.utils.should_bypass_proxies.no_proxy", "skipped_hosts", 8),
    ("requests.sessions.Session.get_adapter", "find_adapter", 2),
)
# Sends through an adapter of its own: `send` must find it by the renamed method.
BEHAVIOUR = """
import importlib, pkgutil, requests, requests.adapters, requests.utils
for found in pkgutil.iter_modules(requests.__path__):
    importlib.import_module(f"requests.{found.name}")

class Echo(requests.adapters.BaseAdapter):
    def send(self, request, **kwargs):
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, request.url
        response._content = type(request).__name__.encode()
        return response
    def close(self):
        pass

session = requests.Session()
session.mount("echo://", Echo())
answer = session.get("echo://name:word@host/path", proxies={})
print(answer.text, requests.ReadyRequest.__name__, answer.request.headers["Authorization"][:6])
print(type(session.find_adapter("echo://x")).__name__, hasattr(session, "get_adapter"))
print(requests.utils.credentials_in("http://name:word@host/"))
print(requests.utils.should_bypass_proxies("http://host/", skipped_hosts="host"))
print(requests.utils.get_environ_proxies("http://host/", no_proxy="host"))
"""


def package_sources(name: str, *folders: str) -> list[SourceFile]:
    """Return the Python files of an installed package, or of some of its folders and files."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent.parent
    places = [root / name / folder for folder in folders] or [root / name]
    paths = [
        path for place in places for path in ([place] if place.is_file() else sorted(place.rglob("*.py")))
    ]
    return sources_of({path.relative_to(root).as_posix(): path.read_bytes() for path in paths})


def worst_case(qualified_name: str, new: str, sources: list[SourceFile]) -> Analysis:
    """Analyse with engines that claim every place where the name is written."""
    return ask_scopes(wish_for(qualified_name, new), sources).claimed()


def lines_of(analysis: Analysis, bucket: Bucket, sources: list[SourceFile]) -> list[str]:
    """Return the lines in which edits of a bucket stand."""
    texts = {source.path.decode(): source.content.decode().split("\n") for source in sources}
    return [texts[path][line - 1].strip() for path, line, _ in edits_of(analysis, bucket)]


def test_tests_beside_a_src_folder_are_as_certain_as_the_package_itself() -> None:
    sources = sources_of(
        {
            "src/pack/__init__.py": b"",
            "src/pack/tools.py": b"def old():\n    return 1\n",
            "tests/__init__.py": b"",
            "tests/test_tools.py": b"from pack.tools import old\n\n\ndef test_old():\n    assert old()\n",
        }
    )
    analysis = analyse(wish_for("pack.tools.old", "new"), sources)
    assert edits_of(analysis, Bucket.UNSURE) == []
    assert [place[:2] for place in edits_of(analysis, Bucket.CERTAIN)] == [
        ("src/pack/tools.py", 1),
        ("tests/test_tools.py", 1),
        ("tests/test_tools.py", 5),
    ]


def test_requests_works_after_a_function_a_class_a_parameter_and_a_method_are_renamed(tmp_path: Path) -> None:
    sources = package_sources("requests")
    for qualified_name, new, count in RENAMES:
        analysis = analyse(wish_for(qualified_name, new), sources)
        assert analysis.outcome == Completeness.COMPLETE
        assert (len(edits_of(analysis, Bucket.CERTAIN)), edits_of(analysis, Bucket.UNSURE)) == (count, [])
        sources = sources_of(contents_after(analysis, sources))
    for source in sources:
        place = tmp_path / source.path.decode()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source.content)
    done = subprocess.run(
        [sys.executable, "-c", BEHAVIOUR],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "ReadyRequest ReadyRequest Basic ",
        "Echo False",
        "('name', 'word')",
        "True",
        "{}",
    ]


def test_a_caller_in_a_base_class_without_the_method_is_unsure() -> None:
    sources = package_sources("django", "contrib/admin/options.py", "contrib/admin/checks.py")
    analysis = worst_case("django.contrib.admin.options.ModelAdmin.get_list_display", "list_columns", sources)
    assert "else self.get_list_display(request)" in lines_of(analysis, Bucket.UNSURE, sources)
    assert "else self.get_list_display(request)" not in lines_of(analysis, Bucket.CERTAIN, sources)


def test_the_querysets_of_managers_are_not_certain() -> None:
    sources = package_sources(
        "django",
        "db/models/manager.py",
        "db/models/fields/related_descriptors.py",
        "contrib/admin/options.py",
    )
    wish = "django.contrib.admin.options.BaseModelAdmin.get_queryset"
    certain = lines_of(worst_case(wish, "rows_shown", sources), Bucket.CERTAIN, sources)
    assert [line for line in certain if "_default_manager" in line or "super()" in line] == []
    managers = worst_case("django.db.models.manager.BaseManager.get_queryset", "rows", sources)
    assert {path for path, _, _ in edits_of(managers, Bucket.CERTAIN)} == {"django/db/models/manager.py"}
    assert len(edits_of(managers, Bucket.UNSURE)) > 10
