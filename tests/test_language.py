"""Functions are named for what they do: none by a participle alone, which says neither who acts nor on what."""

import ast
from collections.abc import Iterator

from django.conf import settings

FOLDERS = ("campaigns", "promotions", "pos", "mailing", "demo", "config", "tests", "benchmarks")
IRREGULAR = frozenset(
    """
    begun born bought bound broken brought built caught chosen come cut dealt done drawn driven eaten fallen fed felt
    forgotten fought found frozen given gone grown held hid hidden hit kept known laid led left lent let lit lost made
    meant met overtaken paid put read ridden risen said sat seen sent set shaken shown shut sold sought split spoken
    spun stolen stood struck stuck sung swept sworn taken taught thought thrown told torn undone understood unkept unmet
    wanted woken won worn written
    """.split()
)
NO_PARTICIPLES = frozenset({"embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed", "succeed"})
ALLOWED = {  # a name, and why it may stay
    "listed": "a filter of a query set, named for its meaning",
    "put": "the method of HTTP",
}


def list_functions() -> Iterator[tuple[str, str]]:
    """Every function and method as (path, name)."""
    for folder in FOLDERS:
        for path in sorted((settings.BASE_DIR / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                for node in ast.walk(ast.parse(path.read_text())):
                    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                        yield str(path.relative_to(settings.BASE_DIR)), node.name


def is_participle(name: str) -> bool:
    word = name.strip("_")
    return word in IRREGULAR or (word.endswith("ed") and "_" not in word and word not in NO_PARTICIPLES)


def test_no_function_is_named_by_a_participle_alone():
    named = [(path, name) for path, name in list_functions() if is_participle(name) and name not in ALLOWED]
    assert named == []


def test_what_is_allowed_is_still_there():
    assert {name for _, name in list_functions()} >= set(ALLOWED)
