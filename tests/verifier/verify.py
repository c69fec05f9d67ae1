#!/usr/bin/env python3
"""Verifies a signed Lumen registry, from a folder or over HTTP.

Written from docs/registry-spec.md alone, with nothing but the standard library. It
shares no code with Lumen, so that the two check each other. Numbers in comments are
the sections of the specification.

    verify.py REGISTRY [--fingerprint sha256:HEX] [--checkpoint FILE] [--quiet]

Replays the whole log and compares every file of the registry with it. Prints every
problem found. Exit status: 0 none, 1 problems, 2 usage or no registry to read.
"""

import argparse
import io
import json
import pathlib
import re
import sys
import tarfile
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from derive import FIELDS, SHOWN, added, blocks, derived_index, lengthened
from ed25519 import verify as ed25519_verify
from file_list import files_of, parse_files
from formats import (
    Bad, Checkpoint, MapLeaf, Moderation, Owners, Root, Signers, Statement, bundle_path,
    decode_bundle,
    digest, extend, leaf_hash, map_nodes, owner_subject, parse_entry,
    parse_note, root_of, sha256, strict_json, tiles_of,
)

MAX_CHECKPOINT = 64 << 10
MAX_RELEASE = 1 << 20


class Folder:
    """A registry in a folder."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def get(self, key):
        """The bytes of a file, or None when there is none."""
        try:
            return (self.path / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None


class Web:
    """A registry at an http or https address."""

    def __init__(self, url):
        self.url = url if url.endswith("/") else url + "/"

    def get(self, key):
        """The bytes of a file, or None when there is none."""
        address = self.url + urllib.parse.quote(key, safe="-._~!@/")
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                return None
            raise


def main():
    parser = argparse.ArgumentParser(description="Verifies a signed Lumen registry.")
    parser.add_argument("registry", help="a folder, or an http or https address")
    parser.add_argument("--fingerprint", help="the hash of root note 1: sha256:…")
    parser.add_argument("--checkpoint", help="a file with a checkpoint seen before")
    parser.add_argument("--quiet", action="store_true", help="print problems only")
    args = parser.parse_args()
    if args.registry.startswith(("http://", "https://")):
        source = Web(args.registry)
    else:
        source = Folder(urllib.parse.unquote(args.registry.removeprefix("file://")))
    try:
        older = pathlib.Path(args.checkpoint).read_bytes() if args.checkpoint else None
        if source.get("trust/root/1.note") is None:
            parser.error(f"{args.registry} has no trust/root/1.note: it is not signed")
    except (OSError, ValueError) as error:
        parser.error(f"{args.registry}: {error}")
    verifier = Verifier(source)
    verifier.run(args.fingerprint, older)
    for problem in verifier.problems:
        print(f"problem: {problem}")
    if verifier.problems:
        print(f"{len(verifier.problems)} problems")
        sys.exit(1)
    if not args.quiet:
        print(verifier.summary())


class Verifier:
    """Replays a registry's log and collects what does not fit."""

    def __init__(self, source):
        self.source = source
        self.problems = []
        self.leaves = []       # bytes of all entries below the checkpoint
        self.roots = []        # (index, Root)
        self.owners = {}       # subject -> [(index, Owners)]
        self.events = {}       # map key -> [(index, text)]
        self.chains = {}       # map key -> chain value
        self.statements = {}   # package -> [(index, Statement, signing key)]
        self.moderations = {}  # package -> [Moderation]
        self.said = set()      # texts of all statements
        self.checkpoint = None
        self.map_root = None

    def problem(self, text):
        self.problems.append(text)

    def run(self, fingerprint, older):
        """Does everything, as far as it is possible at all."""
        try:
            self.read_checkpoint(fingerprint)
            self.read_log()
        except (Bad, OSError) as error:
            self.problem(str(error))
            return
        for index, leaf in enumerate(self.leaves):
            try:
                self.replay(index, leaf)
            except Bad as error:
                self.problem(f"entry {index}: {error}")
        if not isinstance(self.last, MapLeaf):
            self.problem("the last entry of the log is no map leaf")
        for check in (self.check_signers, self.check_head, self.check_witnessed,
                      self.check_map,
                      self.check_trust, self.check_packages, self.check_global_index):
            try:
                check()
            except (Bad, OSError) as error:
                self.problem(str(error))
        if older is not None:
            self.check_older(older)

    def read(self, key):
        data = self.source.get(key)
        if data is None:
            raise Bad(f"{key} is missing")
        return data

    def read_json(self, key):
        try:
            return strict_json(self.read(key))
        except ValueError as error:
            raise Bad(f"{key}: {error}") from None

    # The log (16)

    def read_checkpoint(self, fingerprint):
        first = self.read("trust/root/1.note")
        self.fingerprint = digest(first)
        if fingerprint and fingerprint != self.fingerprint:
            raise Bad(f"trust/root/1.note is {self.fingerprint}, not {fingerprint}")
        self.origin = Root.parse(parse_note(first)[0]).origin
        data = self.read("log/checkpoint")
        if len(data) > MAX_CHECKPOINT:
            raise Bad("log/checkpoint: more than 64 KiB")
        text, self.signatures = parse_note(data, limit=16)
        self.checkpoint_text = text
        self.checkpoint = Checkpoint.parse(text)
        if self.checkpoint.origin != self.origin:
            raise Bad(f"log/checkpoint: the origin is {self.checkpoint.origin}")
        if self.checkpoint.size < 2:
            raise Bad("log/checkpoint: a log has at least two entries")

    def read_log(self):
        size = self.checkpoint.size
        for index in range((size + 255) // 256):
            width = min(256, size - 256 * index)
            data = self.source.get("log/" + bundle_path(index, width))
            if data is None and width < 256:
                data = self.source.get("log/" + bundle_path(index, 256))
            if data is None:
                raise Bad(f"log/{bundle_path(index, width)} is missing")
            entries = decode_bundle(data)
            if len(entries) < width:
                raise Bad(f"log/{bundle_path(index, width)} has {len(entries)} entries")
            self.leaves += entries[:width]
        self.hashes = [leaf_hash(leaf) for leaf in self.leaves]
        if root_of(self.hashes) != self.checkpoint.root:
            raise Bad("the entries do not have the root of log/checkpoint")
        for path, expected in tiles_of(self.hashes).items():
            data = self.source.get("log/" + path)
            if data is None and ".p/" in path:
                full = self.source.get("log/" + path.split(".p/")[0])
                data = full and full[:len(expected)]
            if data != expected:
                self.problem(f"log/{path} is {'missing' if data is None else 'wrong'}")

    def check_signers(self):
        """One log key of the current root, and the witnesses it asks for (18)."""
        root = self.roots[-1][1] if self.roots else None
        if root is None:
            return
        if not signed_by(self.checkpoint_text, self.signatures, root.log):
            self.problem("log/checkpoint: no log key of the current root signed it")
        now = datetime.now(timezone.utc)
        if root.expires != "never" and instant(root.expires) < now:
            self.problem(f"root note {root.seq} expired at {root.expires}")
        times = cosigned(self.checkpoint_text, self.signatures,
                         root.witnesses + root.validators)
        validated = cosigned(self.checkpoint_text, self.signatures, root.validators)
        if len(times) < root.quorum:
            self.problem(f"log/checkpoint: {len(times)} of {root.quorum} witnesses")
        if len(validated) < root.validating_quorum:
            self.problem(f"log/checkpoint: {len(validated)} of {root.validating_quorum} "
                         "validating witnesses")
        if root.max_age is not None:
            def recent(found):
                return sum(now.timestamp() - time <= root.max_age for time in found)
            for found, quorum, kind in (
                    (recent(times), root.quorum, "witnesses"),
                    (recent(validated), root.validating_quorum, "validating witnesses")):
                if found < quorum:
                    self.problem(f"log/checkpoint: {found} of {quorum} {kind} saw it "
                                 "within max-age")

    def check_head(self):
        """What writers have committed and not made public yet (16.4)."""
        data = self.source.get("log/head")
        if data is None:
            return
        match = re.match(rb"staging ([0-9a-f]{64})\n", data)
        if not match:
            raise Bad("log/head: no staging line")
        text, signatures = parse_note(data[match.end():], limit=16)
        head = Checkpoint.parse(text)
        log = self.roots[-1][1].log if self.roots else []
        if head.origin != self.origin:
            self.problem("log/head: another origin")
        if head.size < self.checkpoint.size:
            self.problem("log/head is behind log/checkpoint")
        if head.size == self.checkpoint.size:
            if head.root != self.checkpoint.root:
                self.problem("log/head and log/checkpoint differ at the same size")
            if not signed_by(text, signatures, log):
                self.problem("log/head: no log key signed it")
            return
        staging = self.read("log/staging/" + match[1].decode())
        if sha256(staging).hex() != match[1].decode():
            raise Bad("log/staging: a file is not what its name says")
        batch = strict_json(staging)
        start, entries = batch.get("from"), batch.get("entries")
        if not isinstance(start, int) or not 0 <= start <= head.size:
            raise Bad("log/staging: it does not start in the log")
        # Earlier commits may wait for witnesses; their entries are there (19.2).
        hashes = self.hashes[:start] + self.waiting(len(self.hashes), start)
        hashes += [leaf_hash(e.encode()) for e in entries]
        if len(hashes) != head.size or root_of(hashes) != head.root:
            self.problem("log/staging does not lead to log/head")
        self.check_pending(hashes, log)

    def waiting(self, start, end):
        """The hashes of committed entries that are not public yet."""
        hashes = []
        for index in range(start // 256, (end + 255) // 256):
            width = min(256, end - 256 * index)
            data = self.read("log/" + bundle_path(index, width))
            entries = decode_bundle(data)[:width]
            first = max(start - 256 * index, 0)
            hashes += [leaf_hash(entry) for entry in entries[first:]]
        return hashes

    def check_pending(self, hashes, log):
        """The checkpoints that wait for witnesses (16.5)."""
        if self.source.get("log/pending") is None:
            return
        last = self.checkpoint.size
        for note in self.read_json("log/pending").get("pending", []):
            text, _ = parse_note(note.encode(), limit=16)
            waiting = Checkpoint.parse(text)
            if waiting.size <= self.checkpoint.size:
                continue
            if waiting.origin != self.origin or waiting.size <= last:
                self.problem("log/pending: a checkpoint does not belong there")
            elif root_of(hashes[:waiting.size]) != waiting.root:
                self.problem(f"log/pending: {waiting.size} entries have another root")
            last = waiting.size

    def check_witnessed(self):
        """The checkpoints that were kept when others took their place (16.6)."""
        if self.source.get("log/witnessed.json") is None:
            return
        for size, _ in self.read_json("log/witnessed.json").get("witnessed", []):
            key = f"log/witnessed/{size}"
            data = self.source.get(key)
            if data is None:
                continue  # lost evidence only makes entries look younger
            text, signatures = parse_note(data, limit=16)
            kept = Checkpoint.parse(text)
            if kept.origin != self.origin or kept.size != size:
                self.problem(f"{key}: another checkpoint")
            elif size > len(self.hashes) or root_of(self.hashes[:size]) != kept.root:
                self.problem(f"{key}: {size} entries have another root")
            else:
                self.check_witnesses(key, text, signatures, size)

    def check_witnesses(self, key, text, signatures, size):
        """Whether those witnesses signed that the root note in force at a size asks for."""
        root = [root for index, root in self.roots if index < size][-1]
        if not signed_by(text, signatures, root.log):
            self.problem(f"{key}: no log key signed it")
        times = cosigned(text, signatures, root.witnesses + root.validators)
        validated = cosigned(text, signatures, root.validators)
        if len(times) < root.quorum or len(validated) < root.validating_quorum:
            self.problem(f"{key}: too few witnesses signed it")

    def check_older(self, data):
        """A checkpoint seen before must be a beginning of this log."""
        try:
            older = Checkpoint.parse(parse_note(data)[0])
        except Bad as error:
            self.problem(f"--checkpoint: {error}")
            return
        if older.origin != self.origin:
            self.problem("--checkpoint is of another registry")
        elif older.size > len(self.hashes):
            self.problem(f"rolled back from {older.size} to {len(self.hashes)} entries")
        elif root_of(self.hashes[:older.size]) != older.root:
            self.problem(f"fork: another history within the first {older.size} entries")

    # Entries (15)

    def replay(self, index, leaf):
        """Checks one entry against everything before it."""
        self.last = None
        entry, text, signatures = parse_entry(leaf)
        self.last = entry
        if isinstance(entry, MapLeaf):
            return self.replay_map(index, entry)
        if entry.origin != self.origin:
            raise Bad(f"it is of another registry: {entry.origin}")
        key = "@root" if isinstance(entry, Root) else entry.subject
        self.events.setdefault(key, []).append((index, leaf.decode()))
        chain = self.chains.get(key, bytes(32))
        self.chains[key] = extend(chain, index, self.hashes[index])
        if isinstance(entry, Root):
            self.replay_root(index, entry, text, signatures, leaf)
        elif not self.roots:
            raise Bad("it comes before the first root note")
        elif isinstance(entry, Owners):
            self.replay_owners(index, entry, text, signatures)
        elif isinstance(entry, Moderation):
            self.replay_moderation(entry, text, signatures)
        else:
            self.replay_statement(index, entry, text, signatures)
        return None

    def replay_root(self, index, note, text, signatures, leaf):
        if not self.roots:
            if index != 0 or note.seq != 1 or note.prev is not None:
                raise Bad("root note 1 is not the first entry")
            if digest(leaf) != self.fingerprint:
                raise Bad("it is not trust/root/1.note")
        else:
            before = self.roots[-1][1]
            self.check_follows(note, before, self.events["@root"])
            signed(text, signatures, before.keys, before.threshold, "the root before")
        signed(text, signatures, note.keys, note.threshold, "its root keys")
        self.roots.append((index, note))

    def check_follows(self, note, before, events):
        if note.seq != before.seq + 1:
            raise Bad(f"seq {note.seq} follows {before.seq}")
        if note.prev != digest(self.note_before(events)):
            raise Bad("prev is not the hash of the note before")

    def note_before(self, events):
        """The note before the newest of these events (statements left out)."""
        for _, text in reversed(events[:-1]):
            if not text.startswith(Statement.FIRST + Moderation.FIRST):
                return text.encode()
        raise Bad("there is no note before")

    def replay_owners(self, index, note, text, signatures):
        root = self.roots[-1][1]
        chain = self.owners.setdefault(note.subject, [])
        if not chain:
            if note.seq != 1 or note.prev is not None or note.override:
                raise Bad("the first ownership note must be a claim")
            if root.policy == "approve":
                signed(text, signatures, root.names, root.names_threshold, "names keys")
        else:
            before = chain[-1][1]
            self.check_follows(note, before, self.events[note.subject])
            if not note.keeps(before.revoked):
                raise Bad("it takes a revocation back")
            if note.override:
                if root.names_threshold == 0:
                    raise Bad("an override needs names keys")
                signed(text, signatures, root.names, root.names_threshold, "names keys")
            else:
                signed(text, signatures, before.admins, before.threshold, "old admins",
                       before.counting(index))
        signed(text, signatures, note.admins, note.threshold, "new admins",
               note.counting(index))
        chain.append((index, note))

    def replay_statement(self, index, statement, text, signatures):
        subject = owner_subject(statement.subject)
        chain = self.owners.get(subject)
        if not chain:
            raise Bad(f"nobody has claimed {subject}")
        owners = chain[-1][1]
        if statement.owners != owners.seq:
            raise Bad(f"owners {statement.owners}, but note {owners.seq} is in force")
        signers = self.signers(owners, statement, text, signatures)
        known = self.statements.setdefault(statement.subject, [])
        if text in self.said:
            raise Bad("it repeats an earlier statement")
        self.said.add(text)
        releases = {s.version for _, s, _ in known if s.kind == "publish"}
        if statement.kind == "publish" and statement.version in releases:
            raise Bad(f"{statement.subject} {statement.version} is published again")
        if statement.kind in ("yank", "unyank") and statement.version not in releases:
            raise Bad(f"{statement.subject} {statement.version} was not published")
        known.append((index, statement, signers))

    def signers(self, owners, statement, text, signatures):
        """The publishers who signed a statement (15.3)."""
        lines = owners.may_publish(statement.subject)
        signed = {key.bytes for key in signed_by(text, signatures, {key for key, _ in lines})}
        if not signed:
            raise Bad(f"no owner of {statement.subject} signed it")
        # Times have one form, so they compare as texts.
        keys = {}
        for key, end in lines:
            if key.bytes in signed and (end is None or end >= statement.time):
                keys.setdefault(key.bytes, key)
        needed = owners.publish_threshold if statement.kind == "publish" else 1
        if len(keys) < needed:
            raise Bad(f"{len(keys)} signatures of publishers that count, {needed} needed")
        keys = list(keys.values())
        # By notes of version 1, the one that is listed first is the signer.
        return Signers(keys if owners.is_second else keys[:1], needed)

    def replay_moderation(self, said, text, signatures):
        root = self.roots[-1][1]
        if not root.moderators:
            raise Bad("the registry has no moderators")
        signed(text, signatures, root.moderators, root.moderators_threshold, "moderators")
        known = self.moderations.setdefault(said.subject, [])
        if said.seq != len(known) + 1:
            raise Bad(f"statement {said.seq} of moderators follows {len(known)}")
        if said.kind == "unblock" and all(b.versions != said.versions for b in blocks(known)):
            raise Bad(f"nothing blocks {said.versions} of {said.subject}")
        known.append(said)

    def replay_map(self, index, entry):
        if entry.size != index + 1:
            raise Bad(f"a map leaf for size {entry.size}")
        # Only the changed part would be enough; a verifier can afford the whole.
        keys = frozenset(self.chains.items())
        if keys != getattr(self, "mapped", None):
            self.mapped, (self.map_root, self.nodes) = keys, map_nodes(self.chains)
        if entry.root != self.map_root:
            raise Bad("the map does not have this root")

    # Files (6, 17)

    def check_map(self):
        path = f"map/size/{self.checkpoint.size}"
        if self.read(path) != self.leaves[-1]:
            self.problem(f"{path} is not the last entry")
        for node, data in self.nodes.items():
            path = f"map/{node.hex()[:2]}/{node.hex()[2:]}"
            if self.source.get(path) != data:
                self.problem(f"{path} is missing or wrong")

    def check_events(self, path, name, key):
        """The events of one file, as far as the checkpoint goes; returns the file."""
        file = self.read_json(path)
        if file.get("name") != name:
            self.problem(f"{path}: the name is {file.get('name')}")
        found = [(e["i"], e["note"]) for e in file.get("events", [])]
        if found != sorted(found):
            self.problem(f"{path}: events are not sorted")
        public = [e for e in found if e[0] < self.checkpoint.size]
        if public != self.events.get(key, []):
            self.problem(f"{path}: not the events of the log")
        file["ahead"] = len(found) > len(public)
        return file

    def check_trust(self):
        self.check_events("trust/root/index.json", "@root", "@root")
        for number, (_, text) in enumerate(self.events.get("@root", []), 1):
            if self.read(f"trust/root/{number}.note") != text.encode():
                self.problem(f"trust/root/{number}.note is not the log's")
        for subject, chain in self.owners.items():
            if subject.startswith("@"):
                path = f"trust/names/{subject}/index.json"
                self.check_events(path, subject, subject)
            for index, note in chain:
                path = f"trust/names/{subject}/{note.seq}.note"
                if self.source.get(path) != self.leaves[index]:
                    self.problem(f"{path} is not the log's")

    def check_packages(self):
        names = set(self.statements) | set(self.moderations)
        names |= {subject for subject in self.owners if not subject.startswith("@")}
        self.latest = {}
        for name in sorted(names):
            try:
                self.check_package(name)
            except (Bad, KeyError, TypeError, AttributeError) as error:
                self.problem(f"{name}: {error or type(error).__name__}")

    def check_package(self, name):
        path = f"packages/{name}/index.json"
        file = self.check_events(path, name, name)
        chain = self.owners.get(owner_subject(name), [])
        owners = chain[-1][1] if chain else None
        events = self.statements.get(name, [])
        releases, statements = {}, {}
        for index, statement, _ in events:
            if statement.kind == "publish":
                version = statement.version
                statements[version] = statement
                releases[version] = self.check_release(name, version, index, statement)
        expected = derived_index(owners, events, self.moderations.get(name, []))
        self.latest[name] = expected["latest"]
        if file["ahead"]:
            return
        for field, value in expected.items():
            if file.get(field) != value:
                self.problem(f"{path}: `{field}` is {file.get(field)}, not {value}")
        self.check_summaries(path, file, statements, releases)
        self.check_added(path, file, expected, statements, releases)

    def check_added(self, path, file, index, statements, releases):
        """The fields that an index of version 0.1 lacks."""
        fields = (*SHOWN, "published_at", "about")
        if None in releases.values() or not any(field in file for field in fields):
            return
        times = {version: statement.time for version, statement in statements.items()}
        # A writer of version 0.1 adds versions and leaves these fields as they were.
        known = file.get("published_at", {})
        index = {**index, "versions": [v for v in index["versions"] if v in known]}
        releases = {version: release for version, release in releases.items() if version in known}
        expected = added(index, releases, times)
        for field in fields:
            if file.get(field) != expected.get(field):
                self.problem(f"{path}: `{field}` is not that of the releases")

    def check_summaries(self, path, file, statements, releases):
        """The summaries of an index against the releases that were signed (15.5)."""
        times = {version: statement.time for version, statement in statements.items()}
        found = lengthened(file.get("releases", {}), times)
        for version, release in releases.items():
            if release is None:
                continue
            summary = {"metadata": statements[version].metadata, **found.get(version, {})}
            expected = {**release, "metadata": statements[version].metadata}
            for key in (*FIELDS, "metadata"):
                if summary.get(key) != expected.get(key):
                    self.problem(f"{path}: {version} has another `{key}`")

    def check_release(self, name, version, index, statement):
        """`<version>.json`, its signature file and its artifacts (6.3, 7)."""
        path = f"signatures/{name}/{version}.sig.json"
        event = self.read_json(path)
        if event != {"i": index, "note": self.leaves[index].decode()}:
            self.problem(f"{path} is not the log's entry {index}")
        path = f"packages/{name}/{version}.json"
        data = self.read(path)
        if len(data) > MAX_RELEASE or len(data) != statement.size:
            self.problem(f"{path}: {len(data)} bytes, not {statement.size}")
        if digest(data) != statement.metadata:
            self.problem(f"{path}: the hash is not the signed one")
            return None
        release = strict_json(data)
        if (release["name"], release["version"]) != (name, version):
            self.problem(f"{path}: it is {release['name']} {release['version']}")
        for number, artifact in enumerate(release.get("artifacts", [])):
            self.check_artifact(f"{name} {version}", number, artifact, release)
        self.check_files(f"{name} {version}", release)
        return release

    def check_files(self, what, release):
        """The file list: that of the archive, and of no other (8.3)."""
        named = release.get("files")
        if not isinstance(named, dict):
            return
        try:
            value = named["hash"].removeprefix("sha256:")
            data = self.read(f"artifacts/sha256/{value[:2]}/{value[2:]}.files")
            if len(data) != named["size"] or digest(data) != named["hash"]:
                raise ValueError("it has another size or hash than the release says")
            files = parse_files(data)
            tar = release["artifacts"][0]
            if files.tar != (tar["hash"].removeprefix("sha256:"), tar["size"]):
                raise ValueError("it is the list of another archive")
            archive = self.read(tar["url"])
            if files_of(archive) != data:
                raise ValueError("it does not list what the archive has")
        except (KeyError, ValueError) as error:
            self.problem(f"{what}: the file list: {error}")

    def check_artifact(self, what, number, artifact, release):
        value = artifact["hash"].removeprefix("sha256:")
        address = f"artifacts/sha256/{value[:2]}/{value[2:]}.{artifact['kind']}"
        if artifact["url"] != address:
            self.problem(f"{what}: artifact {number} is not at its content address")
            return
        data = self.read(address)
        if len(data) != artifact["size"] or digest(data) != artifact["hash"]:
            self.problem(f"{what}: {address} is not what its name says")
            return
        if number == 0:
            if artifact["kind"] != "tar":
                self.problem(f"{what}: artifact 0 is no tar")
            self.check_manifest(what, data, release)

    def check_manifest(self, what, data, release):
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                names = {name.removeprefix("./"): name for name in tar.getnames()}
                manifest = tar.extractfile(names["lumen.toml"]).read()
            package = tomllib.loads(manifest.decode())["package"]
            found = (package["name"], package["version"])
        except (tarfile.TarError, KeyError, ValueError, AttributeError) as error:
            self.problem(f"{what}: the archive has no good lumen.toml: {error}")
            return
        if found != (release["name"], release["version"]):
            self.problem(f"{what}: the archive is {found[0]} {found[1]}")
        expected = (release.get("integrity") or {}).get("manifest_hash")
        if expected and digest(manifest) != expected:
            self.problem(f"{what}: lumen.toml is not the manifest of the release")

    def check_global_index(self):
        file = self.read_json("index.json")
        found = {entry["name"]: entry.get("latest") for entry in file["packages"]}
        if file.get("log", 0) > self.checkpoint.size:
            return
        for name, version in self.latest.items():
            if self.statements.get(name) and name not in found:
                self.problem(f"index.json: {name} is missing")
            elif name in found and found[name] != version:
                self.problem(f"index.json: {name} has the latest {found[name]}")

    def summary(self):
        count = sum(1 for events in self.statements.values()
                    for _, s, _ in events if s.kind == "publish")
        return (f"ok: {self.origin}, {self.checkpoint.size} entries, "
                f"{len(self.latest)} packages, {count} releases\n"
                f"fingerprint {self.fingerprint}")


def instant(text):
    """A time of a note as a datetime."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def signed_by(text, signatures, keys):
    """The keys that signed; a bad signature by a known key is an error (14.2)."""
    found = set()
    for name, key_id, signature in signatures:
        for key in keys:
            if (key.name, key.id) == (name, key_id):
                if not ed25519_verify(key.bytes, text.encode(), signature):
                    raise Bad(f"the signature by {key.name} is wrong")
                if key in found:
                    raise Bad(f"two signatures by {key.name}")
                found.add(key)
    return found


def signed(text, signatures, keys, threshold, who, counting=None):
    """Fails unless enough of these keys signed; all of them count, or only some."""
    found = signed_by(text, signatures, keys)
    count = len({key.bytes for key in found if counting is None or key in counting})
    if count < threshold:
        raise Bad(f"{count} signatures by {who}, {threshold} needed")


def cosigned(text, signatures, witnesses):
    """The times at which these witnesses cosigned a checkpoint."""
    times = {}
    for name, key_id, signature in signatures:
        for key in witnesses:
            if (key.name, key.id) != (name, key_id):
                continue
            time = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {time}\n{text}".encode()
            if not ed25519_verify(key.bytes, message, signature[8:]):
                raise Bad(f"the cosignature by {key.name} is wrong")
            times[key.bytes] = max(time, times.get(key.bytes, 0))
    return list(times.values())


if __name__ == "__main__":
    main()
