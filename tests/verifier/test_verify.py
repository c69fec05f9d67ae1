#!/usr/bin/env python3
"""Tests of the verifier: good registries pass, and every kind of damage is noticed."""

import base64
import json
import pathlib
import shutil
import sys
import tempfile
import unittest
from time import time as time_now

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import ed25519
import make_example
from file_list import files_of, head, parse_files
from formats import (
    Bad, Checkpoint, Root, bundle_path, covered, decode_bundle, digest, key_hash, parse_entry,
)
from verify import Folder, Verifier

EXAMPLE = pathlib.Path(__file__).parent / "example"


def problems(folder, fingerprint=None, older=None):
    verifier = Verifier(Folder(folder))
    verifier.run(fingerprint, older)
    return verifier.problems


def example_list():
    """The key of the file list of `my-utils` 1.1.0."""
    release = json.loads((EXAMPLE / "packages/my-utils/1.1.0.json").read_bytes())
    value = release["files"]["hash"].removeprefix("sha256:")
    return f"artifacts/sha256/{value[:2]}/{value[2:]}.files"


class Case(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name) / "registry"
        self.addCleanup(self.temporary.cleanup)

    def example(self):
        shutil.copytree(EXAMPLE, self.folder)
        return self.folder

    def edit(self, key, change):
        path = self.example() / key
        path.write_bytes(change(path.read_bytes()))

    def noticed(self, text, **options):
        found = problems(self.folder, **options)
        self.assertTrue(any(text in problem for problem in found), found)


class Good(Case):
    def test_the_example_is_good(self):
        self.assertEqual(problems(EXAMPLE), [])

    def test_the_example_is_what_the_script_makes(self):
        make_example.make(self.folder)

        def files(folder):
            return {path.relative_to(folder): path.read_bytes()
                    for path in folder.rglob("*") if path.is_file()}
        self.assertEqual(files(self.folder), files(EXAMPLE))

    def test_the_specification_shows_the_example(self):
        text = (EXAMPLE.parents[2] / "docs/registry-spec.md").read_text()
        for key in ("trust/root/1.note", "trust/names/@org/2.note", "map/size/2",
                    "log/checkpoint", example_list()):
            self.assertIn(f"```text\n{(EXAMPLE / key).read_text()}```", text)
        index = (EXAMPLE / "packages/my-utils/index.json").read_text()
        self.assertIn(index[index.index('"releases":'):index.index(',"events":')], text)
        tile = (EXAMPLE / "log/tile/0/000.p/2").read_bytes()
        self.assertIn(tile[:32].hex(), text)
        self.assertIn(tile[32:].hex(), text)

    def test_a_large_log_and_map(self):
        make_example.make(self.folder)
        registry = make_example.Registry(self.folder)
        leaves = (EXAMPLE / "log" / bundle_path(0, 17)).read_bytes()
        registry.leaves, registry.minute = decode_bundle(leaves), 40
        registry.packages = {name: json.loads(
            (self.folder / f"packages/{name}/index.json").read_bytes())
            for name in ("my-utils", "@org/http")}
        for name, file in registry.packages.items():
            for version in file["versions"]:
                data = (self.folder / f"packages/{name}/{version}.json").read_bytes()
                registry.releases[name, version] = json.loads(data), data
        claims = [registry.claim(f"name{n}", [make_example.ADA]) for n in range(300)]
        registry.append(*claims)
        self.assertEqual(problems(self.folder), [])
        self.assertTrue((self.folder / "log/tile/0/000").exists())

    def test_a_log_that_has_grown(self):
        older = make_example.note(
            [make_example.ORIGIN, "0", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],
            make_example.LOG)
        self.assertEqual(problems(EXAMPLE, older=older.encode()), [])

    def test_without_the_package_cryptography(self):
        found, ed25519.Ed25519PublicKey = ed25519.Ed25519PublicKey, None
        try:
            self.assertEqual(problems(EXAMPLE), [])
        finally:
            ed25519.Ed25519PublicKey = found


