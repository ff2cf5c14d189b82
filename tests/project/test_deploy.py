"""What lies in deploy/ fits the project: metrics, addresses, variables, ports, and what the image holds.

Their own tools (hadolint, docker compose config, kubernetes-validate, promtool) are in deploy/README.md.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from churn.state import PROJECT
from serving import prometheus, routes

DEPLOY = PROJECT / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus/churn.rules.yml").read_text())["groups"][0]["rules"]
PANELS = json.loads((DEPLOY / "grafana/churn.json").read_text())["panels"]
EXPRESSIONS = {rule["alert"]: rule["expr"] for rule in RULES} | {
    f"{panel['title']} {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]
}
API = (PROJECT / "docs/reference/api.md").read_text()
TABLE = re.findall(r"^\| `(churn_\w+)`", API.split("## Metrics")[1].split("\n## ")[0], re.MULTILINE)
MANIFESTS = [
    document
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
TEMPLATES = [
    d["spec"].get("template") or d["spec"]["jobTemplate"]["spec"]["template"]
    for d in MANIFESTS if d["kind"] in ("Deployment", "StatefulSet", "CronJob")
]  # fmt: skip
PODS = [template["spec"] for template in TEMPLATES]
CONTAINERS = [container for pod in PODS for container in pod["containers"]]
DOCKERFILE = (PROJECT / "Dockerfile").read_text()


def shown() -> set[str]:
    """Every sample that /metrics can show."""
    assert prometheus.REQUEST_SECONDS  # whose import registers them
    names = {metric.name: metric.type for metric in REGISTRY.collect() if metric.name.startswith("churn_")}
    ends = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}
    return {name + end for name, kind in names.items() for end in ends.get(kind, ("",))} | {"churn_feature_age_seconds"}


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_rules_and_dashboard_name_metrics_that_there_are(where):
    assert set(re.findall(r"\bchurn_\w+", EXPRESSIONS[where])) <= shown()


@pytest.mark.parametrize("metric", TABLE)
def test_each_metric_of_the_table_has_an_alarm_and_a_picture(metric):
    for texts in ([rule["expr"] for rule in RULES], [t["expr"] for panel in PANELS for t in panel["targets"]]):
        assert any(re.search(rf"\b{metric}", text) for text in texts)


def test_every_alarm_says_what_is_wrong_and_how_urgent_it_is():
    assert {True} == {bool(rule["annotations"]["summary"]) for rule in RULES}
    assert {"page", "ticket"} == {rule["labels"]["severity"] for rule in RULES}


def test_probes_ask_addresses_that_there_are():
    [api] = [container for container in CONTAINERS if container["name"] == "api"]
    source = Path(routes.__file__).read_text()
    asked = {api[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert {"/health", "/ready"} == asked
    assert all(f'"{path}"' in source for path in asked)
    assert "/ready" == api["readinessProbe"]["httpGet"]["path"]


def test_no_pod_runs_as_root_writes_into_its_image_or_holds_a_secret_in_clear():
    assert {True} == {pod["securityContext"]["runAsNonRoot"] for pod in PODS}
    assert {False} == {pod["automountServiceAccountToken"] for pod in PODS}
    assert {True} == {c["securityContext"]["readOnlyRootFilesystem"] for c in CONTAINERS}
    named = [variable for c in CONTAINERS for variable in c.get("env", [])]
    assert not [v for v in named if re.search("LOCK|REGISTRY|KEYS|PASSWORD|DATABASE", v["name"]) and "value" in v]
    assert "Secret" not in {document["kind"] for document in MANIFESTS}


def test_what_selects_pods_selects_those_that_there_are():
    labels = [template["metadata"]["labels"] for template in TEMPLATES]
    for document in MANIFESTS:
        if document["kind"] in ("Service", "PodDisruptionBudget"):
            wanted = document["spec"]["selector"].get("matchLabels", document["spec"]["selector"])
            assert any(wanted.items() <= of.items() for of in labels), document["metadata"]["name"]


@pytest.mark.parametrize("made_by", ["compose", "kubernetes"])
def test_variables_are_those_of_the_pages(made_by):
    files = DEPLOY.glob("compose.yaml" if made_by == "compose" else f"{made_by}/*")
    text = "\n".join(path.read_text() for path in files)
    pages = "\n".join(page.read_text() for page in (PROJECT / "docs").rglob("*.md"))
    assert [] == [name for name in sorted(set(re.findall(r"\bCHURN_[A-Z_]+", text))) if f"`{name}`" not in pages]


def test_the_image_holds_what_serves_and_what_runs_the_month_and_nothing_else_of_the_project():
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    copied = {name for line in lines for name in line.split()[:-1]}
    assert {"churn", "serving", "feature_repo", "notebooks", "params", "run_pipeline.py", "requirements.txt"} <= copied
    kept = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == kept
    assert all((PROJECT / name).exists() for name in copied)


def test_the_image_ends_as_a_user_without_rights_and_serves_by_default():
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert last.rstrip().endswith("USER 10001:10001")
    ours = [pod for pod in PODS if pod["containers"][0]["image"] == "churn-cluster"]
    assert {10001} == {pod["securityContext"]["runAsUser"] for pod in ours}
    assert '"serving/gunicorn.conf.py", "serving.app:create_app()"' in DOCKERFILE


def test_compose_and_kubernetes_run_the_same_programs():
    assert {"api", "month", "mlflow", "postgres", "redis", "own"} == set(COMPOSE["services"])
    assert {"api", "month", "mlflow", "postgres", "redis"} == {container["name"] for container in CONTAINERS}
    for container in (c for c in CONTAINERS if c["name"] in ("postgres", "redis")):
        assert container["image"] == COMPOSE["services"][container["name"]]["image"]
    assert "--exit-code" in str(COMPOSE["services"]["month"]["command"])


UNITS = sorted((DEPLOY / "systemd").iterdir())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_one_that_systemd_reads(unit, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    for other in UNITS:  # a timer is held against its service
        text = other.read_text().replace("/opt/papertrail/.venv/bin/", f"{Path(sys.executable).parent}/")
        (tmp_path / other.name).write_text(text)
    told = subprocess.run(["systemd-analyze", "verify", tmp_path / unit.name], capture_output=True, text=True)
    assert (0, "") == (told.returncode, told.stderr)


def test_the_units_name_variables_that_are_explained():
    named = {name for unit in UNITS for name in re.findall(r"(CHURN_[A-Z_]+)=", unit.read_text())}
    commands = (PROJECT / "docs/reference/commands.md").read_text()
    assert [] == [name for name in named if f"`{name}`" not in API + commands]
