"""What the pages say is so: parameters, commands, addresses, paths, links and examples."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from churn import engine
from churn.cli.main import main, run_pipeline
from churn.params import schema
from churn.registry import gate
from churn.sources import readers
from churn.state import PROJECT

README = (PROJECT / "README.md").read_text()
PARAMETERS = (PROJECT / "docs" / "reference" / "parameters.md").read_text()
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])
IMAGES = sorted(PROJECT.glob("docs/images/*"))
REST = {  # what a file needs beside its data section
    "events": "experiment: x\nseed: 1\nlabel: {rule: inactivity, horizon_days: 30, active_within_days: 60}\n"
    "snapshots: {train: [2024-01-01], test: 2024-02-01, serve: 2024-03-01}",
    "tables": "experiment: x\nseed: 1\nsnapshots: {train: [2024-01-31], test: 2024-02-29, serve: 2024-02-29}",
}


def name_of(page: Path) -> str:
    """A page's place in the project: two pages are called README.md."""
    return page.relative_to(PROJECT).as_posix()


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a page in that language; "" for those without one."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [body for found, body in fenced if found == language]


EXAMPLES = [(name_of(page), text) for page in PAGES for text in blocks(page.read_text(), "yaml")]


def leaves(tree: dict, prefix: str = "") -> list[str]:
    """The dotted keys of a params file, down to its values."""
    return [
        key
        for name, value in tree.items()
        for key in (leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"])
        if not key.startswith("data.snapshots.")  # its keys are dates
    ]


def test_the_parameter_tables_are_those_of_the_schema():
    generator = runpy.run_path(str(PROJECT / "docs" / "generate_parameters.py"))
    between = PARAMETERS.split(generator["BEGIN"])[1].split(generator["END"])[0]
    assert generator["tables"]() == between.strip(), "run `python docs/generate_parameters.py`"


@pytest.mark.parametrize("file", sorted(PROJECT.glob("params/*.yaml")), ids=lambda file: file.stem)
def test_every_key_of_a_shipped_file_has_a_row(file):
    keys = leaves(yaml.safe_load(file.read_text()))
    assert [] == [key for key in keys if not re.search(rf"^\| `{re.escape(key)}` \|", PARAMETERS, re.MULTILINE)]


@pytest.mark.parametrize(("page", "text"), EXAMPLES, ids=lambda value: value[:40])
def test_a_params_example_is_valid(page, text, tmp_path):
    complete = "experiment:" in text
    source = yaml.safe_load(text)["data"]["source"]
    (tmp_path / "example.yaml").write_text(text if complete else f"{text}\n{REST[source]}\n")
    assert source == schema.load(tmp_path / "example.yaml").data.source


def test_the_example_log_is_read_by_the_example_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [script], [example] = blocks(README, "python"), blocks(README, "yaml")
    exec(script, {})
    Path("shop.yaml").write_text(example)
    source = readers.stage(engine.connect(), schema.load("shop.yaml").data.model_dump(), tmp_path / "staged")
    assert len(Path("orders.csv").read_text().splitlines()) - 1 == source.counts["events"] > 10_000
    assert 0 == source.counts["rejected"]


def test_the_example_stays_within_ten_lines_of_yaml():
    assert 10 >= len(blocks(README, "yaml")[0].splitlines())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_and_image_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("#"):
            headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
            assert target[1:] in [heading.lower().replace(" ", "-") for heading in headings]
        elif not target.startswith("https://"):
            assert (page.parent / target).is_file(), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_named_exists(page):
    rules = re.findall(r"^([a-z][a-z-]*):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:`|^|   )make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)
    assert set() == set(named) - set(rules)


def test_the_readme_names_every_make_target():
    declared = re.search(r"^\.PHONY: (.+)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert [] == [target for target in declared if target != "help" and f"make {target}" not in README]


def test_every_flag_of_the_run_named_exists(capsys):
    with pytest.raises(SystemExit):
        run_pipeline(["--help"])
    known = re.findall(r"--[a-z]+", capsys.readouterr().out)
    lines = [line for line in README.splitlines() if "run_pipeline.py" in line]
    assert {"--params", "--set"} <= set(known)
    assert set() == {flag for line in lines for flag in re.findall(r"--[a-z-]+", line)} - set(known)


@pytest.mark.parametrize("line", sorted(set(re.findall(r"^churn .+", README, re.MULTILINE))))
def test_every_churn_command_and_flag_named_exists(line, capsys):
    with pytest.raises(SystemExit) as done:
        main([line.split()[1], "--help"])
    assert 0 == done.value.code
    assert set() == set(re.findall(r"--[a-z-]+", line)) - set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_of_the_project_named_exists(page):
    text = page.read_text()
    named = re.findall(r"(?<![\w./])(?:params|notebooks|churn|serving|tests|docs|feature_repo)/[\w./]+\.\w+", text)
    named += re.findall(r"\b(?:run_pipeline\.py|requirements\w*\.txt|environment\.yml)", text)
    assert [] == [name for name in named if not (PROJECT / name).exists()]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_knows_the_machine_it_was_written_on(page):
    assert [] == re.findall(r"(?:/work|/tmp|/root|/home)/\S*", page.read_text())


def test_the_rules_of_the_gate_are_all_explained():
    page = (PROJECT / "docs" / "explanation" / "how-it-works.md").read_text()
    assert set(schema.Rules.model_fields) == set(
        re.findall(r"^\| `(\w+)` \| (?:the|predicted|no|a) ", page, re.MULTILINE)
    )
    given = dict.fromkeys(schema.Rules.model_fields, 0.0)
    scores = {"auc": 0.8, "calibration_error": 0.0}
    assert set(given) == {c.rule for c in gate.decide(scores, {}, None, None, None, rules=given).checks}


def test_every_address_named_is_answered_and_every_problem_has_its_status():
    from serving.app import create_app
    from serving.problems import KINDS

    known = {rule.rule for rule in create_app(str(PROJECT / "params" / "smoke.yaml")).url_map.iter_rules()}
    assert set() == set(re.findall(r"`(?:GET|POST) (/[\w/.]*)`", README)) - known
    for types, statuses in re.findall(r"^\| (`[a-z`, -]+`) \| (\d{3}(?:, \d{3})*) \|", README, re.MULTILINE):
        of_types = {KINDS[kind][0] for kind in re.findall(r"`([a-z-]+)`", types)}
        assert of_types == {int(status) for status in statuses.split(", ")}


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
