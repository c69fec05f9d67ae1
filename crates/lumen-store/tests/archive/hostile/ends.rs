//! Ends of archives and of their compression.

use lumen_store::archive::{self, ArchiveError, Limits, Rule};

use super::{new, start};
use crate::{
    Contents,
    builder::{Header, gzip, zstd},
    refused,
};

#[test]
fn ends() {
    let whole = start().file("x", "y").cut();
    let at = |rule| (None, rule);
    let check = |label: &str, bytes: &[u8], (entry, rule): (Option<&str>, Rule)| {
        refused(label, bytes, entry, rule);
    };
    check("nothing", b"", at(Rule::MissingEnd));
    check("a few bytes", b"hello", at(Rule::Format));
    check("text", &b"hello world\n".repeat(100), at(Rule::Format));
    check(
        "a zip",
        &[b"PK\x03\x04".as_slice(), &[1; 1000]].concat(),
        at(Rule::Format),
    );
    check(
        "an xz",
        &[b"\xfd7zXZ\0".as_slice(), &[1; 1000]].concat(),
        at(Rule::Format),
    );
    check("no end", &whole, at(Rule::MissingEnd));
    check(
        "one zero block",
        &[&whole[..], &[0; 512]].concat(),
        at(Rule::MissingEnd),
    );
    check(
        "half an end",
        &[&whole[..], &[0; 700]].concat(),
        at(Rule::Truncated),
    );
    check("ends within a header", &whole[..1100], at(Rule::Truncated));
    check(
        "ends within a body",
        &start()
            .raw(Header::file("x", 600).sum())
            .raw([1; 512])
            .cut(),
        (Some("x"), Rule::Truncated),
    );
    check(
        "ends within padding",
        &whole[..whole.len() - 1],
        (Some("x"), Rule::Truncated),
    );
    check(
        "ends before a body",
        &start().raw(Header::file("x", 600).sum()).cut(),
        (Some("x"), Rule::Truncated),
    );
    check(
        "ends within an extension",
        &start()
            .raw(Header::of(b'x', "p", 600).sum())
            .raw([b'x'; 512])
            .cut(),
        (Some("p"), Rule::Truncated),
    );
    let ended = [&whole[..], &[0; 1024]].concat();
    check(
        "a byte after the end",
        &[&ended[..], b"x"].concat(),
        at(Rule::Truncated),
    );
    check(
        "a byte in a block after the end",
        &[&ended[..], &[0; 511], b"x"].concat(),
        at(Rule::AfterEnd),
    );
    check(
        "a second archive",
        &[&ended[..], &ended[..]].concat(),
        at(Rule::AfterEnd),
    );
    check(
        "an entry after a zero block",
        &[&whole[..], &[0; 512], &start().end()].concat(),
        at(Rule::AfterEnd),
    );
    check(
        "an entry after many zeros",
        &[&ended[..], &[0; 20480], &start().end()].concat(),
        at(Rule::AfterEnd),
    );
}

#[test]
fn compression() {
    let plain = start().end();
    let other = new().file("evil", "x").end();
    let damaged = |label: &str, bytes: &[u8]| {
        let mut contents = Contents::default();
        let error = archive::read(bytes, None, &Limits::default(), &mut contents).unwrap_err();
        let ArchiveError::Refused(refusal) = error else {
            panic!("{label}: {error}")
        };
        assert!(
            matches!(refusal.rule, Rule::Compression(_)),
            "{label}: {refusal}"
        );
    };
    for (name, pack) in [("gzip", gzip as fn(&[u8]) -> Vec<u8>), ("zstd", zstd)] {
        let packed = pack(&plain);
        let check = |label: &str, bytes: Vec<u8>, rule: Rule| {
            refused(&format!("{name}: {label}"), &bytes, None, rule)
        };
        check(
            "a second member",
            [packed.clone(), pack(&other)].concat(),
            Rule::AfterCompression,
        );
        check(
            "an empty second member",
            [packed.clone(), pack(b"")].concat(),
            Rule::AfterCompression,
        );
        check(
            "garbage",
            [&packed[..], b"x"].concat(),
            Rule::AfterCompression,
        );
        check(
            "zeros",
            [&packed[..], &[0; 512]].concat(),
            Rule::AfterCompression,
        );
        check(
            "a plain tar behind",
            [&packed[..], &other].concat(),
            Rule::AfterCompression,
        );
        check(
            "split over members",
            [pack(&plain[..1024]), pack(&plain[1024..])].concat(),
            Rule::MissingEnd,
        );
        check("compressed twice", pack(&packed), Rule::Format);
        check("compressed nothing", pack(b""), Rule::MissingEnd);
        check(
            "tar cut short",
            pack(&plain[..plain.len() - 1024]),
            Rule::MissingEnd,
        );
        for cut in [5, packed.len() / 2, packed.len() - 1] {
            damaged(&format!("{name} cut at {cut}"), &packed[..cut]);
        }
        let mut flipped = packed.clone();
        let last = flipped.len() - 2;
        flipped[last] ^= 1;
        damaged(&format!("{name} checksum"), &flipped);
    }
    // A skippable frame is no package.
    let skippable = [b"\x50\x2a\x4d\x18\x04\0\0\0evil".as_slice(), &zstd(&plain)].concat();
    refused("skippable frame first", &skippable, None, Rule::Format);
    let skippable = [&zstd(&plain)[..], b"\x50\x2a\x4d\x18\x04\0\0\0evil"].concat();
    refused(
        "skippable frame last",
        &skippable,
        None,
        Rule::AfterCompression,
    );
    // A window of 2 GiB must not be allocated.
    damaged("zstd window", b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00");
    damaged(
        "gzip reserved flags",
        b"\x1f\x8b\x08\xe0\0\0\0\0\0\xff\x03\0\0\0\0\0\0\0\0\0",
    );
}
