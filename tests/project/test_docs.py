"""What the pages say is so: parameters, commands, addresses, paths, links and examples."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from churn import engine
from churn.cli.main import main, run_pipeline
from churn.params import decision, schema
from churn.registry import gate
from churn.sources import inputs
from churn.state import PROJECT
from docs.generate import pages
from docs.mkdocs import navigation
from serving.problems import KINDS, REMEDIES

DOCS = PROJECT / "docs"
README = (PROJECT / "README.md").read_text()
ARCHITECTURE = (PROJECT / "ARCHITECTURE.md").read_text()
OWN_LOG = (DOCS / "tutorial" / "own-log.md").read_text()
PARAMETERS, COMMANDS, API, DECISIONS = (
    (DOCS / "reference" / f"{name}.md").read_text() for name in ("parameters", "commands", "api", "decisions")
)
FOLDERS = [f for f in PROJECT.glob("[!.]*/") if f.name not in ("state", "mutants", "build")]  # those made by commands
PAGES = sorted([*PROJECT.glob("*.md"), *(page for folder in FOLDERS for page in folder.rglob("*.md"))])
IMAGES = sorted(DOCS.glob("images/*"))
REST = {  # what a file needs beside its data section
    "events": "experiment: x\nseed: 1\nlabel: {rule: inactivity, horizon_days: 30, active_within_days: 60}\n"
    "snapshots: {train: [2024-01-01], test: 2024-02-01, serve: 2024-03-01}",
    "database": "experiment: x\nseed: 1\nlabel: {rule: inactivity, horizon_days: 30, active_within_days: 60}\n"
    "snapshots: {train: [2024-01-01], test: 2024-02-01, serve: 2024-03-01}",
    "tables": "experiment: x\nseed: 1\nsnapshots: {train: [2024-01-31], test: 2024-02-29, serve: 2024-02-29}",
}


def name_of(page: Path) -> str:
    """A page's place in the project: two pages are called README.md."""
    return page.relative_to(PROJECT).as_posix()


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a page in that language; "" for those without one."""
    fenced = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [body for found, body in fenced if found == language]


EXAMPLES = [(name_of(page), text) for page in PAGES for text in blocks(page.read_text(), "yaml")]
CHURN = re.compile(r"(?:^(?:\$ )?(?:\.venv/bin/)?|`)churn ([a-z]+[^`\n]*)", re.MULTILINE)
RUN = re.compile(r"run_pipeline\.py([^`\n]*)")


def mentioned(pattern: re.Pattern) -> list[str]:
    """What follows a command's name on any page, on a line of its own or within a sentence."""
    return sorted({rest for page in PAGES for rest in pattern.findall(page.read_text())})


def flags(text: str) -> set[str]:
    return set(re.findall(r"--[a-z]+(?:-[a-z]+)*", text))


def help_of(command, arguments: list[str], capsys) -> str:
    """What a command says of itself."""
    with pytest.raises(SystemExit) as done:
        command([*arguments, "--help"])
    assert 0 == done.value.code
    return capsys.readouterr().out