class Damaged(Case):
    def test_a_release(self):
        self.edit("packages/my-utils/1.0.0.json", lambda d: d.replace(b"MIT", b"MPL"))
        self.noticed("the hash is not the signed one")

    def test_an_artifact(self):
        path = next((EXAMPLE / "artifacts").rglob("*.tar")).relative_to(EXAMPLE)
        self.edit(path, lambda d: d[:-1] + b"x")
        self.noticed("is not what its name says")

    def test_a_file_list(self):
        self.edit(example_list(), lambda d: d.replace(b" 644 ", b" 755 ", 1))
        self.noticed("another size or hash than the release says")

    def test_a_signed_list_of_other_files(self):
        """A publisher lists something else than the archive has."""
        good = make_example.files_of
        self.addCleanup(setattr, make_example, "files_of", good)
        for before, after, text in (
                ("src/main.lm.md", "src/other.lm", "does not list what the archive has"),
                ("644 512 ", "755 512 ", "does not list what the archive has"),
                ("644 1536 ", "644 512 ", "src/main.lm.md cannot be there"),
                ("tar ", "tar 0", "is no file list"),
                ("v1", "v2", "is no file list")):
            with self.subTest(after):
                make_example.files_of = lambda tar: good(tar).replace(
                    before.encode(), after.encode(), 1)
                shutil.rmtree(self.folder, ignore_errors=True)
                make_example.make(self.folder)
                self.noticed(text)

    def test_a_list_of_any_archive(self):
        files = {"a": b"", "b": b"x" * 512, "c/" + "d" * 120 + "/e": b"1", "f" * 130: b"2"}
        paths = sorted(files)
        tar = b"".join(head(path, len(files[path]), 0o644) + files[path]
                       + bytes(-len(files[path]) % 512) for path in paths) + bytes(1024)
        listed = parse_files(files_of(tar)).files
        self.assertEqual([file.path for file in listed], paths)
        for file in listed:
            self.assertEqual(tar[file.offset:file.offset + file.size], files[file.path])
        for other in (tar[:-1], tar + bytes(512), tar.replace(b"0000644", b"0000600", 1)):
            with self.assertRaises((ValueError, IndexError)):
                files_of(other)

    def test_a_summary(self):
        self.edit("packages/my-utils/index.json",
                  lambda d: d.replace(b'"license":"MIT"', b'"license":"MPL"'))
        # The other one has its license from there.
        self.noticed("1.1.0 has another `license`")

    def test_summaries_of_the_older_form_are_good(self):
        def lengthen(data):
            file = json.loads(data)
            for version in file["releases"]:
                data = (EXAMPLE / f"packages/my-utils/{version}.json").read_bytes()
                fields = {**json.loads(data), "metadata": digest(data)}
                del fields["name"], fields["version"]
                file["releases"][version] = fields
            return json.dumps(file).encode()
        self.edit("packages/my-utils/index.json", lengthen)
        self.assertEqual(problems(self.folder), [])
        path = self.folder / "packages/my-utils/index.json"
        path.write_bytes(path.read_bytes().replace(b'"metadata": "sha256:', b'"metadata": "'))
        self.noticed("another `metadata`")

    def test_a_withheld_yank(self):
        def forget(data):
            file = json.loads(data)
            file["events"] = file["events"][:-1]
            file["yanked"] = {}
            return json.dumps(file).encode()
        self.edit("packages/my-utils/index.json", forget)
        self.noticed("not the events of the log")

    def test_an_index_that_lies_about_yanks(self):
        self.edit("packages/my-utils/index.json",
                  lambda d: d.replace(b'"yanked":{"1.0.0"', b'"yanked":{"1.1.0"'))
        self.noticed("`yanked` is")

    def test_an_index_that_lies_about_dependencies(self):
        self.edit("packages/@org/http/index.json",
                  lambda d: d.replace(b"^1.0", b"^2.0"))
        self.noticed("another `deps`")

    def test_a_tile(self):
        self.edit("log/tile/0/000.p/17", lambda d: bytes(32) + d[32:])
        self.noticed("log/tile/0/000.p/17 is wrong")

    def test_an_entry(self):
        self.edit("log/tile/entries/000.p/17",
                  lambda d: d.replace(b"rounds", b"sounds"))
        self.noticed("do not have the root")

    def test_a_map_node(self):
        self.example()
        for path in self.folder.glob("map/??/*"):
            path.unlink()
        self.noticed("is missing or wrong")

    def test_another_root(self):
        self.example()
        self.noticed("trust/root/1.note is", fingerprint="sha256:" + "0" * 64)

    def test_a_checkpoint_by_another_key(self):
        def sign_again(data):
            text = data.decode().split("\n\n")[0]
            signer = make_example.Signer("mallory", make_example.ORIGIN)
            return make_example.note(text.split("\n"), signer).encode()
        self.edit("log/checkpoint", sign_again)
        self.noticed("no log key of the current root")

    def test_a_bad_signature_of_a_checkpoint(self):
        self.edit("log/checkpoint", lambda d: d[:-10] + b"AAAAAAAA=\n")
        self.assertNotEqual(problems(self.folder), [])

    def test_a_rollback_and_a_fork(self):
        newer = make_example.note([make_example.ORIGIN, "99", "A" * 43 + "="],
                                  make_example.LOG)
        other = make_example.note([make_example.ORIGIN, "17", "A" * 43 + "="],
                                  make_example.LOG)
        self.example()
        self.noticed("rolled back from 99 to 17", older=newer.encode())
        self.noticed("fork", older=other.encode())


