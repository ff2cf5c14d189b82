"""What a replay costs, and what the policies earn where something breaks for good.

`python benchmarks/replay.py cost` lives twelve months of one policy and of four, each command as a process of its own
on an empty state, beside one fresh run of `run_pipeline.py` as of the last of the twelve. Memory is the proportional
set size of the command and all its processes, looked at twice a second (Linux), and processor time what each had taken
when it was last seen: where other jobs run beside, its ratio says more than that of the seconds.

`nice -n 19 python benchmarks/replay.py break` lives three years of the simulated shop of each seed. In the sixth of
them packs come up that last four months: whoever has just bought, who until then was the likeliest to come back, will
not be back soon. What a seed brought stays in --cache; one that was cut short goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import yaml

PROJECT = Path(__file__).resolve().parents[1]
LOOKS = 0.5  # seconds between two looks at the memory
LOGS = {  # params file, what of it is set, and the first and the last of the twelve dates
    "shop": ("params/shop.yaml", [], "2024-10-01", "2025-09-01"),
    "streaming": ("params/streaming.yaml", ["data.months=24"], "2023-12-01", "2024-11-01"),
}
FOUR = ["always", "months=3", "alarm", "never"]

POLICIES = ["always", "alarm", "never"]
FIRST, LAST = "2024-02-01", "2027-01-01"
# Without a season, and with totals in windows alone, so that a seed takes minutes. The level's and the shape's rules,
# which look back over twelve months, would refuse for a year what has learnt of the break: they are off.
SHOP = """
experiment: packs
seed: 7
data: {source: shop, customers: 1500, months: 63, season: 0.0, breaks: {packs: 2024-07-01}}
label: {rule: inactivity, horizon_days: 90, active_within_days: 365, kinds: [purchase]}
snapshots: {every: month, train: 4}
features: {recipe: windows, windows_days: [30, 90, 180]}
train: {split: temporal, model: logistic}
evaluate:
  top_fraction: 0.1
  bootstrap: 100
  economics: {contact_cost: 1.0, saved_value: 10.0, success_rate: 0.2}
promote:
  approval: automatic
  advisory: [log_loss]
  rules:
    {min_auc: 0.7, max_level_error: null, max_shape_error: null, min_leavers: 50,
     champion_margin: 0.02, best_margin: null, segment_margin: null}
"""


def main() -> None:
    given = _parser().parse_args()
    if given.what == "cost":
        return print(cost(given.log, given.rounds))
    cache = Path(given.cache) / hashlib.sha256(json.dumps([SHOP, POLICIES, FIRST, LAST]).encode()).hexdigest()[:12]
    print(broken([of_seed(seed, cache) for seed in range(given.seeds)]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cost", "break"])
    parser.add_argument("--log", choices=LOGS, default="shop", help="cost: the log")
    parser.add_argument("--rounds", type=int, default=3, help="cost: how often each is taken")
    parser.add_argument("--seeds", type=int, default=20, help="break: how many shops")
    parser.add_argument("--cache", default=f"{tempfile.gettempdir()}/papertrail-replay", help="break: what is kept")
    return parser


# --- what it costs ---


class Cost(NamedTuple):
    """Seconds from start to end, seconds of a processor, and the peak of memory in megabytes."""

    seconds: float
    processor: float
    megabytes: float


def cost(log: str, rounds: int) -> str:
    params, settings, first, last = LOGS[log]
    given = ["--params", params, *(word for setting in settings for word in ("--set", setting))]
    replay = [*_churn("replay"), *given, "--from", first, "--to", last]
    commands = {
        "one fresh run": [sys.executable, "run_pipeline.py", "--quiet", *given, "--as-of", last],
        "12 months of one policy": [*replay, "--policy", FOUR[0]],
        "12 months of four": [*replay, *(word for policy in FOUR for word in ("--policy", policy))],
    }
    took: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(rounds):
        for name, command in commands.items():
            took[name].append(found := _measured(command))
            print(f"round {number + 1}: {name} {found}", file=sys.stderr, flush=True)
    return _cost_table(log, {name: Cost(*map(statistics.median, zip(*of, strict=True))) for name, of in took.items()})


def _cost_table(log: str, found: dict[str, Cost]) -> str:
    fresh, *_ = found.values()
    head = ["log", "what", "seconds", "against the run", "budget", "of a processor", "against the run"]
    rows = [_line([*head, "memory", "against the run"]), _line(["---"] * (len(head) + 2))]
    for (name, of), budget in zip(found.items(), ("", "at most 4x", "at most 10x"), strict=True):
        wall, cpu, memory = (f"{a / b:.2f}x" if budget else "" for a, b in zip(of, fresh, strict=True))
        cells = [f"{of.seconds:.1f}", wall, budget, f"{of.processor:.1f}", cpu, f"{of.megabytes:.0f} MB", memory]
        rows.append(_line([log, name, *cells]))
    return "\n".join(rows)


def _churn(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name("churn")), *words]


def _measured(command: list[str]) -> Cost:
    """A command on an empty state."""
    with tempfile.TemporaryDirectory() as state:
        began = time.perf_counter()
        running = subprocess.Popen(command, cwd=PROJECT, env=_environment(state), stdout=subprocess.DEVNULL)
        seen = _Seen()
        looking = threading.Thread(target=seen.look, args=(psutil.Process(running.pid),), daemon=True)
        looking.start()
        failed, seconds = running.wait(), time.perf_counter() - began
        looking.join()
    if failed:
        raise SystemExit(f"{' '.join(command)} ended with {failed}")
    return Cost(seconds, sum(seen.processor.values()), seen.most / 2**20)


def _environment(state: str | Path) -> dict[str, str]:
    return os.environ | {"CHURN_STATE": str(state)}


class _Seen:
    """What was seen of a process and all below it: the most bytes held together, and each one's processor seconds."""

    def __init__(self) -> None:
        self.most, self.processor = 0, {}

    def look(self, process: psutil.Process) -> None:
        """Until the process has ended."""
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            held = 0
            for one in [process, *_children(process)]:
                try:
                    held += one.memory_full_info().pss
                    self.processor[one.pid] = sum(one.cpu_times()[:2])
                except psutil.Error:
                    continue
            self.most = max(self.most, held)
            time.sleep(LOOKS)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


