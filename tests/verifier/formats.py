"""The bytes of a signed registry: notes, the log and the map (14 to 17)."""

import base64
import binascii
import bisect
import hashlib
import json
import re
from datetime import datetime

from ed25519 import is_usable_key

CONTROL = r"[\x00-\x1f\x7f-\x9f]"
MAX_LEAF = 65535
MAX_NOTE = 1 << 20
MAX_SIGNATURES = 100


class Bad(Exception):
    """What is wrong with some bytes."""


def sha256(data):
    return hashlib.sha256(data).digest()


def digest(data):
    """`sha256:` and the hash in hexadecimal."""
    return "sha256:" + sha256(data).hex()


def base64_bytes(text):
    """Standard base64 with padding, in its only form."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Bad(f"no base64: {text!r}") from None
    if base64.b64encode(data).decode() != text:
        raise Bad(f"no canonical base64: {text!r}")
    return data


NAME_PART = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?")
DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
RESERVED = ("index", "node_modules", "src")


def package_name(text):
    """The name of a package, by the rules of section 2."""
    scope, slash, bare = text[1:].partition("/") if text.startswith("@") else ("", "", text)
    if text.startswith("@") and not slash:
        raise Bad(f"a scope is not a name: {text!r}")
    for part in [scope, bare] if slash else [bare]:
        if not NAME_PART.fullmatch(part) or ".." in part or DEVICE.fullmatch(part):
            raise Bad(f"not a package name: {text!r}")
    first = scope or bare
    if re.sub("[-.]", "_", first) in RESERVED or (slash and first == "root"):
        raise Bad(f"a reserved name: {text!r}")
    return text


def strict_json(data):
    """An object, by the rules of section 5."""
    def unique(pairs):
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise ValueError("a key appears twice")
        return fields

    def integer(text):
        if abs(int(text)) >= 1 << 53:
            raise ValueError("an integer of 2^53 or more")
        return int(text)

    try:
        value = json.loads(data.decode(), object_pairs_hook=unique, parse_int=integer)
    except ValueError as error:
        raise Bad(f"no strict JSON: {error}") from None
    if not isinstance(value, dict):
        raise Bad("no JSON object")
    return value


# Keys and notes (14)

def key_hash(name, material):
    """The id of a key."""
    return sha256(name.encode() + b"\n" + material)[:4]


class Key:
    """A verifier key (vkey)."""

    def __init__(self, text, kind=1):
        try:
            name, key_id, material = text.split("+", 2)
        except ValueError:
            raise Bad(f"no key: {text!r}") from None
        data = base64_bytes(material)
        if len(data) != 33 or data[0] != kind:
            raise Bad(f"a key of another type: {text!r}")
        if not 1 <= len(name.encode()) <= 200 or re.search(rf"\s|{CONTROL}", name):
            raise Bad(f"a bad key name: {name!r}")
        self.name, self.bytes = name, data[1:]
        if not is_usable_key(self.bytes):
            raise Bad(f"not a usable Ed25519 key: {text!r}")
        self.id = key_hash(name, data)
        if key_id != self.id.hex():
            raise Bad(f"the id of the key {name} is {self.id.hex()}, not {key_id}")

    def __eq__(self, other):
        return (self.name, self.bytes) == (other.name, other.bytes)

    def __hash__(self):
        return hash((self.name, self.bytes))


def parse_note(data, limit=MAX_SIGNATURES):
    """The text of a signed note, and (name, id, signature) of each signature line."""
    if len(data) > MAX_NOTE:
        raise Bad("a note of more than 1 MiB")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Bad("a note that is not UTF-8") from None
    if re.search(r"[\x00-\x09\x0b-\x1f]", text):
        raise Bad("a note with control characters")
    at = text.rfind("\n\n")
    if at < 0 or not text.endswith("\n"):
        raise Bad("a note without signatures")
    lines = text[at + 2:].split("\n")[:-1]
    if not 1 <= len(lines) <= limit:
        raise Bad(f"a note with {len(lines)} signatures")
    signatures = []
    for line in lines:
        match = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        data = base64_bytes(match[2]) if match else b""
        if len(data) < 5:
            raise Bad(f"a bad signature line: {line!r}")
        signatures.append((match[1], data[:4], data[4:]))
    return text[:at + 1], signatures


class Lines:
    """Reads `key value` lines in their order."""

    def __init__(self, text):
        self.lines = text.split("\n")[:-1]
        self.at = 0

    def literal(self, text):
        if self.lines[self.at:self.at + 1] != [text]:
            raise Bad(f"no line `{text}`")
        self.at += 1

    def flag(self, text):
        found = self.lines[self.at:self.at + 1] == [text]
        self.at += found
        return found

    def optional(self, key):
        if self.at < len(self.lines) and self.lines[self.at].startswith(key + " "):
            self.at += 1
            return self.lines[self.at - 1][len(key) + 1:]
        return None

    def is_next(self, key):
        return self.at < len(self.lines) and self.lines[self.at].startswith(key + " ")

    def one(self, key):
        value = self.optional(key)
        if value is None:
            raise Bad(f"no line `{key}` where it belongs")
        return value

    def many(self, key, least, most):
        values = []
        while (value := self.optional(key)) is not None:
            values.append(value)
        if not least <= len(values) <= most:
            raise Bad(f"{len(values)} lines `{key}`")
        if len(set(values)) != len(values):
            raise Bad(f"a line `{key}` appears twice")
        return values

    def number(self, key, least=0, most=(1 << 63) - 1):
        return number(self.one(key), least, most)

    def time(self, key):
        return time(self.one(key))

    def end(self):
        if self.at != len(self.lines):
            raise Bad(f"a line that does not belong here: {self.lines[self.at]!r}")


def number(text, least=0, most=(1 << 63) - 1):
    if not re.fullmatch(r"0|[1-9][0-9]{0,19}", text) or not least <= int(text) <= most:
        raise Bad(f"no good number: {text!r}")
    return int(text)


def time(text):
    try:
        if len(text) != 20:
            raise ValueError
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        raise Bad(f"no time: {text!r}") from None
    return text


def hash_text(text):
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise Bad(f"no digest: {text!r}")
    return text


def origin_text(text):
    if not re.fullmatch(r"[!-*,-~]{1,200}", text):
        raise Bad(f"no origin: {text!r}")
    return text


def previous(seq, text):
    if (text == "none") != (seq == 1):
        raise Bad(f"seq {seq} with prev {text}")
    return None if text == "none" else hash_text(text)


def threshold(value, keys, least=1):
    if not least <= value <= len({key.bytes for key in keys}):
        raise Bad(f"a threshold of {value} with {len(keys)} keys")
    return value


# Entries (15)

class Root:
    FIRST = "lumen/root/v1"
    SECOND = "lumen/root/v2"
    THIRD = "lumen/root/v3"

    @classmethod
    def parse(cls, text):
        self, lines = cls(), Lines(text)
        first = text.split("\n", 1)[0]
        lines.literal(first if first in (cls.SECOND, cls.THIRD) else cls.FIRST)
        self.origin = origin_text(lines.one("registry"))
        self.seq = lines.number("seq", 1)
        self.prev = previous(self.seq, lines.one("prev"))
        self.time = lines.time("time")
        expires = lines.one("expires")
        self.expires = expires if expires == "never" else time(expires)
        self.threshold = lines.number("root-threshold", 1)
        self.keys = [Key(v) for v in lines.many("root", 1, 64)]
        threshold(self.threshold, self.keys)
        self.log = [Key(v) for v in lines.many("log", 1, 64)]
        if any(key.name != self.origin for key in self.log):
            raise Bad("a log key whose name is not the origin")
        self.policy, _, count = lines.one("names").partition(" ")
        if self.policy not in ("open", "approve"):
            raise Bad(f"no policy of names: {self.policy!r}")
        self.names = [Key(v) for v in lines.many("name", 0, 64)]
        self.names_threshold = number(count)
        if self.policy != "open" or self.names:
            threshold(self.names_threshold, self.names)
        elif self.names_threshold != 0:
            raise Bad("a threshold of names without keys")
        self.moderators_threshold, self.moderators = 0, []
        if first == cls.THIRD:
            self.moderators_threshold = lines.number("moderator-threshold", 1)
            self.moderators = [Key(v) for v in lines.many("moderator", 1, 64)]
            if len({key.bytes for key in self.moderators}) != len(self.moderators):
                raise Bad("a moderator is listed twice")
            threshold(self.moderators_threshold, self.moderators)
        self.quorum = lines.number("witness-quorum")
        self.witnesses = [Key(v, 4) for v in lines.many("witness", 0, 64)]
        self.validating_quorum, self.validators = 0, []
        if first == cls.SECOND or first == cls.THIRD and lines.is_next("validating-quorum"):
            self.validating_quorum = lines.number("validating-quorum")
            self.validators = [Key(v, 4) for v in lines.many("validator", 1, 64)]
            threshold(self.validating_quorum, self.validators, 0)
            every = [key.bytes for key in self.witnesses + self.validators]
            if len(set(every)) != len(every):
                raise Bad("a witness is listed twice")
            own = {key.bytes for key in self.keys + self.log}
            if any(key.bytes in own for key in self.validators):
                raise Bad("a validating witness with a root key or a log key")
        threshold(self.quorum, self.witnesses + self.validators, 0)
        age = lines.one("max-age")
        self.max_age = None if age == "none" else number(age)
        if self.max_age is not None and self.quorum == self.validating_quorum == 0:
            raise Bad("a max-age without witnesses")
        lines.end()
        return self


class Owners:
    FIRST = "lumen/owners/v1"
    SECOND = "lumen/owners/v2"

    @classmethod
    def parse(cls, text):
        self, lines = cls(), Lines(text)
        self.is_second = text.startswith(cls.SECOND + "\n")
        lines.literal(cls.SECOND if self.is_second else cls.FIRST)
        self.origin = origin_text(lines.one("registry"))
        self.subject = lines.one("name")
        if "/" in self.subject:
            raise Bad(f"neither a scope nor a name without one: {self.subject!r}")
        package_name(f"{self.subject}/x" if self.subject.startswith("@") else self.subject)
        self.seq = lines.number("seq", 1)
        self.prev = previous(self.seq, lines.one("prev"))
        self.time = lines.time("time")
        self.override = lines.flag("override")
        self.threshold = lines.number("admin-threshold", 1)
        self.admins = [Key(v) for v in lines.many("admin", 1, 64)]
        threshold(self.threshold, self.admins)
        self.publish_threshold = lines.number("publish-threshold", 1) if self.is_second else 1
        self.publishers = []
        until = r"(?: until (\S+))?" if self.is_second else "()"
        for value in lines.many("publish", 0, 256):
            match = re.fullmatch(rf"(\S+)(?: only (\S+))?{until}", value)
            if not match:
                raise Bad(f"no publisher: {value!r}")
            key, only, end = Key(match[1]), match[2], match[3] or None
            if only and owner_subject(only) != self.subject:
                raise Bad(f"{only} does not belong to {self.subject}")
            if any((key, only) == other[:2] for other in self.publishers):
                raise Bad(f"{key.name} publishes twice")
            self.publishers.append((key, only, end and time(end)))
        if self.is_second:
            threshold(self.publish_threshold, [key for key, _, _ in self.publishers])
            if self.publish_threshold == 1 and not any(end for _, _, end in self.publishers):
                raise Bad("version 2 of a note that version 1 could say")
        self.revoked = {}
        for value in lines.many("revoke", 0, 1024):
            key, _, start = value.partition(" ")
            if not start.startswith("from "):
                raise Bad(f"no revocation: {value!r}")
            key = Key(key)
            if key in self.revoked:
                raise Bad(f"{key.name} is revoked twice")
            self.revoked[key] = number(start[5:])
        lines.end()
        return self

    def may_publish(self, package):
        """The keys that may sign statements about a package, in the note's order, some until
        an end."""
        return [(key, end) for key, only, end in self.publishers if only in (None, package)]

    def keeps(self, revoked):
        """Whether everything that was revoked before still is."""
        return all(key in self.revoked and self.revoked[key] <= start
                   for key, start in revoked.items())

    def is_revoked(self, key, index):
        """Whether what this key signed at this index is void."""
        return any(other.bytes == key.bytes and start <= index
                   for other, start in self.revoked.items())

    def counting(self, index):
        """The admins whose signatures at this index count (15.2)."""
        return [key for key in self.admins if not self.is_revoked(key, index)]


class Signers:
    """The different publishers who signed a statement, and how many have to count (15.3)."""

    def __init__(self, keys, needed):
        self.keys, self.needed = keys, needed

    def is_void(self, owners, index):
        """Whether too few are left without those that are revoked (15.4)."""
        count = sum(1 for key in self.keys if not owners.is_revoked(key, index))
        return count < self.needed


class Statement:
    FIRST = ("lumen/publish/v1\n", "lumen/yank/v1\n", "lumen/unyank/v1\n",
             "lumen/deprecate/v1\n", "lumen/undeprecate/v1\n")

    @classmethod
    def parse(cls, text):
        self, lines = cls(), Lines(text)
        self.kind = text.split("/")[1]
        lines.literal(f"lumen/{self.kind}/v1")
        self.origin = origin_text(lines.one("registry"))
        self.subject = package_name(lines.one("package"))
        self.version = self.reason = self.replacement = None
        if self.kind in ("publish", "yank", "unyank"):
            self.version = lines.one("version")
        if self.kind == "publish":
            self.metadata, _, size = lines.one("metadata").partition(" ")
            hash_text(self.metadata)
            self.size = number(size, 0, 1 << 20)
        self.owners = lines.number("owners", 1)
        self.time = lines.time("time")
        if self.kind == "deprecate":
            self.replacement = lines.optional("replacement")
        if self.kind != "publish":
            self.reason = lines.one("reason")
            if len(self.reason.encode()) > 1000 or re.search(CONTROL, self.reason):
                raise Bad("a reason with control characters or too many bytes")
        lines.end()
        return self


class Moderation:
    FIRST = ("lumen/block/v1\n", "lumen/quarantine/v1\n", "lumen/unblock/v1\n")

    @classmethod
    def parse(cls, text):
        self, lines = cls(), Lines(text)
        self.kind = text.split("/")[1]
        lines.literal(f"lumen/{self.kind}/v1")
        self.origin = origin_text(lines.one("registry"))
        self.subject = package_name(lines.one("package"))
        self.seq = lines.number("seq", 1)
        self.versions = lines.one("versions")
        self.covers = covered(self.versions)
        self.until = lines.time("until") if self.kind == "quarantine" else None
        self.severity = self.advisory = None
        if self.kind != "unblock":
            self.severity = lines.optional("severity")
            if self.severity not in (None, "low", "moderate", "high", "critical"):
                raise Bad(f"no severity: {self.severity!r}")
            self.advisory = lines.optional("advisory")
            if not re.fullmatch("[!-~]{1,100}", self.advisory or "-"):
                raise Bad("no identifier of an advisory")
        self.time = lines.time("time")
        if self.until is not None and self.until <= self.time:
            raise Bad("a quarantine that ends before it starts")
        self.reason = lines.one("reason")
        if len(self.reason.encode()) > 1000 or re.search(CONTROL, self.reason):
            raise Bad("a reason with control characters or too many bytes")
        lines.end()
        return self


def covered(text):
    """What `all` or a constraint in its canonical form (4) covers (15.6), as a function."""
    if text == "all":
        return lambda version: True
    if len(text.encode()) > 1000:
        raise Bad("a constraint of too many bytes")
    groups = [[comparator(part) for part in group.split(" ")] for group in text.split(" || ")]
    return lambda version: any(all(fits(order(version)) for fits in group) for group in groups)


def order(version):
    """The place of a version in the order of Semantic Versioning, without build metadata."""
    core, _, pre = version.split("+")[0].partition("-")
    parts = [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in pre.split(".") if pre]
    return tuple(int(part) for part in core.split(".")), not pre, parts


def comparator(text):
    """A comparator with a full version, as a function of a place in the order."""
    found = re.fullmatch(r"(\^|~|>=|<=|>|<|!=|)((\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?)", text)
    if not found:
        raise Bad(f"no comparator in its canonical form: {text!r}")
    sign, at = found[1], order(found[2])
    major, minor, patch = (int(found[part]) for part in (3, 4, 5))
    if sign == "^" and major == 0:
        same = 2 if minor else 3
    else:
        same = {"^": 1, "~": 2}.get(sign, 0)
    return {
        "": lambda v: v == at, "!=": lambda v: v != at,
        ">": lambda v: v > at, ">=": lambda v: v >= at,
        "<": lambda v: v < at, "<=": lambda v: v <= at,
    }.get(sign, lambda v: v >= at and v[0][:same] == (major, minor, patch)[:same])


class MapLeaf:
    FIRST = "lumen/map/v1\n"

    def __init__(self, text):
        match = re.fullmatch(r"lumen/map/v1\n([0-9]+)\n([A-Za-z0-9+/=]+)\n", text)
        if not match:
            raise Bad("no map leaf")
        self.size = number(match[1])
        self.root = base64_bytes(match[2])
        if len(self.root) != 32:
            raise Bad("a map root of another length")


class Checkpoint:
    @classmethod
    def parse(cls, text):
        lines = text.split("\n")[:-1]
        if len(lines) < 3 or "" in lines:
            raise Bad("a checkpoint has three lines, and no empty ones")
        self = cls()
        self.origin, self.size = origin_text(lines[0]), number(lines[1])
        self.root = base64_bytes(lines[2])
        if len(self.root) != 32:
            raise Bad("a root hash of another length")
        return self


def parse_entry(leaf):
    """A leaf of the log as (entry, text, signatures)."""
    if len(leaf) > MAX_LEAF:
        raise Bad("an entry of more than 65,535 bytes")
    try:
        first = leaf.decode().split("\n", 1)[0]
    except UnicodeDecodeError:
        raise Bad("it is not UTF-8") from None
    if first + "\n" == MapLeaf.FIRST:
        return MapLeaf(leaf.decode()), None, None
    text, signatures = parse_note(leaf)
    if first in (Root.FIRST, Root.SECOND, Root.THIRD):
        return Root.parse(text), text, signatures
    if first in (Owners.FIRST, Owners.SECOND):
        return Owners.parse(text), text, signatures
    if first + "\n" in Statement.FIRST:
        return Statement.parse(text), text, signatures
    if first + "\n" in Moderation.FIRST:
        return Moderation.parse(text), text, signatures
    raise Bad(f"an unknown kind of entry: {first!r}")


def owner_subject(package):
    """Whose ownership counts for a package: its scope's, or its own."""
    return package.split("/")[0]


