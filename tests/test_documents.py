"""What the documents promise of the code is in the code, and the other way round."""

import importlib
import re
from functools import cache
from pathlib import Path

from django.apps import apps
from django.conf import settings

BASE = settings.BASE_DIR
APPS = ("campaigns", "promotions", "pos", "mailing", "demo")
names_a_file_outside = re.compile(
    r"\.\./shared|\.\./\.library|shared/design|house_style\.md|seed_products|field_reports"
).search
GLOSSARY = (BASE / "docs" / "glossary.md").read_text()
DJANGOS = {"EmailMultiAlternatives"}  # names that documents tell of and no code of ours uses
NAMED = set(re.findall(r"`([\w.]+)`", GLOSSARY))
SILENT = {"migrations", "management", "commands", "templatetags", "formats", "en"}  # Django's own folders
FILES = [
    path
    for folder in (*APPS, "config", "tests", "docs", "benchmarks", "templates", "deploy")
    for path in (BASE / folder).rglob("*")
    if path.suffix in {".py", ".md", ".html", ".toml", ".sh"} and "__pycache__" not in path.parts
] + [BASE / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile")]


def list_packages() -> list[str]:
    return sorted(
        ".".join(init.parent.relative_to(BASE).parts)
        for app in (*APPS, "config")
        for init in (BASE / app).rglob("__init__.py")
        if not SILENT & set(init.parent.relative_to(BASE).parts)
    )


def test_every_package_is_in_the_glossary():
    assert [package for package in list_packages() if package not in NAMED] == []


def test_every_model_is_in_the_glossary():
    models = [model._meta.label for app in APPS for model in apps.get_app_config(app).get_models()]
    assert [model for model in models if model not in NAMED] == []


def test_what_the_glossary_calls_a_model_or_a_module_is_there():
    for name in NAMED:
        app, _, rest = name.partition(".")
        if app in APPS and rest:
            is_model = rest in {model.__name__ for model in apps.get_app_config(app).get_models()}
            module = BASE.joinpath(app, *(part for part in rest.split(".") if part.islower()))
            assert is_model or module.is_dir() or module.with_suffix(".py").is_file(), name


def test_each_app_says_what_every_module_is_for():
    for package in (*sorted(set(APPS) - {"demo"}), "mailing.sending", "pos.sales", "promotions.engine"):
        folder = BASE.joinpath(*package.split("."))
        text = (folder / "__init__.py").read_text()
        modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "apps", "urls", "admin"}
        assert {name for name in modules if not re.search(rf"\b{name}\b", text)} == set(), package
        listed = re.findall(r"^    ((?:\w+, )*\w+)  ", text, re.MULTILINE)
        named = {name for line in listed for name in line.split(", ")}
        assert {name for name in named if not (folder / name).is_dir()} <= modules, package


def test_links_between_documents_lead_somewhere():
    pages = [*BASE.glob("*.md"), *(BASE / "docs").rglob("*.md"), *BASE.glob("deploy/*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_nothing_names_a_file_outside_the_repository():
    assert [path for path in FILES if path != Path(__file__) and names_a_file_outside(path.read_text())] == []


def resolve(name: str) -> object:
    """What a dotted name stands for. Raises AttributeError or ModuleNotFoundError: there is no such thing."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            thing = getattr(thing, part)
        return thing
    raise ModuleNotFoundError(name)


@cache
def _list_words_of_code() -> set[str]:
    """Every word of our Python files but these tests' own."""
    files = (each for app in (*APPS, "config", "tests", "benchmarks") for each in (BASE / app).rglob("*.py"))
    return {word for each in files if each != Path(__file__) for word in re.findall(r"\w+", each.read_text())}


def leads_somewhere(name: str) -> bool:
    """Whether what stands in backticks is a file, a model or a name of the code; other words always do."""
    app, _, rest = name.partition(".")
    if name.startswith("/"):  # an address
        return True
    if "/" in name or name.endswith((".py", ".md", ".toml", ".txt", ".css", ".js", ".json", ".in")):
        return bool(list(BASE.glob(name.rstrip("/"))))
    if not rest and name.isidentifier() and name != name.lower():
        return name in _list_words_of_code() | DJANGOS
    if not rest or app not in (*APPS, "config", "tests", "benchmarks"):
        return True
    if app in APPS and rest.lower() in apps.get_app_config(app).models:
        return True
    try:
        resolve(name)
    except (AttributeError, ModuleNotFoundError):
        return False
    return True


def test_names_and_paths_in_the_documents_of_developers_are_there():
    documents = BASE / "docs"
    pages = [
        documents / "architecture.md",
        documents / "development.md",
        *(documents / "decisions").glob("*.md"),
    ]
    missing = [
        (page.name, name)
        for page in pages
        for name in sorted(set(re.findall(r"`([\w./*-]+)`", page.read_text())) - {"utils.py"})
        if not leads_somewhere(name)
    ]
    assert missing == []


def test_raw_sql_crosses_the_apps_only_where_the_architecture_says_so():
    text = (BASE / "docs" / "architecture.md").read_text()
    section = text.partition("## Where raw SQL crosses the apps")[2].partition("\n## ")[0]
    allowed = {
        (module, app)
        for row in section.splitlines()
        if row.startswith("| `")
        for module in re.findall(r"`([\w.]+)`", row.split("|")[1])
        for app in re.findall(r"`(\w+)`", row.split("|")[3])
    }
    tables = {
        model._meta.db_table: model._meta.app_label
        for app in APPS
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
    }
    named = re.compile(rf"\b(?:{'|'.join(tables)})\b")
    crossing = {
        (".".join(path.relative_to(BASE).with_suffix("").parts), tables[table])
        for app in (*APPS, "config")
        for path in (BASE / app).rglob("*.py")
        if "migrations" not in path.parts
        for table in named.findall(path.read_text())
        if tables[table] != app
    }
    assert crossing == allowed


def test_what_development_installs_holds_all_that_running_needs():
    """So it is installed in the place of both."""
    running, developing = (
        {
            line.rstrip(" \\")
            for line in (BASE / "requirements" / name).read_text().splitlines()
            if "==" in line and not line.startswith(" ")
        }
        for name in ("run.txt", "dev.txt")
    )
    assert running
    assert running <= developing
