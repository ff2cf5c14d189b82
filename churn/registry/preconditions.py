"""What has to hold before a person's decision: that an approval has something to approve and comes from another person
than the training, that a rollback leads to what can be served."""

from __future__ import annotations

from churn.errors import ModelUnavailable, RegistryError, UserError
from churn.features import online_marker
from churn.registry import history, provenance, runs, version_levels, versions
from churn.registry.gate import Decision, RuleResult
from churn.registry.history import NEEDS_APPROVAL

FOUR_EYES = "four_eyes"  # tag of a version that was decided about under this rule: no params file lifts it later


def refuse_unapprovable(experiment: str, version: int, *, override: bool) -> None:
    """Raises RegistryError when an approval has nothing to approve, or would override the gate without saying so."""
    candidate = versions.get(experiment, version)
    decided = candidate.tags.get("decision", "")
    if candidate.stage == "Production":
        raise RegistryError(f"{experiment} version {version} is in production already; there is nothing to approve")
    if decided != NEEDS_APPROVAL and not override:
        raise RegistryError(
            f"{experiment} version {version} does not wait for approval (decision: {decided or 'none'}); "
            "to approve what the gate refused, say --override: it stays marked as such"
        )


def refuse_own(experiment: str, version: int, *, by: str, four_eyes: bool) -> None:
    """Raises UserError where four eyes are asked for, by the params file or by the decision that let the version wait,
    and who approves, as the system or as the request names them, is who started the run that trained it."""
    candidate = versions.get(experiment, version)
    if not (four_eyes or candidate.tags.get(FOUR_EYES) == "true"):
        return
    trained_by = runs.get(candidate.run_id)["user"]
    if trained_by and trained_by not in (provenance.user(), by):
        return
    found = f"{trained_by} started the run that trained {experiment} version {version}, and would approve it"
    if not trained_by:
        found = f"nothing says who trained {experiment} version {version} (run {candidate.run_id})"
    raise UserError(
        f"promote.four_eyes asks for an approval by somebody else than who trained the version; {found}; let another "
        "person approve, from an account of their own (--override does not lift this)"
    )


def safe_to_return(experiment: str, version: int) -> Decision:
    """Whether a version can go back into production: it was there, its files are whole, its features are online."""
    candidate = versions.get(experiment, version)
    been = version in {decision["production_after"] for decision in history.decisions(experiment)}
    checks = [
        _check("been in production", been, "was in production before" if been else "never was in production",
               "A rollback restores what has served before; anything else has to pass the gate."),
        _check("files unchanged", *_files_unchanged(candidate),
               "A version whose files are not those that were registered must not serve."),
        _check("features online", *_features_online(experiment, candidate),
               "A version can only be served from features that the feature store holds."),
        _check("level known", *_level_known(experiment, candidate),
               "Probabilities stand at the level of the snapshot that is online, or mean nothing."),
    ]  # fmt: skip
    return Decision(promote=all(c.passed for c in checks), checks=checks)


def _level_known(experiment: str, version: versions.Version) -> tuple[bool, str]:
    snapshot = online_marker.current(experiment)[0]
    known = version_levels.of(version, snapshot)
    if known is None:
        told = f"none at {snapshot}, the snapshot that is online; run the pipeline, or ask where it ran last"
        return not snapshot, told if snapshot else "nothing is online"
    return True, f"{known['log_odds']:+.3f} at {snapshot}: {known['why']}"


def _check(rule: str, passed: bool, observed: str, why: str) -> RuleResult:
    return RuleResult(rule, None, None, observed, passed, f"{rule}: {observed}", why)


def _files_unchanged(version: versions.Version) -> tuple[bool, str]:
    try:
        versions.verified_files(version)
    except ModelUnavailable as error:
        return False, str(error)
    return True, f"digest {version.tags['digest'][:12]} as registered"


def _features_online(experiment: str, version: versions.Version) -> tuple[bool, str]:
    try:
        columns = versions.columns(version)
    except ModelUnavailable:
        return False, "unknown, for its files do not say which it takes"
    keeper = runs.newest_with(experiment, "features.json")  # of the last features stage, whichever machine's it was
    listed = runs.document(keeper, "features.json")["features"] if keeper else []
    missing = sorted(set(columns) - {feature["name"] for feature in listed})
    return not missing, f"not online: {', '.join(missing)}" if missing else f"all {len(columns)} online"
