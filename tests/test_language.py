"""Functions are named for what they do: none by a participle alone, which says neither who acts nor on what."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
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


@pytest.fixture(scope="module")
def functions():
    return [*list_functions()]


def test_no_function_is_named_by_a_participle_alone(functions):
    named = [(path, name) for path, name in functions if is_participle(name) and name not in ALLOWED]
    assert named == []


def test_what_is_allowed_is_still_there(functions):
    assert {name for _, name in functions} >= set(ALLOWED)


# ── percent signs ────────────────────────────────────────────────────────────────────────────────────────────────────

# English writes 13.3%. What follows the sign tells it from the modulo of SQL and from tags of templates.
GAP = "[ \u00a0\u202f]%(?![%}\\]\\w(=])"
has_gap_before_percent = re.compile(rf"(?:[0-9*]|\}}\}}){GAP}").search


def list_texts(product: dict[str, ast.Module]) -> Iterator[tuple[str, str]]:
    """Every template, document and text of the code as (path, text); of an f-string what follows a value."""
    base = settings.BASE_DIR
    for path in [*(base / "templates").rglob("*.html"), *(base / "docs").rglob("*.md"), *base.glob("*.md")]:
        yield str(path.relative_to(base)), path.read_text()
    for module, tree in product.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield module, node.value
            elif isinstance(node, ast.JoinedStr):
                for value, rest in pairwise(node.values):
                    if isinstance(value, ast.FormattedValue) and isinstance(rest, ast.Constant):
                        yield module, f"0{rest.value}"


def test_no_template_text_or_document_writes_a_gap_before_a_percent_sign(product):
    assert sorted({path for path, text in list_texts(product) if has_gap_before_percent(text)}) == []


# ── what a module offers ─────────────────────────────────────────────────────────────────────────────────────────────


def read_offers(parsed: dict[str, ast.Module]) -> dict[str, set[str]]:
    """What each module of ours that has `__all__` names in it."""
    offers = {}
    for module, tree in parsed.items():
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                offers[module] = set(ast.literal_eval(node.value))
    return offers


@pytest.fixture(scope="module")
def product() -> dict[str, ast.Module]:
    """The syntax tree of every module outside the tests, by its dotted name."""
    parsed = {}
    for folder in FOLDERS:
        if folder != "tests":
            for path in sorted((settings.BASE_DIR / folder).rglob("*.py")):
                parts = path.relative_to(settings.BASE_DIR).with_suffix("").parts
                parsed[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text())
    return parsed


def list_uses(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Every (module, name) that a module takes from another: imported by its name, or read from the module."""
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names:
                yield node.module, name.name
                modules[name.asname or name.name] = f"{node.module}.{name.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield modules[node.value.id], node.attr


def test_what_other_modules_take_is_what_a_module_offers(product):
    offers = read_offers(product)
    assert len(offers) > 15
    taken = {
        (module, used, name)
        for module, tree in product.items()
        for used, name in list_uses(tree)
        if used in offers and name not in offers[used] and f"{used}.{name}" not in product
    }
    assert sorted(taken) == []


# ── types ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def find_unreasoned_any(source: str) -> list[int]:
    """The lines on which `Any` has no reason: no comment beside it and none on the line above."""
    lines = source.splitlines()
    used = {
        node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name) and node.id == "Any"
    }
    return sorted(
        number
        for number in used
        if "#" not in lines[number - 1] and not lines[number - 2].lstrip().startswith("#")
    )


def test_any_is_used_with_a_reason_only():
    base = settings.BASE_DIR
    paths = [
        path for folder in FOLDERS if folder != "tests" for path in sorted((base / folder).rglob("*.py"))
    ]
    unreasoned = [
        f"{path.relative_to(base)}:{number}"
        for path in paths
        if "migrations" not in path.parts
        for number in find_unreasoned_any(path.read_text())
    ]
    assert unreasoned == [], "use a name of campaigns.annotations, or say why in a comment"
