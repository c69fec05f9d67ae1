"""The file list of a release (8.3): read, and made from a tar."""

import collections
import re

from formats import sha256

FORMAT = "lumen/files/v1"
MAX_BYTES = 72 << 20
MAX_FILES = 65_536

Listed = collections.namedtuple("Listed", "tar files")
File = collections.namedtuple("File", "hash mode offset size path")


def pax_record(key, value):
    """`<length> <key>=<value>`, whose length counts its own digits."""
    rest = f" {key}={value}\n".encode()
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


def split(path):
    """Prefix and name of a path in a header; `None` if it needs a pax header (8.1)."""
    data = path.encode()
    if len(data) <= 100:
        return b"", data
    for at in (match.start() for match in re.finditer(b"/", data)):
        if at <= 155 and 0 < len(data) - at - 1 <= 100:
            return data[:at], data[at + 1:]
    return None


def header(kind, prefix, name, size, mode):
    def octal(value, width):
        return f"{value:0{width - 1}o}".encode() + b"\0"

    block = bytearray(512)
    block[0:len(name)] = name
    block[100:124] = octal(mode, 8) + octal(0, 8) + octal(0, 8)
    block[124:148] = octal(size, 12) + b"07033241600\0"
    block[148:157] = b" " * 8 + kind
    block[257:265] = b"ustar\00000"
    block[329:345] = octal(0, 8) * 2
    block[345:345 + len(prefix)] = prefix
    block[148:156] = f"{sum(block):06o}".encode() + b"\0 "
    return bytes(block)


def head(path, size, mode):
    """Everything before the contents of a file (8.1)."""
    parts, large = split(path), size >= 8 << 30
    records = b"" if parts else pax_record("path", path)
    records += pax_record("size", size) if large else b""
    data = b""
    if records:
        data = header(b"x", b"", b"PaxHeaders/x", len(records), 0o644)
        data += records + bytes(-len(records) % 512)
    if parts is None:
        cut = path.split("/")[-1].encode()[:100]
        parts = b"", cut.decode(errors="ignore").encode()
    return data + header(b"0", *parts, 0 if large else size, mode)


def rendered(tar, files):
    lines = [FORMAT, f"tar {tar[0]} {tar[1]}", *(" ".join(map(str, file)) for file in files)]
    return ("\n".join(lines) + "\n").encode()


def parse_files(data):
    """Reads a list."""
    if len(data) > MAX_BYTES:
        raise ValueError("it is too large")
    first, second, *lines, last = data.decode().split("\n")
    match = re.fullmatch(r"tar ([0-9a-f]{64}) (0|[1-9]\d*)", second, re.ASCII)
    if first != FORMAT or not match or last or len(lines) > MAX_FILES:
        raise ValueError("it is no file list")
    files, offset = [], 0
    for line in lines:
        fields = re.fullmatch(r"([0-9a-f]{64}) (644|755) (0|[1-9]\d*) (0|[1-9]\d*) (.+)", line,
                              re.ASCII)
        if not fields:
            raise ValueError(f"it has the line {line!r}")
        file = File(fields[1], fields[2], int(fields[3]), int(fields[4]), fields[5])
        offset += len(head(file.path, file.size, 0))
        if file.offset != offset or (files and files[-1].path.encode() >= file.path.encode()):
            raise ValueError(f"{file.path} cannot be there")
        offset += file.size + -file.size % 512
        files.append(file)
    tar = (match[1], int(match[2]))
    if tar[1] != offset + 1024:
        raise ValueError("its tar has another size")
    return Listed(tar, files)


def files_of(tar):
    """The list of a tar."""
    files, at = [], 0
    while any(tar[at:at + 512]):
        start, path, size = at, None, None
        if tar[at + 156:at + 157] == b"x":
            length = int(tar[at + 124:at + 135], 8)
            rest, at = tar[at + 512:at + 512 + length], at + 512 + length + -length % 512
            while rest:
                length = int(rest.split(b" ")[0])
                key, value = rest[:length - 1].decode().split(" ", 1)[1].split("=", 1)
                path, size = (value, size) if key == "path" else (path, int(value))
                rest = rest[length:]
        field = lambda offset, width: tar[at + offset:at + offset + width].split(b"\0")[0].decode()
        if path is None:
            path = "/".join(filter(None, [field(345, 155), field(0, 100)]))
        size = int(field(124, 12), 8) if size is None else size
        mode = field(100, 8)
        at += 512
        if tar[start:at] != head(path, size, int(mode, 8)) or mode not in ("0000644", "0000755"):
            raise ValueError("the archive has another form than section 8.1")
        body = tar[at:at + size]
        files.append(File(sha256(body).hex(), mode[-3:], at, size, path))
        at += size
        if any(tar[at:at + -size % 512]):
            raise ValueError("the archive has something between its files")
        at += -size % 512
    if tar[at:] != bytes(1024):
        raise ValueError("the archive has another end than section 8.1")
    return rendered((sha256(tar).hex(), len(tar)), files)