class Rules(Case):
    """Root notes with more than one key to look at."""

    def start(self, **lines):
        self.registry = make_example.Registry(self.folder)
        text = make_example.root_lines(**lines)
        self.root = make_example.note(text, make_example.ROOT)
        self.registry.append(self.root)
        return self.registry

    def test_claims_need_approval_where_the_root_says_so(self):
        bob, ada = make_example.BOB, make_example.ADA
        registry = self.start(names=("names approve 1", f"name {bob}"))
        registry.append(registry.claim("good", [ada], signers=[ada, bob]))
        self.assertEqual(problems(self.folder), [])
        registry.append(registry.claim("bad", [ada]))
        self.noticed("entry 4: 0 signatures by names keys, 1 needed")

    def test_an_override_needs_names_keys(self):
        bob, ada = make_example.BOB, make_example.ADA
        registry = self.start(names=("names open 1", f"name {bob}"))
        first = registry.claim("name", [ada])
        registry.append(first)
        change = {"admin": bob, "seq": 2, "prev": digest(first.encode())}
        registry.append(registry.claim("name", [bob], override=["override"], **change))
        self.assertEqual(problems(self.folder), [])

    def test_a_change_without_the_old_admins(self):
        registry = self.start()
        first = registry.claim("name", [make_example.ADA])
        registry.append(first)
        change = {"admin": make_example.BOB, "seq": 2, "prev": digest(first.encode())}
        registry.append(registry.claim("name", [make_example.BOB], **change))
        self.noticed("entry 4: 0 signatures by old admins, 1 needed")

    def test_a_root_that_expired(self):
        self.start(expires="2026-02-01T00:00:00Z")
        registry = self.registry
        self.noticed("expired at 2026-02-01T00:00:00Z")
        registry.append(make_example.note(make_example.root_lines(
            seq=2, prev=digest(self.root.encode())), make_example.ROOT))
        self.assertEqual(problems(self.folder), [])

    def test_a_root_by_another_key(self):
        registry = self.start()
        registry.append(make_example.note(make_example.root_lines(
            seq=2, prev=digest(self.root.encode())), make_example.BOB))
        self.noticed("signatures by the root before, 1 needed")

    def witness(self):
        """The key hash and the vkey of bob as a witness."""
        public = b"\x04" + make_example.BOB.bytes
        name = key_hash("bob", public)
        return name, f"bob+{name.hex()}+{base64.b64encode(public).decode()}"

    def test_validating_witnesses(self):
        _, vkey = self.witness()
        public = b"\x04" + make_example.ADA.bytes
        own = f"ada+{key_hash('ada', public).hex()}+{base64.b64encode(public).decode()}"
        rules = ("witness-quorum 1", "validating-quorum 1", f"validator {vkey}",
                 "max-age none")
        self.start(witnesses=rules, version=2)
        self.noticed("0 of 1 witnesses")
        self.noticed("0 of 1 validating witnesses")
        both = (rules[0], f"witness {vkey}", *rules[1:])
        insider = (*rules[:2], f"validator {own}", rules[3])
        for wrong in (rules[:1] + rules[3:], both, insider):
            lines = make_example.root_lines(witnesses=wrong, version=2)
            with self.assertRaises(Bad):
                Root.parse("".join(line + "\n" for line in lines))

    def moderated(self):
        """A registry with a moderator and a block of a name that nobody has claimed."""
        registry = self.start()
        registry.append(make_example.moderated_root(digest(self.root.encode())))
        more = ("severity critical", "advisory EXAMPLE-2026-1")
        registry.append(make_example.moderation("block", more=more))
        return registry

    def test_moderators(self):
        registry = self.moderated()
        self.assertEqual(problems(self.folder), [])
        path = self.folder / "packages/my-utils/index.json"
        self.assertEqual(json.loads(path.read_bytes())["blocked"], [{
            "versions": "<1.1.0", "reason": "sends the keys of users to a stranger",
            "severity": "critical", "advisory": "EXAMPLE-2026-1", "at": "2026-01-31T10:40:00Z"}])
        registry.append(make_example.moderation("unblock", seq=2))
        self.assertEqual(problems(self.folder), [])
        path.write_bytes(path.read_bytes().replace(b'"events":', b'"blocked":[],"events":'))
        self.noticed("`blocked` is []")

    def test_moderators_are_those_of_the_root(self):
        registry = self.moderated()
        registry.append(make_example.moderation("block", seq=2, signer=make_example.ADA))
        self.noticed("signatures by moderators, 1 needed")

    def test_no_moderators(self):
        self.start().append(make_example.moderation("block"))
        self.noticed("the registry has no moderators")

    def test_moderation_in_order(self):
        for wrong, words in ((("unblock", 2, "all"), "nothing blocks all"),
                             (("block", 1, "all"), "statement 1 of moderators follows 1"),
                             (("block", 3, "all"), "statement 3 of moderators follows 1")):
            shutil.rmtree(self.folder, ignore_errors=True)
            kind, seq, versions = wrong
            self.moderated().append(make_example.moderation(kind, seq=seq, versions=versions))
            self.noticed(words)

    def test_the_specification_shows_a_block(self):
        text = (EXAMPLE.parents[2] / "docs/registry-spec.md").read_text()
        more = ("severity critical", "advisory EXAMPLE-2026-1")
        fingerprint = digest((EXAMPLE / "trust/root/1.note").read_bytes())
        for shown in (make_example.moderation("block", more=more),
                      make_example.moderated_root(fingerprint)):
            self.assertIn(f"```text\n{shown}```", text)

    def test_what_is_covered(self):
        versions = ["0.0.3", "0.2.9", "1.0.0-rc.1", "1.0.0", "1.2.3-rc.1", "1.2.3", "2.0.0"]
        for text, good in (("all", versions), ("<1.2.3", versions[:5]),
                           (">=1.0.0 <1.2.3", versions[3:5]), ("^1.0.0", versions[3:6]),
                           ("~1.2.0", versions[4:6]), ("^0.2.0", ["0.2.9"]),
                           ("^0.0.3", ["0.0.3"]), ("1.0.0-rc.1", ["1.0.0-rc.1"]),
                           ("<0.1.0 || >1.2.3", ["0.0.3", "2.0.0"])):
            covers = covered(text)
            self.assertEqual([v for v in versions if covers(v)], good, text)
        for text in ("1", "^1.2", "*", "<1.2.3, >1.0.0", ""):
            self.assertRaises(Bad, covered, text)

    def test_witnesses(self):
        bob, ada = make_example.BOB, make_example.ADA

        def key_of(name, witness):
            public = b"\x04" + witness.bytes
            key_id = key_hash(name, public)
            return key_id, f"{name}+{key_id.hex()}+{base64.b64encode(public).decode()}"
        witnesses = [(name, *key_of(name, key), key) for name, key in
                     (("bob", bob), ("ada", ada))]
        self.start(witnesses=("witness-quorum 2",
                              *(f"witness {vkey}" for _, _, vkey, _ in witnesses),
                              "max-age 3600"))
        path = self.folder / "log/checkpoint"
        checkpoint = path.read_text()
        self.noticed("0 of 2 witnesses")
        now, long_ago = int(time_now()), 1700000000
        for times, problem in (
                ((now, now), None),
                # One that is fresh does not make up for one that is not.
                ((now, long_ago), "1 of 2 witnesses saw it within max-age"),
                ((long_ago, long_ago), "0 of 2 witnesses saw it within max-age")):
            text = checkpoint.split("\n\n")[0] + "\n"
            lines = ""
            for time, (name, key_id, _, key) in zip(times, witnesses):
                message = f"cosignature/v1\ntime {time}\n{text}".encode()
                signature = time.to_bytes(8, "big") + ed25519.sign(key.seed, message)
                line = base64.b64encode(key_id + signature).decode()
                lines += f"\u2014 {name} {line}\n"
            path.write_text(checkpoint + lines)
            if problem:
                self.noticed(problem)
            else:
                self.assertEqual(problems(self.folder), [])

    def test_numbers_are_below_2_to_63(self):
        for size in ("9223372036854775808", "18446744073709551615"):
            with self.assertRaises(Bad):
                Checkpoint.parse(f"o\n{size}\n{base64.b64encode(bytes(32)).decode()}\n")


