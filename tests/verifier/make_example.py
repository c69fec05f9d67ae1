#!/usr/bin/env python3
"""Makes the signed registry in `example/`, from docs/registry-spec.md alone.

    make_example.py [FOLDER]

Everything in it is fixed (keys, times, contents), so that the same bytes come out
each time. The keys are public: never use them for anything else.
"""

import base64
import hashlib
import json
import pathlib
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import ed25519
from derive import added, derived_index, shortened
from file_list import files_of
from formats import (
    Moderation, Signers, Statement, bundle_path, digest, extend, key_hash, leaf_hash, map_nodes,
    owner_subject, parse_entry, root_of, sha256, tiles_of,
)

ORIGIN = "example/5f3c9a1b"


class Signer:
    """A key made of its own name."""

    def __init__(self, who, name=None):
        self.seed = hashlib.sha256(f"lumen example key {who}".encode()).digest()
        self.name = name or who
        self.bytes = ed25519.public_key(self.seed)
        self.id = key_hash(self.name, b"\1" + self.bytes)

    def __str__(self):
        material = base64.b64encode(b"\1" + self.bytes).decode()
        return f"{self.name}+{self.id.hex()}+{material}"

    def line(self, text):
        signature = self.id + ed25519.sign(self.seed, text.encode())
        return f"— {self.name} {base64.b64encode(signature).decode()}\n"


ADA, BOB, ROOT = Signer("ada"), Signer("bob"), Signer("root")
MIA, LOG = Signer("mia"), Signer("ada", ORIGIN)


def note(lines, *signers):
    """A signed note of these lines."""
    text = "".join(line + "\n" for line in lines)
    return text + "\n" + "".join(signer.line(text) for signer in signers)


def root_lines(*, seq=1, prev="none", expires="never", names=("names open 0",),
               witnesses=("witness-quorum 0", "max-age none"), version=1):
    """The text of a root note with the keys of the example."""
    return [f"lumen/root/v{version}", f"registry {ORIGIN}", f"seq {seq}", f"prev {prev}",
            "time 2026-01-31T10:30:00Z", f"expires {expires}", "root-threshold 1",
            f"root {ROOT}", f"log {LOG}", *names, *witnesses]


def moderated_root(prev):
    """Root note 2, with mia as the moderator."""
    lines = root_lines(seq=2, prev=prev, version=3,
                       names=("names open 0", "moderator-threshold 1", f"moderator {MIA}"))
    return note(lines, ROOT)


def moderation(kind, *, seq=1, package="my-utils", versions="<1.1.0", until=None, more=(),
               reason="sends the keys of users to a stranger", signer=None):
    """What a moderator says of a package."""
    end = [] if until is None else [f"until {until}"]
    return note([f"lumen/{kind}/v1", f"registry {ORIGIN}", f"package {package}", f"seq {seq}",
                 f"versions {versions}", *end, *more, "time 2026-01-31T10:40:00Z",
                 f"reason {reason}"], signer or MIA)


def pretty(value):
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def compact(value):
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return (text + "\n").encode()


def tar(files):
    """An archive as section 8.1 wants it."""
    def octal(value, width):
        return f"{value:0{width - 1}o}".encode() + b"\0"

    data = b""
    for path, body in sorted(files.items()):
        header = bytearray(512)
        header[0:len(path)] = path.encode()
        header[100:124] = octal(0o644, 8) + octal(0, 8) + octal(0, 8)
        header[124:148] = octal(len(body), 12) + b"07033241600\0"
        header[148:157] = b" " * 8 + b"0"
        header[257:265] = b"ustar\00000"
        header[329:345] = octal(0, 8) * 2
        header[148:156] = f"{sum(header):06o}".encode() + b"\0 "
        data += bytes(header) + body + bytes(-len(body) % 512)
    return data + bytes(1024)


