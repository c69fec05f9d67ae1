//! pax headers and GNU long names.

use lumen_store::{
    archive::{EntryType, Field, Rule},
    portable::PathRule,
};

use super::{check, new, start};
use crate::{
    builder::{Header, Tar, records},
    refused,
};

#[test]
fn extensions() {
    let pax = "PaxHeaders/x";
    let file = |tar: Tar| tar.file("x", "x");
    let key = |key: &str| Rule::PaxKey(key.into());
    check(
        "pax twice",
        file(start().pax(&["path=a"]).pax(&["path=b"])),
        pax,
        Rule::ExtensionTwice,
    );
    check(
        "pax, other pax",
        file(start().pax(&["path=a"]).pax(&["mtime=1"])),
        pax,
        Rule::ExtensionTwice,
    );
    check(
        "GNU twice",
        file(start().long("a").long("b")),
        "././@LongLink",
        Rule::ExtensionTwice,
    );
    check(
        "pax, then GNU",
        file(start().pax(&["path=a"]).long("b")),
        "././@LongLink",
        Rule::ExtensionTwice,
    );
    check(
        "GNU, then pax",
        file(start().long("b").pax(&["path=a"])),
        pax,
        Rule::ExtensionTwice,
    );
    check(
        "pax, then global",
        file(new().pax(&["path=a"]).entry(Header::of(b'g', "g", 0), "")),
        "g",
        Rule::ExtensionTwice,
    );
    check(
        "pax pending at the end",
        start().pax(&["path=a"]),
        pax,
        Rule::ExtensionPending,
    );
    check(
        "GNU pending at the end",
        start().long("a"),
        "././@LongLink",
        Rule::ExtensionPending,
    );
    refused(
        "pax pending at the end of the file",
        &start().pax(&["path=a"]).cut(),
        None,
        Rule::MissingEnd,
    );
    check(
        "size only for pax",
        file(start().pax(&["size=0"])),
        "x",
        Rule::SizeConflict,
    );
    check(
        "larger pax size",
        file(start().pax(&["size=1025"])),
        "x",
        Rule::SizeConflict,
    );
    check(
        "pax size where the header has none",
        start().pax(&["size=1"]).entry(Header::file("x", 0), "x"),
        "x",
        Rule::SizeConflict,
    );
    let big = 0o777_7777_7777_u64 + 1;
    check(
        "pax size beyond octal",
        file(start().pax(&[&format!("size={big}")])),
        "x",
        Rule::SizeConflict,
    );
    check(
        "pax size beyond octal and the limit",
        start()
            .pax(&[&format!("size={big}")])
            .entry(Header::file("x", 0), ""),
        "x",
        Rule::Unpacked { limit: 512 << 20 },
    );
    check(
        "pax size of a folder",
        start().pax(&["size=1"]).folder("x"),
        "x",
        Rule::SizeConflict,
    );
    check(
        "path twice",
        file(start().pax(&["path=a", "path=b"])),
        pax,
        Rule::PaxTwice("path".into()),
    );
    check(
        "same path twice",
        file(start().pax(&["path=a", "path=a"])),
        pax,
        Rule::PaxTwice("path".into()),
    );
    check(
        "size twice",
        file(start().pax(&["size=1", "size=2"])),
        pax,
        Rule::PaxTwice("size".into()),
    );
    check(
        "path with NUL",
        file(start().pax(&["path=a\0b"])),
        pax,
        Rule::PaxValue("path".into()),
    );
    check(
        "empty path",
        file(start().pax(&["path="])),
        "",
        Rule::Path(PathRule::Empty),
    );
    check(
        "empty size",
        file(start().pax(&["size="])),
        pax,
        Rule::PaxValue("size".into()),
    );
    check(
        "negative size",
        file(start().pax(&["size=-1"])),
        pax,
        Rule::PaxValue("size".into()),
    );
    check(
        "octal-looking size",
        file(start().pax(&["size=01"])),
        pax,
        Rule::PaxValue("size".into()),
    );
    check(
        "size with a fraction",
        file(start().pax(&["size=1.0"])),
        pax,
        Rule::PaxValue("size".into()),
    );
    check(
        "size over 64 bits",
        file(start().pax(&["size=18446744073709551616"])),
        pax,
        Rule::PaxValue("size".into()),
    );
    check(
        "broken time",
        file(start().pax(&["mtime=soon"])),
        pax,
        Rule::PaxValue("mtime".into()),
    );
    check(
        "link path",
        file(start().pax(&["linkpath=/etc/passwd"])),
        pax,
        key("linkpath"),
    );
    check(
        "character set",
        file(start().pax(&["hdrcharset=BINARY"])),
        pax,
        key("hdrcharset"),
    );
    check(
        "capability",
        file(start().pax(&["SCHILY.xattr.security.capability=x"])),
        pax,
        key("SCHILY.xattr.security.capability"),
    );
    check(
        "access list",
        file(start().pax(&["SCHILY.acl.access=user::rwx"])),
        pax,
        key("SCHILY.acl.access"),
    );
    check(
        "real size",
        file(start().pax(&["SCHILY.realsize=9"])),
        pax,
        key("SCHILY.realsize"),
    );
    check(
        "unknown key",
        file(start().pax(&["LUMEN.x=1"])),
        pax,
        key("LUMEN.x"),
    );
    check(
        "path in upper case",
        file(start().pax(&["PATH=a"])),
        pax,
        key("PATH"),
    );
    for sparse in [
        "GNU.sparse.major=1",
        "GNU.sparse.name=a",
        "GNU.sparse.realsize=9",
        "GNU.sparse.map=0,1",
        "GNU.sparse.size=1",
    ] {
        check(
            sparse,
            file(start().pax(&[sparse])),
            pax,
            Rule::Type(EntryType::Sparse),
        );
    }
    for broken in [
        "11 path=a",
        "10 path=a\n\n",
        "12 path=a\n",
        "8 path=a\n",
        "-10 path=a\n",
        "0010 path=a\n",
        " 10 path=a\n",
        "10  path=a\n",
        "a path=a\n",
        "10 path=a\nx",
        "path=a\n",
        "7 path\n",
        "5 =a\n",
        "99999999999999999999 path=a\n",
    ] {
        check(broken, file(start().pax_raw(broken)), pax, Rule::PaxRecord);
    }
    check(
        "records with NULs behind",
        file(start().pax_raw(b"10 path=a\n\0\0")),
        pax,
        Rule::PaxRecord,
    );
    check(
        "extension of a symlink type",
        start().pax(&["path=a"]).entry(Header::of(b'2', "x", 0), ""),
        "x",
        Rule::Type(EntryType::Symlink),
    );
    let global = |pairs: &[&str]| {
        let body = records(pairs);
        Tar::new().entry(Header::of(b'g', "g", body.len()), body)
    };
    check("global path", file(global(&["path=a"])), "g", Rule::Global);
    check(
        "global size",
        file(global(&["comment=x", "size=0"])),
        "g",
        Rule::Global,
    );
    check("global time", file(global(&["mtime=1"])), "g", Rule::Global);
    check(
        "global later",
        start().raw(global(&["comment=x"]).cut()),
        "g",
        Rule::Global,
    );
    check(
        "global twice",
        file(global(&["comment=x"]).raw(global(&["comment=x"]).cut())),
        "g",
        Rule::Global,
    );
    check(
        "global malformed",
        file(Tar::new().entry(Header::of(b'g', "g", 1), "x")),
        "g",
        Rule::PaxRecord,
    );
    check(
        "extension with a negative size",
        start().entry(Header::of(b'x', "p", 0).set(124, &[0xff; 12]), ""),
        "p",
        Rule::Negative(Field::Size),
    );
    check(
        "extension with a link target",
        start().entry(Header::of(b'x', "p", 0).set(157, b"y"), ""),
        "p",
        Rule::LinkTarget,
    );
}