class WrongEntries(Case):
    """Entries that a writer with the log key should have refused."""

    def start(self):
        """A registry in which ada owns my-utils, without a release."""
        self.registry = make_example.Registry(self.folder)
        ada = make_example.ADA
        root = (EXAMPLE / "trust/root/1.note").read_text()
        self.registry.append(root)
        self.claim = self.registry.claim("my-utils", [ada])
        self.registry.append(self.claim)
        return self.registry

    def test_a_stranger_publishes(self):
        registry = self.start()
        registry.append(
            registry.release("my-utils", "1.0.0", "", {}, 1, make_example.BOB))
        self.noticed("entry 4: no owner of my-utils signed it")

    def test_a_version_is_published_twice(self):
        registry = self.start()
        for _ in range(2):
            registry.append(
                registry.release("my-utils", "1.0.0", "", {}, 1, make_example.ADA))
        self.noticed("my-utils 1.0.0 is published again")

    def test_a_name_without_an_owner(self):
        registry = self.start()
        registry.append(registry.release("other", "1.0.0", "", {}, 1, make_example.ADA))
        self.noticed("nobody has claimed other")

    def test_an_old_yank_is_used_again(self):
        registry, ada = self.start(), make_example.ADA
        registry.append(registry.release("my-utils", "1.0.0", "", {}, 1, ada))
        lines = [f"registry {make_example.ORIGIN}", "package my-utils", "version 1.0.0",
                 "owners 1", f"time {registry.now()}", "reason "]
        yank = make_example.note(["lumen/yank/v1", *lines], ada)
        registry.append(yank)
        registry.append(make_example.note(["lumen/unyank/v1", *lines], ada))
        self.assertEqual(problems(self.folder), [])
        registry.append(yank)
        self.noticed("entry 10: it repeats an earlier statement")

    def test_a_second_claim(self):
        registry = self.start()
        registry.append(registry.claim("my-utils", [make_example.ADA]))
        self.noticed("seq 1 follows 1")

    def test_a_revoked_admin_does_not_count(self):
        registry = self.start()
        ada, bob = make_example.ADA, make_example.BOB
        keys = [f"admin {bob}", f"publish {ada}", f"revoke {bob} from 5"]
        lines = ["lumen/owners/v1", f"registry {make_example.ORIGIN}", "name my-utils"]
        second = make_example.note(
            [*lines, "seq 2", f"prev {digest(self.claim.encode())}",
             f"time {registry.now()}", "admin-threshold 1", f"admin {ada}", *keys],
            ada)
        registry.append(second)
        self.assertEqual(problems(self.folder), [])
        third = [*lines, "seq 3", f"prev {digest(second.encode())}",
                 f"time {registry.now()}", "admin-threshold 1", f"admin {ada}", *keys]
        registry.append(make_example.note(third, bob))
        self.noticed("entry 6: 0 signatures by old admins, 1 needed")

    def shared(self, threshold, publishers, **more):
        """`my-utils` with other publishers: the registry, and the bytes of its new note."""
        registry = self.start()
        second = registry.claim("my-utils", publishers, seq=2, threshold=threshold,
                                prev=digest(self.claim.encode()), **more)
        registry.append(second)
        return registry, second

    def test_a_threshold_of_publishers(self):
        ada, bob = make_example.ADA, make_example.BOB
        registry, second = self.shared(2, [ada, bob])
        registry.append(registry.release("my-utils", "1.0.0", "", {}, 2, [ada, bob]))
        self.assertEqual(problems(self.folder), [])
        # A second signer who is revoked does not count.
        registry.append(registry.claim("my-utils", [ada, bob], seq=3, threshold=2,
                                       prev=digest(second.encode()), revoked=[(bob, 5)]))
        file = json.loads((self.folder / "packages/my-utils/index.json").read_bytes())
        self.assertEqual(file["latest"], None)
        self.assertEqual(problems(self.folder), [])

    def test_one_publisher_of_two(self):
        ada, bob = make_example.ADA, make_example.BOB
        registry, _ = self.shared(2, [ada, bob])
        registry.append(registry.release("my-utils", "1.0.0", "", {}, 2, bob))
        self.noticed("1 signatures of publishers that count, 2 needed")

    def test_a_publisher_with_an_end(self):
        ada, bob = make_example.ADA, make_example.BOB
        registry, _ = self.shared(1, [ada, f"{bob} until 2999-01-01T00:00:00Z"])
        registry.append(registry.release("my-utils", "1.0.0", "", {}, 2, bob))
        self.assertEqual(problems(self.folder), [])

    def test_a_publisher_whose_end_is_over(self):
        ada, bob = make_example.ADA, make_example.BOB
        registry, _ = self.shared(1, [ada, f"{bob} until 2000-01-01T00:00:00Z"])
        registry.append(registry.release("my-utils", "1.0.0", "", {}, 2, bob))
        self.noticed("0 signatures of publishers that count, 1 needed")

    def test_forms_of_version_2(self):
        ada, bob = make_example.ADA, make_example.BOB
        registry, end = self.start(), f"{bob} until 2999-01-01T00:00:00Z"
        for threshold, publishers, message in [
                (1, [ada], "version 2 of a note that version 1 could say"),
                (3, [ada, bob], "a threshold of 3 with 2 keys"),
                (2, [ada, f"{bob} until tomorrow"], "no time: 'tomorrow'"),
                (2, [ada, bob, end], "bob publishes twice"),
                (None, [ada, end], "no publisher"),
        ]:
            text = registry.claim("my-utils", publishers, threshold=threshold)
            with self.subTest(message), self.assertRaisesRegex(Bad, message):
                parse_entry(text.encode())

    def test_a_revoked_key_publishes_nothing_that_counts(self):
        registry = self.start()
        ada, bob = make_example.ADA, make_example.BOB
        registry.append(registry.claim("my-utils", [ada, bob], seq=2,
                                       prev=digest(self.claim.encode()),
                                       revoked=[(bob, 5)]))
        registry.append(registry.release("my-utils", "1.0.0", "", {}, 2, bob))
        file = json.loads((self.folder / "packages/my-utils/index.json").read_bytes())
        self.assertEqual(file["latest"], None)
        self.assertEqual(problems(self.folder), [])


if __name__ == "__main__":
    unittest.main()
