"""Promotions and rollbacks under load and under fire: does the registry stay whole?

`python benchmarks/promotions.py [--store URI] [--states 2] [--processes 8] [--operations 25] [--kills 50]
[--calls 50] [--step 1]`

Many processes promote and roll back at random, from one state folder or, as two machines would, from several; others
are killed at random moments (`--kills` of them), after every single call to the registry (the first `--calls`, or as
many as a decision takes; `--step 3`: every third), or lose the database that holds their lock. After each round there
must be one Production version, the alias on it, every decision in the history, each beginning where the one before it
ended, and a silent doctor. Exit code 1 and a line a fault otherwise. Needs a state folder of its own (CHURN_STATE).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path

EXPERIMENT = "load"
VERSIONS = 4


def world() -> None:
    """Four registered versions of a small model, and the features that they take."""
    import numpy as np
    import pandas as pd

    from churn.registry import tracking, versions
    from churn.training import estimators

    X = pd.DataFrame({"visits": np.arange(200.0), "value": np.arange(200.0) % 7})
    y = (X.visits > 90).to_numpy(dtype=int)
    features = [{"name": name, "type": "number", "view": "profile", "meaning": ""} for name in X]
    run = tracking.start(EXPERIMENT)
    run.json({"features": features, "service": "load"}, "features.json")
    for seed in range(VERSIONS):
        fitted = estimators.fit(X, y, model="logistic", settings={"C": 1.0 + seed}, seed=seed)
        example = X.head(1)
        metadata = estimators.metadata(fitted, X, example, service="load", features="", segments=[], label={}, about={})
        uri = run.model(fitted, example, trusted_types=estimators.TRUSTED_TYPES, metadata=metadata)
        versions.register(EXPERIMENT, source=uri, run_id=run.id, tags={"model": "logistic"})
    run.end("FINISHED")


def decide(rng: random.Random) -> str:
    """One decision at random; returns its outcome, or "busy"."""
    from churn.errors import RegistryBusy
    from churn.registry import decisions, history, preconditions
    from churn.registry.gate import Decision

    back = history.previous(history.decisions(EXPERIMENT)) if rng.random() < 0.5 else None
    action, version = ("roll back", back) if back else ("decide", rng.randint(1, VERSIONS))
    request = decisions.make_request(EXPERIMENT, action, version, by="load", reason="load")
    verdict = preconditions.safe_to_return(EXPERIMENT, version) if back else Decision(promote=True, checks=[])
    try:
        return decisions.carry_out(EXPERIMENT, request, verdict, approval="automatic")["decision"]
    except RegistryBusy:
        return "busy"


def on_machine(number: int) -> None:
    """Work from the state folder of one of the machines: the first has what the models were made from."""
    if number:
        os.environ["CHURN_STATE"] += f"-machine-{number + 1}"


def many(seed: int, machines: int, operations: int, outcomes: multiprocessing.Queue) -> None:
    on_machine(seed % machines)
    rng = random.Random(seed)
    for _ in range(operations):
        try:
            outcomes.put(decide(rng))
        except Exception as error:  # any other exception is a fault, and is reported as one
            outcomes.put(f"fault: {type(error).__name__}: {error}")


def faults(decisions_expected: int | None) -> list[str]:
    """What is wrong with the registry now."""
    from churn.audit import doctor
    from churn.registry import history, versions

    stages = [v.version for v in versions.all_of(EXPERIMENT) if v.stage == "Production"]
    alias = versions.production(EXPERIMENT)
    decided = history.decisions(EXPERIMENT)
    written = len(decided)
    found = [f.problem for f in doctor.examine(EXPERIMENT)]
    if len(stages) != 1 or alias is None or stages != [alias.version]:
        found.append(f"Production is on {stages}, the alias on {alias and alias.version}")
    if decisions_expected is not None and written != decisions_expected:
        found.append(f"{written} decisions in the history, expected {decisions_expected}")
    found += [
        f"the decision on version {later['version']} begins with {later['production_before']} in production, the one "
        f"before it ends with {earlier['production_after']}"
        for earlier, later in pairwise(decided)
        if later["production_before"] != earlier["production_after"]
    ]
    return found


def child(action, *arguments) -> int:
    """Run in a forked process, which alone opens the store; returns its exit code."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(int(bool(action(*arguments))))
        except BaseException as error:
            print(f"fault: {type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def dying(after: int, how: str) -> bool:
    """A decision whose process dies, or loses the registry or its lock, after so many calls. False: needed no more."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    from churn.registry import tracking

    left = [after]

    class Client(MlflowClient):
        def __getattribute__(self, name: str):
            found = super().__getattribute__(name)
            if callable(found) and not name.startswith("_"):
                left[0] -= 1
                if left[0] < 0:
                    if how == "dies":
                        os.kill(os.getpid(), signal.SIGKILL)
                    if how == "unlocked":
                        return lambda *given, **named: cut_after(found(*given, **named))
                    raise MlflowException("the registry is gone")
            return found

    tracking.MlflowClient = Client
    try:
        decide(random.Random(after))
    except Exception:
        if left[0] >= 0:  # not for want of the registry
            raise
    return left[0] < 0


def cut_after(answer: object) -> object:
    """Let PostgreSQL end every connection that holds or wants a lock; the answer of the call before."""
    import psycopg

    with psycopg.connect(os.environ["MLFLOW_TRACKING_URI"].replace("+psycopg", "")) as own:
        own.execute("SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name ~ '^churn '")
    return answer


def next_command(report: str, machines: int) -> None:
    """What a user would type next, on the last machine; then everything has to be in order."""
    on_machine(machines - 1)
    before_repair = decide(random.Random(1))
    found = faults(None)
    with open(report, "a") as lines:
        lines.write(json.dumps({"next": before_repair, "faults": found}) + "\n")


def killed_at_random(kills: int, report: str, machines: int) -> None:
    longest = 0.0
    for n in range(kills):
        started = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            decide(random.Random(n))
            os._exit(0)
        if longest:
            time.sleep(random.Random(n).uniform(0, longest))
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        longest = longest or time.perf_counter() - started  # the first one is left to finish, to know how long it takes
        child(next_command, report, machines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default="", help="an MLflow tracking URI; default: SQLite in CHURN_STATE")
    parser.add_argument("--states", type=int, default=1, help="state folders, as of so many machines")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--operations", type=int, default=25)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--step", type=int, default=1)
    given = parser.parse_args()
    if given.store:
        os.environ["MLFLOW_TRACKING_URI"] = given.store
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  all imported before the forks, the store opened only in them

    from churn.audit import doctor  # noqa: F401

    if child(world):
        return 1
    bad = load(given.processes, given.states, given.operations)
    bad += fire(given.kills, range(0, given.calls, given.step), given.states)
    for line in bad:
        print(f"fault: {line}")
    return 1 if bad else 0


def load(processes: int, machines: int, operations: int) -> list[str]:
    """The load round; prints its row, returns its faults."""
    context = multiprocessing.get_context("fork")
    outcomes: multiprocessing.Queue = context.Queue()
    started = time.perf_counter()
    workers = [context.Process(target=many, args=(seed, machines, operations, outcomes)) for seed in range(processes)]
    for worker in workers:
        worker.start()
    seen = [outcomes.get() for _ in range(processes * operations)]
    for worker in workers:
        worker.join()
    took = time.perf_counter() - started
    made = [o for o in seen if o in ("promoted", "rolled back", "refused")]
    report = Path(os.environ["CHURN_STATE"], "load.json")
    child(lambda: report.write_text(json.dumps(faults(len(made)))) and None)
    found = json.loads(report.read_text()) + [o for o in seen if o.startswith("fault")]
    print("| processes | decisions | busy | seconds | decisions a second | faults |\n|---|---|---|---|---|---|")
    print(f"| {processes} | {len(made)} | {seen.count('busy')} | {took:.1f} | {len(made) / took:.1f} | {len(found)} |")
    return found


def fire(kills: int, after_calls: range, machines: int) -> list[str]:
    """The rounds in which processes die; prints their rows, returns their faults."""
    report = os.path.join(os.environ["CHURN_STATE"], "fire.jsonl")
    hows = {"killed after each call": "dies", "registry gone after each call": "raises"}
    if os.environ.get("MLFLOW_TRACKING_URI", "").startswith("postgresql"):
        hows["lock lost after each call"] = "unlocked"
    rounds = {"killed at random": kills} | dict.fromkeys(hows, 0)
    killed_at_random(kills, report, machines)
    for name, how in hows.items():
        for calls in after_calls:
            code = child(dying, calls, how)
            child(next_command, report, machines)
            rounds[name] += 1
            if code == 0:
                break
    lines = [json.loads(line) for line in Path(report).read_text().splitlines()]
    found = [fault for line in lines for fault in line["faults"]]
    expected = sum(rounds.values())
    if len(lines) != expected:
        found.append(f"{expected - len(lines)} commands after a kill failed")
    print("\n| round | times | faults after the next command |\n|---|---|---|")
    for name, times in rounds.items():
        print(f"| {name} | {times} | {len(found)} in all |")
    return found


if __name__ == "__main__":
    sys.exit(main())
