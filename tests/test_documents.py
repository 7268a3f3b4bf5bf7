"""What the documents promise of the code is in the code, and the other way round."""

import re
from pathlib import Path

from django.apps import apps
from django.conf import settings

BASE = settings.BASE_DIR
APPS = ("campaigns", "promotions", "pos", "mailing")
names_a_file_outside = re.compile(
    r"\.\./shared|\.\./\.library|shared/design|house_style\.md|seed_products|field_reports"
).search
GLOSSARY = (BASE / "docs" / "glossary.md").read_text()
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


def test_links_between_documents_lead_somewhere():
    pages = [*BASE.glob("*.md"), *(BASE / "docs").rglob("*.md"), *BASE.glob("deploy/*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_nothing_names_a_file_outside_the_repository():
    assert [path for path in FILES if path != Path(__file__) and names_a_file_outside(path.read_text())] == []
