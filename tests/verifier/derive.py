"""What a package index says, derived from the log and the releases (6.2, 15.4, 15.5)."""

import re

# The fields of a release that its summary has: those of the first form.
FIELDS = ("deps", "dependency_options", "features", "artifacts", "integrity", "license",
          "description", "categories", "published_at")

# The other fields of a release.
ABOUT = ("keywords", "authors", "repository", "homepage", "documentation", "links", "readme",
         "lumen", "support_until", "source", "provenance", "files")

# What an index repeats of its highest version, beside description and categories.
SHOWN = ("license", "keywords", "repository", "homepage", "documentation", "links")

REVOKED = "its signing key was revoked"
BLOCKED = "blocked by the registry's moderators"


def precedence(version):
    """A sort key for versions (3)."""
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)(?:-([^+]+))?(?:\+(.+))?", version)
    numbers = tuple(int(part) for part in match.groups()[:3])

    def parts(text):
        return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in text.split(".")]

    pre, build = match[4], match[5]
    return (numbers, pre is None, parts(pre) if pre else [],
            parts(build) if build else [])


def latest(versions, yanked):
    """The version to recommend (3)."""
    good = [v for v in versions if v not in yanked]
    stable = [v for v in good if "-" not in v.split("+")[0]]
    return max(stable or good, key=precedence, default=None)


def address(artifact):
    """The content address of an artifact of a kind that 7 names."""
    value = artifact["hash"].removeprefix("sha256:")
    if artifact["kind"] in ("tar", "tar.zst"):
        return f"artifacts/sha256/{value[:2]}/{value[2:]}.{artifact['kind']}"
    return None


def left_out(before, time):
    """What a short summary need not say (15.5)."""
    fields = {key: value for key, value in before.items()
              if key not in ("artifacts", "published_at")}
    return fields if time is None else {**fields, "published_at": time}


def covers(fields, others):
    """Whether all that is in other fields is in these, too."""
    return all(key in fields and
               (not isinstance(value, dict) or value.keys() <= fields[key].keys())
               for key, value in others.items())


def strip(fields, others):
    """Fields without what is the same in others."""
    return {key: strip(value, others[key])
            if isinstance(value, dict) and isinstance(others.get(key), dict) else value
            for key, value in fields.items() if key not in others or others[key] != value}


def fill(fields, others):
    """Fields with what is missing taken from others."""
    merged = {key: {**value, **fields[key]}
              for key, value in others.items()
              if isinstance(value, dict) and isinstance(fields.get(key), dict)}
    return {**others, **fields, **merged}


def shortened(releases, times):
    """The summaries of releases, short where that is possible (15.5)."""
    summaries, before = {}, {}
    for version in sorted(releases, key=precedence):
        release = releases[version]
        fields = {key: release[key] for key in FIELDS if key in release}
        summary, missing = dict(fields), left_out(before, times.get(version))
        artifacts = fields.get("artifacts", [])
        addressed = all(entry.get("url") == address(entry) for entry in artifacts)
        if artifacts and addressed and covers(fields, missing):
            summary["artifacts"] = [
                {key: value for key, value in entry.items() if key != "url"}
                for entry in artifacts]
            summary = strip(summary, missing)
        summaries[version], before = summary, fields
    return summaries


def lengthened(summaries, times):
    """All fields of the releases that summaries are of (15.5)."""
    releases, before = {}, {}
    for version in sorted(summaries, key=precedence):
        fields = dict(summaries[version])
        artifacts = fields.get("artifacts", [])
        if any("url" not in entry and address(entry) for entry in artifacts):
            fields["artifacts"] = [{"url": address(entry), **entry} for entry in artifacts]
            fields = fill(fields, left_out(before, times.get(version)))
        releases[version], before = fields, fields
    return releases


def change(before, after):
    """The JSON Merge Patch (RFC 7396) that makes one object another."""
    patch = {key: change(before[key], value)
             if isinstance(value, dict) and isinstance(before.get(key), dict) else value
             for key, value in after.items() if key not in before or before[key] != value}
    return {**patch, **{key: None for key in before if key not in after}}


def about(releases):
    """The fields that summaries lack, each time as a change (15.5)."""
    changes, before = {}, {}
    for version in sorted(releases, key=precedence):
        fields = {key: releases[version][key] for key in ABOUT if key in releases[version]}
        if fields != before:
            changes[version] = change(before, fields)
        before = fields
    return changes


def added(index, releases, times):
    """The fields of an index that version 0.1 did not know (6.2, 15.5)."""
    good = [v for v in index["versions"] if index["yanked"].get(v) != REVOKED]
    newest = releases.get(good[-1], {}) if good else {}
    fields = {key: newest[key] for key in SHOWN if key in newest}
    fields["published_at"] = {
        version: releases.get(version, {}).get("published_at", times[version])
        for version in index["versions"]}
    changes = about(releases)
    return {**fields, "about": changes} if changes else fields


def blocks(moderations):
    """The blocks and quarantines that were not lifted (15.6), in the order of the log."""
    found = []
    for said in moderations:
        found = [block for block in found if block.versions != said.versions]
        if said.kind != "unblock":
            found.append(said)
    return found


def blocked(block):
    """What an index says of a block."""
    fields = {"versions": block.versions, "reason": block.reason, "until": block.until,
              "severity": block.severity, "advisory": block.advisory, "at": block.time}
    return {key: value for key, value in fields.items() if value is not None}


def derived_index(owners, events, moderations=()):
    """The fields of a package index that follow from the log alone.

    `events` are (index, statement, signers) in order. Statements that too few keys signed
    which are not revoked from their index on are void. `moderations` are what moderators
    said, in order.
    """
    versions, yanked, void, deprecated = [], {}, set(), None
    for index, statement, signers in events:
        is_void = owners is not None and signers.is_void(owners, index)
        if statement.kind == "publish":
            versions.append(statement.version)
            if is_void:
                void.add(statement.version)
        elif is_void:
            continue
        elif statement.kind == "yank":
            yanked[statement.version] = statement.reason
        elif statement.kind == "unyank":
            yanked.pop(statement.version, None)
        elif statement.kind == "deprecate":
            deprecated = {"reason": statement.reason}
            if statement.replacement is not None:
                deprecated["replacement"] = statement.replacement
            deprecated["at"] = statement.time
        else:
            deprecated = None
    versions.sort(key=precedence)
    in_force = blocks(moderations)
    for block in in_force:
        if block.kind == "block":
            yanked.update({version: f"{BLOCKED}: {block.reason}"
                           for version in versions if block.covers(version)})
    yanked.update({version: REVOKED for version in void})
    yanked = {version: yanked[version] for version in sorted(yanked, key=precedence)}
    index = {
        "versions": versions,
        "prereleases": [v for v in versions if "-" in v.split("+")[0]],
        "latest": latest(versions, yanked),
        "yanked": yanked,
        "deprecated": deprecated,
        "blocked": [blocked(block) for block in in_force] or None,
    }
    return index