def anchors(page: str) -> list[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def leaves(tree: dict, prefix: str = "") -> list[str]:
    """The dotted keys of a params file, down to its values."""
    return [
        key
        for name, value in tree.items()
        for key in (leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"])
        if not key.startswith("data.snapshots.")  # its keys are dates
    ]


def test_the_generated_tables_are_those_of_the_code():
    stale = [page.name for page, text in pages.current().items() if text != page.read_text()]
    assert [] == stale, "run `python -m docs.generate`"


@pytest.mark.parametrize("file", sorted(PROJECT.glob("params/*.yaml")), ids=lambda file: file.stem)
def test_every_key_of_a_shipped_file_has_a_row(file):
    keys = leaves(yaml.safe_load(file.read_text()))
    assert [] == [key for key in keys if not re.search(rf"^\| `{re.escape(key)}` \|", PARAMETERS, re.MULTILINE)]


@pytest.mark.parametrize(("page", "text"), EXAMPLES, ids=lambda value: value[:40])
def test_a_params_example_is_valid(page, text, tmp_path):
    given = yaml.safe_load(text)
    if "data" not in given:  # some sections of a file
        text = yaml.safe_dump(yaml.safe_load((PROJECT / "params" / "cdnow.yaml").read_text()) | given)
    elif "experiment" not in given:
        text = f"{text}\n{REST[given['data']['source']]}\n"
    (tmp_path / "example.yaml").write_text(text)
    assert given.get("data", {"source": "cdnow"})["source"] == schema.load(tmp_path / "example.yaml").data.source


def test_the_example_log_is_read_by_the_example_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [script], [example] = blocks(OWN_LOG, "python"), blocks(OWN_LOG, "yaml")
    exec(script, {})
    Path("shop.yaml").write_text(example)
    source = inputs.read(engine.connect(), schema.load("shop.yaml").data.model_dump(), tmp_path / "staged")
    assert len(Path("orders.csv").read_text().splitlines()) - 1 == source.counts["events"] > 10_000
    assert 0 == source.counts["rejected"]


def test_the_readme_shows_the_example_of_the_tutorial():
    assert blocks(OWN_LOG, "yaml") == blocks(README, "yaml")


def test_the_example_stays_within_ten_lines_of_yaml():
    assert 10 >= len(blocks(README, "yaml")[0].splitlines())


@pytest.mark.parametrize(("page", "most"), [("README.md", 150), ("ARCHITECTURE.md", 60)])
def test_a_page_of_the_root_stays_short(page, most):
    assert most >= len((PROJECT / page).read_text().splitlines())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_and_image_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("https://"):
            continue
        file, _, heading = target.partition("#")
        there = page.parent / file if file else page
        assert there.is_file(), target
        assert not heading or heading in anchors(there.read_text()), target


def test_the_map_of_the_pages_shows_every_page():
    shelves = navigation.shelves((DOCS / "README.md").read_text()).values()
    there = {(DOCS / page).resolve() for pages in shelves for page in pages.values()}
    assert {page for page in PAGES if page.is_relative_to(DOCS)} - {DOCS / "README.md"} == there


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_named_exists(page):
    rules = re.findall(r"^([a-z][a-z-]*):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:`|^|   )make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)
    assert set() == set(named) - set(rules)


def test_the_commands_name_every_make_target():
    declared = re.search(r"^\.PHONY: (.+)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert [] == [target for target in declared if target != "help" and f"| `make {target}` |" not in COMMANDS]


def test_every_flag_of_the_run_that_is_named_exists(capsys):
    known = flags(help_of(run_pipeline, [], capsys))
    assert {"--params", "--set", "--plan"} <= flags(" ".join(mentioned(RUN))) <= known


@pytest.mark.parametrize("line", mentioned(CHURN))
def test_every_churn_command_and_flag_named_exists(line, capsys):
    assert set() == flags(line) - flags(help_of(main, line.split()[:1], capsys))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_of_the_project_named_exists(page):
    text, folders = page.read_text(), r"params|notebooks(?!/\w+\.html)|churn|serving|tests|docs|feature_repo"
    named = re.findall(rf"(?<![\w./])(?:{folders})/[\w./]+\.\w+", text)
    named += re.findall(r"\b(?:run_pipeline\.py|requirements\w*\.txt|environment\.yml)", text)
    assert [] == [name for name in named if not (PROJECT / name).exists()]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_knows_the_machine_it_was_written_on(page):
    assert [] == re.findall(r"(?:/work|/tmp|/root|/home)/\S*", page.read_text())


def test_every_path_of_the_architecture_exists():
    folder, missing = PROJECT, []
    for name in re.findall(r"`(?:python )?([a-z][\w./<>]*)`", ARCHITECTURE.split("| I want to add a |")[1]):
        path = (PROJECT if "/" in name else folder) / name.replace("<name>.py", "")
        folder = path if name.endswith("/") else folder  # what follows a folder lies in it
        missing += [] if path.exists() else [name]
    assert [] == missing


def test_the_architecture_has_a_row_for_every_room():
    table = ARCHITECTURE.split("| room |")[1].split("\n\n")[0]
    rows = set(re.findall(r"\w+", " ".join(re.findall(r"^\| ([a-z_,; ]+) \|", table, re.MULTILINE))))
    rooms = {sign.parent.name for sign in PROJECT.glob("churn/*/__init__.py")}
    assert rooms == rows - {"serving", "notebooks", "feature_repo"}


def test_the_rules_of_the_gate_are_all_explained():
    rules = DECISIONS.split("## The rules of the gate")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", rules, re.MULTILINE))
    given = decision.Rules().model_dump()
    assert set(given) == named, "a row for each rule in docs/reference/decisions.md"
    nothing = gate.Evidence(auc={}, calibration=None, log_loss={})
    assert set(given) == {c.rule for c in gate.decide(nothing, rules=given).checks}


def test_every_address_named_is_answered():
    from serving.app import create_app

    known = {rule.rule for rule in create_app(str(PROJECT / "params" / "smoke.yaml")).url_map.iter_rules()}
    named = {address for page in PAGES for address in re.findall(r"`(?:GET|POST) (/[\w/.]*)`", page.read_text())}
    assert {"/predict", "/predict/batch", "/model", "/"} <= named <= known


def test_every_problem_has_a_remedy():
    assert set(KINDS) == set(REMEDIES)


def test_images_are_small_and_all_are_shown():
    assert all(image.stat().st_size < 200_000 for image in IMAGES)
    assert sum(image.stat().st_size for image in IMAGES) < 800_000
    shown = "".join(page.read_text() for page in PAGES)
    assert [] == [image.name for image in IMAGES if f"images/{image.name})" not in shown]


@pytest.mark.parametrize("image", [i for i in IMAGES if i.suffix == ".svg"], ids=lambda image: image.name)
def test_drawings_have_a_ground_of_their_own_and_say_what_they_show(image):
    drawing = ElementTree.parse(image).getroot()
    names = [child.tag.rpartition("}")[2] for child in drawing]
    assert {"title", "desc"} <= set(names)
    assert "#ffffff" == drawing[names.index("rect")].get("fill"), "GitHub's dark mode would shine through"


def test_the_changelog_keeps_its_form():
    text = (PROJECT / "CHANGELOG.md").read_text()
    assert text.startswith("# Changelog\n")
    assert "Unreleased" == re.search(r"^## \[([^]]+)\]", text, re.MULTILINE)[1]
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds
