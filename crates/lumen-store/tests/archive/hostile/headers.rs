//! Types, fields and checksums.

use lumen_store::archive::{EntryType, Field, Rule};

use super::{check, new, start};
use crate::builder::{Header, records};

#[test]
fn types() {
    let link = |flag, target: &[u8]| Header::of(flag, "x", 0).set(157, target);
    for (flag, target, kind) in [
        (b'1', &b"first"[..], EntryType::Hardlink),
        (b'1', b"/etc/passwd", EntryType::Hardlink),
        (b'2', b"first", EntryType::Symlink),
        (b'2', b"../../../etc", EntryType::Symlink),
        (b'2', b"", EntryType::Symlink),
        (b'3', b"", EntryType::Device),
        (b'4', b"", EntryType::Device),
        (b'6', b"", EntryType::Fifo),
        (b'7', b"", EntryType::Contiguous),
        (b'S', b"", EntryType::Sparse),
        (b'K', b"", EntryType::LongLink),
        (b'D', b"", EntryType::Other(b'D')),
        (b'M', b"", EntryType::Other(b'M')),
        (b'N', b"", EntryType::Other(b'N')),
        (b'V', b"", EntryType::Other(b'V')),
        (b'X', b"", EntryType::Other(b'X')),
        (b'A', b"", EntryType::Other(b'A')),
        (b'8', b"", EntryType::Other(b'8')),
        (b' ', b"", EntryType::Other(b' ')),
        (0xff, b"", EntryType::Other(0xff)),
    ] {
        check(
            &format!("type {flag}"),
            start().entry(link(flag, target), ""),
            "x",
            Rule::Type(kind),
        );
        let gnu = start().entry(link(flag, target).gnu(), "");
        check(&format!("GNU type {flag}"), gnu, "x", Rule::Type(kind));
        let renamed = start().pax(&["path=y"]).entry(link(flag, target), "");
        check(
            &format!("renamed type {flag}"),
            renamed,
            "x",
            Rule::Type(kind),
        );
    }
    check(
        "symlink, then a file through it",
        new().entry(link(b'2', b"/tmp"), "").file("x/y", "z"),
        "x",
        Rule::Type(EntryType::Symlink),
    );
    check(
        "file with a link target",
        start().entry(link(b'0', b"/etc/passwd"), ""),
        "x",
        Rule::LinkTarget,
    );
    check(
        "folder with a link target",
        start().entry(link(b'5', b"/etc"), ""),
        "x",
        Rule::LinkTarget,
    );
    check(
        "link target behind a NUL",
        start().entry(link(b'0', b"\0/etc"), ""),
        "x",
        Rule::Hidden(Field::Link),
    );
    check(
        "folder with contents",
        start().entry(Header::of(b'5', "d", 512), [b'x'; 512]),
        "d",
        Rule::FolderContents,
    );
    check(
        "folder with contents by pax",
        start()
            .pax(&["size=512"])
            .entry(Header::of(b'5', "d", 512), [b'x'; 512]),
        "d",
        Rule::FolderContents,
    );
}