# The log (16)

def leaf_hash(data):
    return sha256(b"\0" + data)


def root_of(hashes):
    """The Merkle tree hash of RFC 6962."""
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\1" + root_of(hashes[:split]) + root_of(hashes[split:]))


def index_path(index):
    parts = [f"{index % 1000:03}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03}")
    return "/".join(parts)


def bundle_path(index, width):
    partial = f".p/{width}" if width < 256 else ""
    return f"tile/entries/{index_path(index)}{partial}"


def tiles_of(hashes):
    """The tiles of a log of this size: path to bytes."""
    tiles, level = {}, 0
    while hashes:
        full = []
        for start in range(0, len(hashes), 256):
            tile = hashes[start:start + 256]
            partial = f".p/{len(tile)}" if len(tile) < 256 else ""
            path = f"tile/{level}/{index_path(start // 256)}{partial}"
            tiles[path] = b"".join(tile)
            if not partial:
                full.append(root_of(tile))
        hashes, level = full, level + 1
    return tiles


def decode_bundle(data):
    entries, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 2], "big")
        if at + 2 + size > len(data):
            raise Bad("an entry bundle that ends too early")
        entries.append(data[at + 2:at + 2 + size])
        at += 2 + size
    return entries


# The map (17)

def extend(chain, index, leaf):
    """The chain value of a key after one more event."""
    return sha256(b"\2" + chain + index.to_bytes(8, "big") + leaf)


def map_nodes(chains):
    """The map of these chain values: its root, and all nodes by their hash."""
    nodes = {}
    pairs = sorted((sha256(key.encode()), chain) for key, chain in chains.items())

    def node(pairs, depth):
        if len(pairs) <= 256:
            data = b"\x10" + b"".join(key + chain for key, chain in pairs)
        else:
            data, at = b"\x11", 0
            for byte in range(256):
                end = bisect.bisect(pairs, byte, at, key=lambda pair: pair[0][depth])
                data += node(pairs[at:end], depth + 1) if end > at else bytes(32)
                at = end
        nodes[sha256(data)] = data
        return sha256(data)

    return node(pairs, 0), nodes
