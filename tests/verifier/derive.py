"""What a package index says, derived from the log and the releases (6.2, 15.4)."""

import re

SUMMARY = ("deps", "dependency_options", "features", "artifacts", "metadata",
           "published_at", "integrity", "license", "description", "categories")

REVOKED = "its signing key was revoked"


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


def derived_index(owners, events, releases):
    """The fields of a package index that follow from the log.

    `events` are (index, statement, signing key) in order, `releases` the parsed
    `<version>.json` files. Statements by a key that is revoked from their index on
    are void.
    """
    versions, yanked, void, deprecated = [], {}, set(), None
    for index, statement, key in events:
        is_void = owners is not None and owners.is_revoked(key, index)
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
    yanked.update({version: REVOKED for version in void})
    yanked = {version: yanked[version] for version in sorted(yanked, key=precedence)}
    index = {
        "versions": versions,
        "prereleases": [v for v in versions if "-" in v.split("+")[0]],
        "latest": latest(versions, yanked),
        "yanked": yanked,
        "deprecated": deprecated,
        "releases": {},
    }
    for version, release in releases.items():
        if release is not None:
            summary = {key: release[key] for key in SUMMARY if key in release}
            index["releases"][version] = summary
    return index
