"""Promotion, approval, rollback, history and the doctor, on a real MLflow store in the state folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import promotions
from churn.audit import doctor, why
from churn.cli import output
from churn.errors import ChampionUnavailable, RegistryBusy, RegistryError, UserError
from churn.evaluation import document
from churn.registry import decisions, history, provenance, tracking, versions
from churn.registry.gate import Decision, RuleResult
from churn.reports.plots.comparison import score_intervals
from churn.state import PROJECT

NAME = promotions.EXPERIMENT
PASSED = Decision(promote=True, checks=[])
FAILED = Decision(
    promote=False, checks=[RuleResult("min_auc", 0.75, 0.5, "0.500", False, "auc 0.500 is too low", "floor")]
)
PASSING = RuleResult("min_auc", 0.75, 0.9, "0.900", True, "auc 0.900 reaches the floor", "floor")
UNSCORED = RuleResult("champion_margin", 0.0, None, "not scored", False, "champion not scored", "", undecided=True)
UNDECIDED = Decision(promote=False, checks=[UNSCORED])
HOLD = """if True:
    import sys
    from churn.registry import versions
    with versions.locked('load'):
        print('held', flush=True); sys.stdin.read()"""


def decide(version: int, verdict: Decision = PASSED, approval: str = "automatic") -> dict:
    request = decisions.make_request(NAME, "decide", version, by="ann", reason="")
    return decisions.carry_out(NAME, request, verdict, approval=approval)


def roll_back(version: int) -> dict:
    request = decisions.make_request(NAME, "roll back", version, by="bob", reason="worse")
    verdict = decisions.judge(NAME, request, {}, rules={}, advisory=[])
    return decisions.carry_out(NAME, request, verdict, approval="automatic")


def stages() -> dict[int, str]:
    return {v.version: v.stage for v in versions.all_of(NAME)}


def test_a_promotion_moves_stage_and_alias_and_archives_the_version_before(world):
    decide(1)
    decide(2)
    assert {1: "Archived", 2: "Production", 3: "None", 4: "None"} == stages()
    assert 2 == versions.production(NAME).version


def test_a_refusal_moves_nothing_and_is_in_the_history(world):
    decide(1)
    assert "refused" == decide(2, FAILED)["decision"]
    assert {1: "Production", 2: "None", 3: "None", 4: "None"} == stages()
    assert ["auc 0.500 is too low"] == history.decisions(NAME)[-1]["failed"]


@pytest.mark.parametrize(("verdict", "approval"), [(PASSED, "required"), (UNDECIDED, "automatic")])
def test_what_needs_approval_waits_in_staging(world, verdict, approval):
    assert "needs approval" == decide(1, verdict, approval)["decision"]
    assert "Staging" == stages()[1]
    assert versions.production(NAME) is None


def test_an_approved_version_is_in_production(world):
    decide(1, approval="required")
    request = decisions.make_request(NAME, "approve", 1, by="eve", reason="looks right")
    decisions.carry_out(NAME, request, PASSED, approval="required")
    assert "Production" == stages()[1]
    last = history.decisions(NAME)[-1]
    assert ("eve", "looks right", False) == (last["by"], last["reason"], last["override"])


def test_approving_what_the_gate_refused_needs_override_and_stays_marked(world):
    decide(1, FAILED)
    with pytest.raises(RegistryError, match="--override"):
        decisions.make_request(NAME, "approve", 1, by="eve", reason="hurry")
    request = decisions.make_request(NAME, "approve", 1, by="eve", reason="hurry", override=True)
    decisions.carry_out(NAME, request, FAILED, approval="automatic")
    assert "true" == versions.get(NAME, 1).tags["override"]
    assert history.decisions(NAME)[-1]["override"]


def approve(version: int, *, by: str, four_eyes: bool = True, **asked: bool) -> dict:
    request = decisions.make_request(NAME, "approve", version, by=by, reason="looks right", **asked)
    return decisions.carry_out(NAME, request, PASSED, approval="required", four_eyes=four_eyes)


def trained_by(who: str) -> None:
    tracking.Run(versions.get(NAME, 1).run_id, owned=False).tags({"mlflow.user": who})


@pytest.mark.parametrize("by", ["", "eve"])
def test_four_eyes_refuse_an_approval_of_one_s_own_run_whatever_name_is_given(world, by):
    request = decisions.make_request(NAME, "decide", 1, by="", reason="")
    decisions.carry_out(NAME, request, PASSED, approval="required", four_eyes=True)
    with pytest.raises(UserError, match=f"^promote.four_eyes .*; {provenance.user()} started the run .*; let another"):
        approve(1, by=by)
    with pytest.raises(UserError, match="--override does not lift this"):
        approve(1, by=by, override=True)
    assert "Staging" == stages()[1]
    assert ["needs approval"] == [d["decision"] for d in history.decisions(NAME)]


def test_four_eyes_refuse_an_approval_in_the_name_of_who_trained(world):
    decide(1, approval="required")
    trained_by("ann")
    with pytest.raises(UserError, match="; ann started the run that trained load version 1, "):
        approve(1, by="ann")
    assert "promoted" == approve(1, by="eve")["decision"]


def test_four_eyes_that_a_version_was_decided_under_stay_whatever_the_params_file_then_says(world):
    request = decisions.make_request(NAME, "decide", 1, by="", reason="")
    decisions.carry_out(NAME, request, PASSED, approval="required", four_eyes=True)
    with pytest.raises(UserError, match=r"^promote\.four_eyes"):
        approve(1, by="", four_eyes=False)


def test_four_eyes_refuse_an_approval_where_nothing_says_who_trained(world):
    decide(1, approval="required")
    trained_by("")
    with pytest.raises(UserError, match="; nothing says who trained load version 1 "):
        approve(1, by="eve")


def test_the_history_keeps_its_order_though_the_next_machine_s_clock_is_behind(world, monkeypatch):
    decide(1)
    monkeypatch.setattr("mlflow.utils.time.get_current_time_millis", lambda: 1_000_000_000_000)
    decide(2)
    assert [(None, 1), (1, 2)] == [(d["production_before"], d["production_after"]) for d in history.decisions(NAME)]


def test_a_rollback_restores_the_version_before_and_then_the_one_before_that(world):
    for version in (1, 2, 3):
        decide(version)
    assert 2 == history.previous(history.decisions(NAME))
    roll_back(2)
    assert 1 == history.previous(history.decisions(NAME))
    roll_back(1)
    assert history.previous(history.decisions(NAME)) is None
    assert 1 == versions.production(NAME).version


def test_a_rollback_refuses_a_version_that_never_served(world):
    decide(1)
    made = roll_back(3)
    assert "refused" == made["decision"]
    assert ["been in production: never was in production"] == made["failed"]
    assert 1 == versions.production(NAME).version


def test_a_rollback_refuses_a_version_whose_files_were_changed(world, monkeypatch):
    decide(1)
    decide(2)
    versions.tag(NAME, 1, {"digest": "0" * 64})
    made = roll_back(1)
    assert "refused" == made["decision"]
    assert "not those that were registered" in made["failed"][0]


def test_a_rollback_refuses_a_version_that_the_features_online_cannot_feed(world):
    decide(1)
    decide(2)
    tracking.start(NAME).json({"features": [{"name": "visits"}]}, "features.json")
    assert ["features online: not online: value"] == roll_back(1)["failed"]


def test_the_history_tells_who_what_from_to_and_why_in_order(world):
    decide(1)
    decide(2)
    roll_back(1)
    told = [(d["by"], d["decision"], d["production_before"], d["production_after"]) for d in history.decisions(NAME)]
    assert [("ann", "promoted", None, 1), ("ann", "promoted", 1, 2), ("bob", "rolled back", 2, 1)] == told


@pytest.mark.parametrize(
    ("before", "back", "expected"),
    [
        ([1, 2], 1, "version 2 was taken out of production, version 1 is back"),
        ([1, 2, 3], 2, "version 3 was taken out of production, version 2 is back"),
        ([1], 1, "version 1 was in production already, and stays"),
        ([1], 3, "the way back to version 3 was refused, version 1 stays in production"),
        ([], 3, "the way back to version 3 was refused, nothing is in production"),
    ],
)
def test_a_rollback_says_which_version_went_and_which_is_back(world, before, back, expected):
    for version in before:
        decide(version)
    made = roll_back(back)
    assert expected == made["said"] == history.decisions(NAME)[-1]["said"]
    assert f"**{expected.capitalize()}**." == decisions.describe_decision(made)
    assert expected == output.decision(made | {"production": made["production_after"], "report": ""})[0]


def test_other_decisions_say_what_became_of_the_version(world):
    assert "version 1: promoted; in production: version 1" == decide(1)["said"]
    assert "version 2: refused; in production: version 1" == decide(2, FAILED)["said"]
    decisions_of = [decide(2, UNDECIDED), decide(3, approval="required")]
    assert ["version 2: needs approval", "version 3: needs approval"] == [d["said"].split(";")[0] for d in decisions_of]


@pytest.mark.parametrize(
    ("verdict", "approval", "decided", "said"),
    [
        (PASSED, "automatic", "promoted", "version 1 is in production already, and stays"),
        (PASSED, "required", "promoted", "version 1 is in production already, and stays"),
        (FAILED, "automatic", "refused",
         "version 1 is in production and stays, though it now fails rules; `churn rollback` takes it out"),
        (UNDECIDED, "automatic", "needs approval",
         "version 1 is in production and stays, though it now needs a person's look; `churn rollback` takes it out"),
    ],
)  # fmt: skip
def test_what_is_in_production_already_stays_there_whatever_is_decided_of_it(world, verdict, approval, decided, said):
    decide(1)
    again = decide(1, verdict, approval)
    assert (decided, said) == (again["decision"], again["said"])
    assert f"**{said.capitalize()}**." == decisions.describe_decision(again)
    assert ("Production", 1) == (stages()[1], versions.production(NAME).version)


def test_after_a_rollback_why_shows_what_let_the_version_in_and_what_put_it_back(world):
    promoted, _, back = decide(1, Decision(promote=True, checks=[PASSING])), decide(2), roll_back(1)
    decisions.keep_report(promoted["decision_run"], report(world))
    console = Console(width=200)
    with console.capture() as shown:
        for part in output.why(why.why(NAME)):
            console.print(part)
    told = shown.get()
    places = [told.index(text) for text in (
        "promoted (ann, ", "min_auc", f"run {promoted['decision_run']}, report notebooks/promote.html",
        "version 2 was taken out of production, version 1 is back (bob, ", "been in production",
        f"run {back['decision_run']}")]  # fmt: skip
    assert places == sorted(places)


def test_why_says_of_a_version_what_took_it_out(world):
    decide(1)
    decide(2)
    roll_back(1)
    told = why.why(NAME, version=2)
    assert "version 2 was taken out of production, version 1 is back" == told["taken_out"]["said"]
    assert why.why(NAME)["taken_out"] is None
    decide(3)
    assert "version 3: promoted; in production: version 3" == why.why(NAME, version=1)["taken_out"]["said"]


def report(folder: Path) -> str:
    (folder / "promote.html").write_text("<html></html>")
    return str(folder / "promote.html")


def test_a_decision_that_was_cut_short_is_finished_by_the_next_one(world, monkeypatch):
    decide(1)
    with monkeypatch.context() as patch:
        patch.setattr(versions, "put_into_production", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            decide(2)
    assert [f"decision {history.unfinished(NAME)[0]['id']} was begun and not ended"] == [
        f.problem for f in doctor.examine(NAME)
    ]
    decide(3, FAILED)
    assert [1, 2, 2] == [d["production_after"] for d in history.decisions(NAME)]
    assert [] == doctor.examine(NAME)


@pytest.mark.parametrize(("meddle", "problem"), [
    (lambda c: c.set_registered_model_alias(NAME, "production", "1"), "the alias on [1]"),
    (lambda c: c.transition_model_version_stage(NAME, "1", "Production"), "the stage Production is on [1, 2]"),
    (lambda c: c.transition_model_version_stage(NAME, "2", "Archived"), "the stage Production is on no version"),
    (lambda c: c.delete_registered_model_alias(NAME, "production"), "the alias on none"),
])  # fmt: skip
def test_the_doctor_finds_what_was_moved_by_hand_and_mends_it(world, meddle, problem):
    decide(1)
    decide(2)
    meddle(tracking.client())
    assert problem in " ".join(f.problem for f in doctor.examine(NAME))
    doctor.repair(NAME)
    assert [] == doctor.examine(NAME)
    assert {1: "Archived", 2: "Production", 3: "None", 4: "None"} == stages()


def test_the_doctor_finds_a_changed_model_file(world):
    versions.tag(NAME, 4, {"digest": "0" * 64})
    assert ["load version 4: its files are not those that were registered"] == [f.problem for f in doctor.examine(NAME)]


def test_a_deleted_production_version_is_for_a_person_to_replace(world):
    decide(1)
    decide(2)
    tracking.client().transition_model_version_stage(NAME, "2", "Archived")
    tracking.client().delete_model_version(NAME, "2")
    assert ["version 2, which should be in production, is gone"] == [f.problem for f in doctor.examine(NAME)]
    with pytest.raises(RegistryError, match="rollback --to"):
        doctor.repair(NAME)
    roll_back(1)
    assert [] == doctor.examine(NAME)


def test_a_busy_registry_names_the_holder(world, monkeypatch):
    monkeypatch.setattr(versions, "LOCK_SECONDS", 0.2)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLD], cwd=PROJECT, **pipes) as holder:
        holder.stdout.readline()
        with pytest.raises(RegistryBusy, match=f"process {holder.pid}"):
            decide(1)
        holder.kill()
    assert "promoted" == decide(1)["decision"]


def test_why_answers_for_a_version_what_it_replaced_and_what_a_rollback_restores(world):
    decide(1)
    decide(2)
    told = why.why(NAME)
    assert (2, True, 1, 1) == (told["version"], told["in_production"], told["replaced"], told["rollback_restores"])
    assert ["promoted"] == [d["decision"] for d in told["decisions"]]
    with pytest.raises(RegistryError, match="no version 9"):
        why.why(NAME, version=9)


def test_the_registry_stays_whole_under_load_and_under_fire(tmp_path):
    few = ["--processes", "4", "--operations", "3", "--kills", "1", "--calls", "1"]
    given = {
        name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"
    }  # MLflow leaves it there
    given["CHURN_STATE"] = str(tmp_path)
    command = [sys.executable, "benchmarks/promotions.py", *few]
    done = subprocess.run(command, env=given, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


# --- a version in production whose files are gone ---


@pytest.fixture
def lose(world, tmp_path_factory):
    """Takes files of a version away, and puts them back at the end: other tests share them."""
    lost: list[tuple[Path, Path]] = []

    def _lose(version: int, name: str = "") -> None:
        folder = versions.verified_files(versions.get(NAME, version))
        place = tmp_path_factory.mktemp("lost") / "it"
        shutil.move(folder / name, place)
        lost.append((folder / name, place))

    yield _lose
    for place, kept in lost:
        shutil.move(kept, place)


@pytest.mark.parametrize(("name", "told"), [
    ("", "its files are gone"),
    ("model.skops", "model.skops of its files is gone"),
    ("MLmodel", "MLmodel of its files is gone"),
])  # fmt: skip
def test_a_champion_whose_files_are_gone_is_named_with_what_is_missing_and_a_way_back(lose, name, told):
    decide(1)
    decide(2)
    lose(2, name)
    with pytest.raises(
        ChampionUnavailable, match=f"^load version 2: {told} .*`churn rollback 1 --params FILE --reason"
    ):
        versions.load_production(NAME)
    assert "rolled back" == roll_back(1)["decision"]
    assert 1 == versions.load_production(NAME).version.version


@pytest.mark.parametrize(("before", "gone", "way"), [
    ([1], [1], "churn approve 4 --override"),
    ([1], [1, 4], "churn approve 3 --override"),
    ([1, 2, 3], [3, 2], "churn rollback 1 "),
    ([1, 2], [2, 1], "churn approve 4 --override"),
    ([1], [1, 2, 3, 4], "no other version is whole: restore its files"),
])  # fmt: skip
def test_the_way_out_leads_to_a_version_that_is_whole(lose, before, gone, way):
    for version in before:
        decide(version)
    for version in gone:
        lose(version)
    current = versions.production(NAME)
    assert way in versions.way_out(current)
    assert way in next(f.remedy for f in doctor.examine(NAME) if f"version {current.version}:" in f.problem)


def test_a_version_that_was_never_evaluated_can_be_approved_by_override(lose):
    """As one that was trained beside a champion whose files are gone: its notebook shows what there is."""
    decide(1)
    lose(1)
    request = decisions.make_request(NAME, "approve", 4, by="ann", reason="the champion is lost", override=True)
    evaluated = decisions.evaluation_of(NAME, 4, "")
    assert "This version was never evaluated" == score_intervals(document.intervals(evaluated)).get_suptitle()
    verdict = decisions.judge(NAME, request, evaluated, rules={"min_auc": 0.5}, advisory=[])
    decisions.carry_out(NAME, request, verdict, approval="automatic")
    assert 4 == versions.load_production(NAME).version.version


def test_a_rollback_to_a_version_whose_files_are_gone_is_refused(lose):
    decide(1)
    decide(2)
    lose(1)
    decision = roll_back(1)
    assert ("refused", 2) == (decision["decision"], versions.production(NAME).version)
    assert "files unchanged: load version 1: its files are gone" in decision["failed"][0]


# --- what MLflow calls the run of a decision ---


@pytest.mark.parametrize(("take", "name"), [
    (lambda: decide(2), "promote version 2"),
    (lambda: decide(2, FAILED), "refuse to promote version 2"),
    (lambda: decide(2, PASSED, "required"), "wait for approval to promote version 2"),
    (lambda: decide(2) and decide(3) and roll_back(2), "roll back to version 2"),
    (lambda: roll_back(1), "refuse to roll back to version 1"),
])  # fmt: skip
def test_the_run_of_a_decision_bears_the_decision_s_name(world, take, name):
    assert name == tracking.client().get_run(take()["decision_run"]).info.run_name