class Registry:
    """A registry that is written in one go."""

    def __init__(self, folder):
        self.folder, self.leaves, self.minute = folder, [], 30
        self.releases, self.packages = {}, {}

    def write(self, key, data):
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def now(self):
        return f"2026-01-31T10:{self.minute}:00Z"

    def append(self, *entries):
        """One batch: the entries and a map leaf, with all files that follow (19)."""
        start = len(self.leaves)
        leaves = self.leaves + [entry.encode() for entry in entries]
        self.chains, self.events = {}, {}
        for index, leaf in enumerate(leaves):
            entry = parse_entry(leaf)[0]
            key = getattr(entry, "subject", "@root")
            if not leaf.startswith(b"lumen/map/"):
                chain = self.chains.get(key, bytes(32))
                self.chains[key] = extend(chain, index, leaf_hash(leaf))
                event = {"i": index, "note": leaf.decode()}
                self.events.setdefault(key, []).append(event)
        root, nodes = map_nodes(self.chains)
        size = len(leaves) + 1
        leaf = f"lumen/map/v1\n{size}\n{base64.b64encode(root).decode()}\n"
        leaves.append(leaf.encode())
        staging = compact({"from": start, "entries": [*entries, leaf]})
        hashes = [leaf_hash(leaf) for leaf in leaves]
        checkpoint = note(
            [ORIGIN, str(size), base64.b64encode(root_of(hashes)).decode()], LOG)
        name = sha256(staging).hex()
        shutil.rmtree(self.folder / "log/staging", ignore_errors=True)
        self.write(f"log/staging/{name}", staging)
        self.write("log/head", f"staging {name}\n{checkpoint}".encode())
        self.leaves = leaves
        self.write_tiles(hashes)
        self.write(f"map/size/{size}", leaves[-1])
        for node, data in nodes.items():
            self.write(f"map/{node.hex()[:2]}/{node.hex()[2:]}", data)
        for index in range(start, size - 1):
            self.write_entry(index)
        for key, events in self.events.items():
            if key.startswith("@") and "/" not in key:
                path = "trust/root" if key == "@root" else f"trust/names/{key}"
                file = compact({"name": key, "events": events})
                self.write(f"{path}/index.json", file)
            else:
                self.write_index(key)
        self.write_global_index()
        self.write("log/checkpoint", checkpoint.encode())
        self.minute += 1

    def write_tiles(self, hashes):
        for path, data in tiles_of(hashes).items():
            self.write("log/" + path, data)
        for index in range(0, len(self.leaves), 256):
            bundle = self.leaves[index:index + 256]
            data = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in bundle)
            self.write("log/" + bundle_path(index // 256, len(bundle)), data)

    def write_entry(self, index):
        """The file of its own that an entry has."""
        leaf = self.leaves[index]
        entry = parse_entry(leaf)[0]
        if leaf.startswith(b"lumen/root/"):
            self.write(f"trust/root/{entry.seq}.note", leaf)
        elif leaf.startswith(b"lumen/owners/"):
            self.write(f"trust/names/{entry.subject}/{entry.seq}.note", leaf)
        elif entry.kind == "publish":
            path = f"signatures/{entry.subject}/{entry.version}.sig.json"
            self.write(path, compact({"i": index, "note": leaf.decode()}))

    def write_index(self, name):
        owners, events, notes = None, [], {}
        for event in self.events.get(owner_subject(name), []):
            if not event["note"].startswith(Statement.FIRST):
                owners = parse_entry(event["note"].encode())[0]
                notes[owners.seq] = owners
        for event in self.events[name]:
            if event["note"].startswith(Statement.FIRST):
                entry = parse_entry(event["note"].encode())[0]
                names = [line.split()[1] for line in event["note"].splitlines()
                         if line.startswith("\u2014 ")]
                needed = notes[entry.owners].publish_threshold if entry.owners in notes else 1
                needed = needed if entry.kind == "publish" else 1
                signers = Signers([{"ada": ADA, "bob": BOB}[name] for name in names], needed)
                events.append((event["i"], entry, signers))
        releases = {version: release for (package, version), (release, _)
                    in self.releases.items() if package == name}
        said = [parse_entry(event["note"].encode())[0] for event in self.events[name]
                if event["note"].startswith(Moderation.FIRST)]
        index = derived_index(owners, events, said)
        times = {entry.version: entry.time for _, entry, _ in events
                 if entry.kind == "publish"}
        summaries = shortened(releases, times)
        newest = releases[index["versions"][-1]] if index["versions"] else {}
        more = added(index, releases, times)
        optional = {key: index.pop(key) for key in ("deprecated", "blocked")}
        file = {"name": name, **index, "description": newest.get("description", ""),
                "categories": newest.get("categories", [])}
        file |= {key: value for key, value in optional.items() if value is not None}
        file |= {"releases": summaries, "events": self.events[name], **more}
        self.packages[name] = file
        self.write(f"packages/{name}/index.json", compact(file))

    def write_global_index(self):
        packages = [{"name": name, "latest": file["latest"],
                     "description": file.get("description", "")}
                    for name, file in sorted(self.packages.items()) if file["versions"]]
        self.write("index.json", pretty({
            "name": "example", "version": "1.0.0", "format": 1,
            "updated_at": self.now(), "package_count": len(packages),
            "packages": packages, "log": len(self.leaves)}))

    def release(self, name, version, description, deps, owners, signer, *, listed=True):
        """Stores a release and gives the statement that publishes it."""
        manifest = (f'[package]\nname = "{name}"\nversion = "{version}"\n'
                    f'description = "{description}"\nlicense = "MIT"\n')
        if deps:
            manifest += "\n[dependencies]\n"
        manifest += "".join(f'"{dep}" = "{wanted}"\n' for dep, wanted in deps.items())
        archive = tar({"lumen.toml": manifest.encode(),
                       "src/main.lm.md": f"# {name}\n".encode()})
        value = sha256(archive).hex()
        url = f"artifacts/sha256/{value[:2]}/{value[2:]}.tar"
        self.write(url, archive)
        release = {
            "name": name, "version": version, "deps": deps,
            "artifacts": [{"kind": "tar", "url": url, "hash": f"sha256:{value}",
                           "size": len(archive)}],
            "integrity": {"manifest_hash": digest(manifest.encode())},
            "license": "MIT", "description": description}
        if listed:
            files = files_of(archive)
            value = sha256(files).hex()
            self.write(f"artifacts/sha256/{value[:2]}/{value[2:]}.files", files)
            release["files"] = {"hash": f"sha256:{value}", "size": len(files)}
        release["published_at"] = self.now()
        data = pretty(release)
        self.write(f"packages/{name}/{version}.json", data)
        self.releases[name, version] = release, data
        signers = signer if isinstance(signer, list) else [signer]
        return note(["lumen/publish/v1", f"registry {ORIGIN}", f"package {name}",
                     f"version {version}", f"metadata {digest(data)} {len(data)}",
                     f"owners {owners}", f"time {self.now()}"], *signers)

    def claim(self, subject, publishers, *, seq=1, prev="none", revoked=(), admin=ADA,
              override=(), signers=None, threshold=None):
        """An ownership note; of version 2 with a threshold of publishers."""
        version = 1 if threshold is None else 2
        thresholds = [] if threshold is None else [f"publish-threshold {threshold}"]
        return note([f"lumen/owners/v{version}", f"registry {ORIGIN}", f"name {subject}",
                     f"seq {seq}", f"prev {prev}", f"time {self.now()}", *override,
                     "admin-threshold 1", f"admin {admin}", *thresholds,
                     *(f"publish {publisher}" for publisher in publishers),
                     *(f"revoke {key} from {index}" for key, index in revoked)],
                    *(signers or [admin]))


def make(folder):
    """The example: a root, a scope, two packages, a yank, a revoked key."""
    registry = Registry(folder)
    registry.append(note(root_lines(), ROOT))
    scope = registry.claim("@org", [ADA, f"{BOB} only @org/http"])
    registry.append(scope)
    registry.append(
        registry.claim("my-utils", [ADA]),
        registry.release("my-utils", "1.0.0", "Utility functions", {}, 1, ADA, listed=False))
    registry.append(registry.release(
        "@org/http", "1.2.0", "HTTP for Lumen", {"my-utils": "^1.0"}, 1, BOB))
    registry.append(
        registry.release("my-utils", "1.1.0", "Utility functions", {}, 1, ADA))
    registry.append(note([
        "lumen/yank/v1", f"registry {ORIGIN}", "package my-utils", "version 1.0.0",
        "owners 1", f"time {registry.now()}", "reason rounds the wrong way"], ADA))
    registry.append(registry.claim("@org", [ADA], seq=2, prev=digest(scope.encode()),
                                   revoked=[(BOB, len(registry.leaves))]))
    registry.append(note([
        "lumen/deprecate/v1", f"registry {ORIGIN}", "package @org/http", "owners 2",
        f"time {registry.now()}", "replacement my-utils",
        "reason no longer needed"], ADA))


def main():
    default = pathlib.Path(__file__).parent / "example"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    if folder.exists():
        sys.exit(f"{folder} exists already")
    make(folder)


if __name__ == "__main__":
    main()