# --- what the policies earn where something breaks ---


def of_seed(seed: int, cache: Path) -> dict:
    """What a seed brought, from the cache or lived now: policies and differences as replay.json has them."""
    kept, state = cache / f"{seed}.json", cache / f"state-{seed}"
    if not kept.exists():
        state.mkdir(parents=True, exist_ok=True)
        params = yaml.safe_load(SHOP)
        params["data"]["seed"] = seed
        file = state / "packs.yaml"
        file.write_text(yaml.safe_dump(params))
        words = ["--params", str(file), "--from", FIRST, "--to", LAST, "--json"]
        words += [word for policy in POLICIES for word in ("--policy", policy)]
        done = subprocess.run(
            _churn("replay", *words), check=True, cwd=PROJECT, env=_environment(state), stdout=subprocess.PIPE
        )
        told = json.loads(done.stdout)
        kept.write_text(json.dumps({name: told[name] for name in ("policies", "differences", "months")}))
        shutil.rmtree(state)
    return json.loads(kept.read_text())


def broken(seeds: list[dict]) -> str:
    """The policies over all seeds: what each earned of what `always` did, its trainings, and what became of them."""
    by_policy = {name: [_of(told["policies"], policy=name) for told in seeds] for name in POLICIES}
    most = np.array([of["profit"] for of in by_policy[POLICIES[0]]])
    head = ["policy", "seeds", "earned a seed", f"of what `{POLICIES[0]}` earned", "least of a seed", "most of a seed"]
    head += ["trainings a seed", "promoted", "refused", f"seeds with less than `{POLICIES[0]}` beyond chance"]
    rows = [_line(head), _line(["---"] * len(head))]
    for name, found in by_policy.items():
        earned = np.array([of["profit"] for of in found])
        share, each = earned.sum() / most.sum(), earned / most
        cells = [
            f"`{name}`",
            len(seeds),
            f"{earned.mean():,.0f}",
            f"{share:.1%}",
            f"{each.min():.1%}",
            f"{each.max():.1%}",
        ]
        cells += [f"{np.mean([of[count] for of in found]):.1f}" for count in ("trainings", "promoted", "refused")]
        rows.append(_line([*cells, "" if name == POLICIES[0] else sum(_loses(told, name) for told in seeds)]))
    return "\n".join(rows)


def _loses(told: dict, policy: str) -> bool:
    """Whether a policy earned less than the first one, by an interval that does not hold zero."""
    for row in told["differences"]:
        if {row["policy"], row["against"]} == {policy, POLICIES[0]}:
            return row["high"] < 0 if row["policy"] == policy else row["low"] > 0
    return False


def _of(rows: list[dict], **wanted: str) -> dict:
    [found] = [row for row in rows if wanted.items() <= row.items()]
    return found


def _line(cells: Iterable) -> str:
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