#[test]
fn fields() {
    let field = |at, bytes: &[u8]| start().entry(Header::file("x", 1).set(at, bytes), "x");
    check(
        "size of letters",
        field(124, b"0000000000x\0"),
        "x",
        Rule::Number(Field::Size),
    );
    check(
        "decimal size",
        field(124, b"00000000019\0"),
        "x",
        Rule::Number(Field::Size),
    );
    check(
        "hexadecimal size",
        field(124, b"0x000000001\0"),
        "x",
        Rule::Number(Field::Size),
    );
    check(
        "blank size",
        field(124, b"            "),
        "x",
        Rule::Number(Field::Size),
    );
    check(
        "NUL size",
        field(124, &[0; 12]),
        "x",
        Rule::Number(Field::Size),
    );
    check(
        "size with a NUL inside",
        field(124, b"00000\x0000001\0"),
        "x",
        Rule::Number(Field::Size),
    );
    check(
        "size with a space inside",
        field(124, b"00000 00001\0"),
        "x",
        Rule::Number(Field::Size),
    );
    check(
        "size with a plus",
        field(124, b"+0000000001\0"),
        "x",
        Rule::Number(Field::Size),
    );
    check(
        "size with a minus",
        field(124, b"-0000000001\0"),
        "x",
        Rule::Negative(Field::Size),
    );
    check(
        "negative base-256 size",
        field(124, &[0xff; 12]),
        "x",
        Rule::Negative(Field::Size),
    );
    check(
        "small base-256 size",
        field(124, b"\x80\0\0\0\0\0\0\0\0\0\0\x01"),
        "x",
        Rule::Range(Field::Size),
    );
    check(
        "base-256 size over 64 bits",
        field(124, b"\x80\0\0\x01\0\0\0\0\0\0\0\x01"),
        "x",
        Rule::Range(Field::Size),
    );
    check(
        "base-256 size of another kind",
        field(124, b"\xa0\0\0\0\0\0\0\0\0\0\0\x01"),
        "x",
        Rule::Number(Field::Size),
    );
    check(
        "huge base-256 size",
        field(124, b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
        "x",
        Rule::Unpacked { limit: 512 << 20 },
    );
    check(
        "largest octal size",
        field(124, b"777777777777"),
        "x",
        Rule::Unpacked { limit: 512 << 20 },
    );
    check(
        "mode of letters",
        field(100, b"rwxr-xr\0"),
        "x",
        Rule::Number(Field::Mode),
    );
    check(
        "blank mode",
        field(100, &[0; 8]),
        "x",
        Rule::Number(Field::Mode),
    );
    check(
        "negative mode",
        field(100, &[0xff; 8]),
        "x",
        Rule::Negative(Field::Mode),
    );
    check(
        "user of letters",
        field(108, b"root\0\0\0\0"),
        "x",
        Rule::Number(Field::Owner),
    );
    check(
        "negative group",
        field(116, &[0xff; 8]),
        "x",
        Rule::Negative(Field::Group),
    );
    check(
        "time of letters",
        field(136, b"yesterday\0\0\0"),
        "x",
        Rule::Number(Field::Time),
    );
    check(
        "negative time",
        field(136, &[0xff; 12]),
        "x",
        Rule::Negative(Field::Time),
    );
    check(
        "device of letters",
        field(329, b"x\0\0\0\0\0\0\0"),
        "x",
        Rule::Number(Field::Device),
    );
    check(
        "behind the owner's name",
        field(265, b"root\0x"),
        "x",
        Rule::Hidden(Field::OwnerName),
    );
    check(
        "behind the group's name",
        field(297, b"\0wheel"),
        "x",
        Rule::Hidden(Field::OwnerName),
    );
    check(
        "after the prefix",
        field(500, b"x"),
        "x",
        Rule::Hidden(Field::Header),
    );
    check(
        "star's trailer",
        field(508, b"tar\0"),
        "x",
        Rule::Hidden(Field::Header),
    );
    check(
        "behind the prefix",
        field(345, b"a\0b"),
        "x",
        Rule::Hidden(Field::Prefix),
    );
    let gnu = |at, bytes: &[u8]| start().entry(Header::file("x", 1).gnu().set(at, bytes), "x");
    check(
        "GNU header with a ustar prefix",
        gnu(345, b"../.."),
        "x",
        Rule::Hidden(Field::Header),
    );
    check(
        "GNU header with a sparse map",
        gnu(386, b"00000000000\0"),
        "x",
        Rule::Hidden(Field::Header),
    );
    check(
        "GNU header with a real size",
        gnu(483, b"00000000001\0"),
        "x",
        Rule::Hidden(Field::Header),
    );
    check("no magic", field(257, &[0; 8]), "x", Rule::Magic);
    check(
        "magic with another version",
        field(257, b"ustar\x0011"),
        "x",
        Rule::Magic,
    );
    check(
        "magic without a NUL",
        field(257, b"ustar00\0"),
        "x",
        Rule::Magic,
    );
    check(
        "upper case magic",
        field(257, b"USTAR\x0000"),
        "x",
        Rule::Magic,
    );
    check(
        "no magic at all, first",
        new().entry(Header::file("x", 0).set(257, &[0; 8]), ""),
        "x",
        Rule::Magic,
    );
    let padded = start()
        .raw(Header::file("x", 1).sum())
        .raw("x")
        .raw([b'y'; 511]);
    check(
        "hidden in the padding",
        padded,
        "x",
        Rule::Hidden(Field::Padding),
    );
    let padded = start().raw(Header::file("x", 511).sum()).raw([b'x'; 512]);
    check(
        "hidden in one byte of padding",
        padded,
        "x",
        Rule::Hidden(Field::Padding),
    );
    let body = records(&["path=y"]);
    let padded = start()
        .raw(Header::of(b'x', "pax", body.len()).sum())
        .raw(&body)
        .raw([b'9'; 501])
        .file("x", "");
    check(
        "hidden behind pax records",
        padded,
        "pax",
        Rule::Hidden(Field::Padding),
    );
}

#[test]
fn checksums() {
    let with = |bytes: &[u8]| {
        let mut header = Header::file("x", 0).sum();
        header[148..156].copy_from_slice(bytes);
        start().raw(header)
    };
    let right = Header::file("x", 0).sum()[148..154].to_vec();
    check("zero", with(b"000000\0 "), "x", Rule::Checksum);
    check("blank", with(b"        "), "x", Rule::Checksum);
    check("NUL", with(&[0; 8]), "x", Rule::Checksum);
    check("letters", with(b"abcdef\0 "), "x", Rule::Checksum);
    check("one more", with(b"005042\0 "), "x", Rule::Checksum);
    check(
        "garbage behind it",
        with(&[&right[..], b"\0x"].concat()),
        "x",
        Rule::Checksum,
    );
    // Some readers also take the sum of signed bytes.
    let mut signed = Header::file("é", 0).sum();
    let own: i64 = signed
        .iter()
        .enumerate()
        .map(|(at, byte)| match at {
            148..156 => 32,
            _ => i64::from(*byte as i8),
        })
        .sum();
    signed[148..156].copy_from_slice(format!("{own:06o}\0 ").as_bytes());
    check("signed", start().raw(signed), "é", Rule::Checksum);
    let mut changed = Header::file("x", 0).sum();
    changed[0] = b'y';
    check(
        "name changed afterwards",
        start().raw(changed),
        "y",
        Rule::Checksum,
    );
}
