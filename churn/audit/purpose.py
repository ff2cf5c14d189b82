"""What a version is for, and what it cannot do: in words, each with the id of the record that it follows from."""

from __future__ import annotations

SMALL = 200  # leavers or stayers with fewer of whom an AUC says little


def of(params: dict, run_id: str) -> dict:
    """Whom it finds and what is done about them: `said`, and the sections of the params file that say so."""
    label = (params.get("label") or {}) | (params.get("data") or {}).get("labels", {})  # ready-made ones say it there
    economics = (params.get("evaluate") or {}).get("economics")
    said = [line for line in (_who(label), _what_for(economics)) if line]
    return {"said": said, "label": label, "economics": economics, "from": run_id}


def _who(label: dict) -> str:
    if not label:
        return ""
    days = label["horizon_days"]
    if label["rule"] == "given":
        return f"It finds customers who leave, as the labels that came along have it, in the {days:,} days to come."
    if label["rule"] == "inactivity":
        within = label.get("active_within_days")
        who = f"who had an event in the {within:,} days before" if within else "who are known"
        return f"It finds, among customers {who}, those without any event in the {days:,} days to come."
    return f"It finds customers who leave (an event of the kind {label.get('kind')}) in the {days:,} days to come."


def _what_for(economics: dict | None) -> str:
    if not economics:
        return ""
    worth = economics["saved_value"]
    worth = f"{worth:,.2f}" if isinstance(worth, int | float) else f"{worth['margin']:g} × {worth['column']}"
    cost, rate = economics["contact_cost"], economics["success_rate"]
    paid = f"a contact costs {cost:,.2f}, keeps {rate:.0%} of leavers, and each is worth {worth}"
    return f"Whom it flags is contacted: {paid}."


def limits(trail: dict) -> list[dict]:
    """What nobody should conclude from it: `said`, and the run or the decision it follows `from`."""
    run = trail["run"]["id"]
    return [*_of_run(trail, run), *_of_test(trail["evaluation"], run), *_of_decisions(trail), *_of_time(trail)]


def _of_run(trail: dict, run: str) -> list[dict]:
    told = [
        "It says who is likely to leave, and on what it looks; not what would keep them.",
        "A customer outside the ranges seen in training is scored, and the answer names the feature.",
    ]
    if trail["run"]["clean"] != "true":
        told.append(
            "It was made by code with local changes, or by unknown code: the commit alone does not make it again."
        )
    if not trail["reproduced"]:
        told.append("Nobody has run it again yet.")
    return [{"said": said, "from": run} for said in told]


def _of_test(evaluation: dict | None, run: str) -> list[dict]:
    if evaluation is None:
        return [{"said": "No test of it is on the record.", "from": run}]
    told = []
    if len(evaluation["calibration"]["origins"]) == 1:
        day = evaluation["calibration"]["origins"][0]["snapshot"]
        told.append(f"Its probabilities were held against one date alone, {day}: how they are elsewhen is not known.")
    few = [one for one in evaluation["segments"] if _few(one)]
    if few:
        named = ", ".join(f"{one['segment']} {one['value']}" for one in few[:3])
        more = f" and {len(few) - 3} more" if len(few) > 3 else ""
        told.append(f"Too few customers to tell how it does for {named}{more}.")
    return [{"said": said, "from": run} for said in told]


def _few(segment: dict) -> bool:
    left = segment["customers"] * segment["churn_rate"]
    return min(left, segment["customers"] - left) < SMALL


def _of_decisions(trail: dict) -> list[dict]:
    said = {"FAIL": "Failed at the gate", "undecided": "Not settled at the gate"}
    judged = [decision for decision in trail["decisions"] if decision["gate"]][-1:]
    return [
        {"said": f"{said[rule['outcome']]}: {rule['text']}.", "from": decision["decision_run"]}
        for decision in judged
        for rule in decision["gate"]
        if rule["outcome"] in said
    ]


def _of_time(trail: dict) -> list[dict]:
    since = trail["monitoring"]
    if since is None:
        return [{"said": "What came true is not known: monitor has not run.", "from": trail["run"]["id"]}]
    if not since["own"]:
        return [{"said": "No list of its own has come true yet.", "from": since["run"]}]
    return (
        [{"said": f"An alarm stands since {since['alarm']['since']}.", "from": since["run"]}]
        if since["alarm"]["standing"]
        else []
    )
