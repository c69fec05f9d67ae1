//! One 512-byte header: POSIX.1-1988 ustar and the GNU variant of it.

use lumen_core::tar::BLOCK;

use super::rule::{EntryType, Field, Rule};

/// A block.
pub(super) type Block = [u8; BLOCK];

/// What follows a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// GNU `L`: the name of the next entry.
    LongName,
    /// pax `x`: records about the next entry.
    Pax,
    /// pax `g`: records about all entries.
    Global,
}

/// A header whose checksum, type and numbers are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: Kind,
    /// Name with its prefix, as bytes.
    pub name: Vec<u8>,
    /// Bytes of the body; 0 for folders.
    pub size: u64,
    pub executable: bool,
}

/// Why a header was refused, and the name that could be read all the same.
pub(super) type Refused = (Vec<u8>, Rule);

impl Header {
    /// Reads a block that is not all zeros.
    pub(super) fn parse(block: &Block) -> Result<Self, Refused> {
        let name = text(&block[..100]);
        let parsed = parse(block).map_err(|rule| (name.to_vec(), rule))?;
        Ok(parsed)
    }
}

fn parse(block: &Block) -> Result<Header, Rule> {
    let right_sum = octal(&block[148..156], Field::Checksum) == Ok(Some(sum(block)));
    let gnu = match &block[257..265] {
        b"ustar\x0000" => false,
        b"ustar  \0" => true,
        _ if right_sum => return Err(Rule::Magic),
        _ => return Err(Rule::Format),
    };
    if !right_sum {
        return Err(Rule::Checksum);
    }
    let kind = match block[156] {
        b'0' | 0 => Kind::File,
        b'5' => Kind::Folder,
        b'L' => Kind::LongName,
        b'x' => Kind::Pax,
        b'g' => Kind::Global,
        b'1' => return Err(Rule::Type(EntryType::Hardlink)),
        b'2' => return Err(Rule::Type(EntryType::Symlink)),
        b'3' | b'4' => return Err(Rule::Type(EntryType::Device)),
        b'6' => return Err(Rule::Type(EntryType::Fifo)),
        b'7' => return Err(Rule::Type(EntryType::Contiguous)),
        b'S' => return Err(Rule::Type(EntryType::Sparse)),
        b'K' => return Err(Rule::Type(EntryType::LongLink)),
        flag => return Err(Rule::Type(EntryType::Other(flag))),
    };
    let size = number(&block[124..136], Field::Size)?.ok_or(Rule::Number(Field::Size))?;
    let mode = number(&block[100..108], Field::Mode)?;
    for (range, field) in [
        (108..116, Field::Owner),
        (116..124, Field::Group),
        (136..148, Field::Time),
        (329..337, Field::Device),
        (337..345, Field::Device),
    ] {
        number(&block[range], field)?;
    }
    let mut name = whole_text(&block[..100], Field::Name)?.to_vec();
    if !whole_text(&block[157..257], Field::Link)?.is_empty() {
        return Err(Rule::LinkTarget);
    }
    whole_text(&block[265..297], Field::OwnerName)?;
    whole_text(&block[297..329], Field::OwnerName)?;
    // GNU uses the bytes of the prefix for times and sparse maps, which readers that
    // know only ustar would take for a folder name.
    if gnu && block[345..].iter().any(|byte| *byte != 0) {
        return Err(Rule::Hidden(Field::Header));
    }
    if block[500..].iter().any(|byte| *byte != 0) {
        return Err(Rule::Hidden(Field::Header));
    }
    let prefix = whole_text(&block[345..500], Field::Prefix)?;
    if !prefix.is_empty() {
        name.splice(..0, [prefix, b"/"].concat());
    }
    let mode = match (kind, mode) {
        (Kind::File | Kind::Folder, None) => return Err(Rule::Number(Field::Mode)),
        (_, mode) => mode.unwrap_or(0),
    };
    if kind == Kind::Folder && size != 0 {
        return Err(Rule::FolderContents);
    }
    Ok(Header {
        kind,
        name,
        size,
        executable: mode & 0o111 != 0,
    })
}

/// The sum of all bytes, those of the checksum itself taken as spaces.
fn sum(block: &Block) -> u64 {
    let all: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let own: u64 = block[148..156].iter().map(|byte| u64::from(*byte)).sum();
    all - own + 8 * u64::from(b' ')
}

/// The bytes before the first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0);
    &field[..end.unwrap_or(field.len())]
}

/// The bytes before the first NUL, with nothing but NULs after it.
fn whole_text(field: &[u8], which: Field) -> Result<&[u8], Rule> {
    let text = text(field);
    if field[text.len()..].iter().any(|byte| *byte != 0) {
        return Err(Rule::Hidden(which));
    }
    Ok(text)
}

/// A number in octal or GNU's base-256; `None` when the field is blank.
fn number(field: &[u8], which: Field) -> Result<Option<u64>, Rule> {
    match field.first() {
        Some(0x80) => {}
        Some(0xff) => return Err(Rule::Negative(which)),
        _ => return octal(field, which),
    }
    let mut value: u64 = 0;
    for byte in &field[1..] {
        if value >> 56 != 0 {
            return Err(Rule::Range(which));
        }
        value = value << 8 | u64::from(*byte);
    }
    let octal_digits = field.len() as u32 - 1;
    if value >> (3 * octal_digits) == 0 {
        return Err(Rule::Range(which));
    }
    Ok(Some(value))
}

/// Spaces, octal digits, then only spaces and NULs; `None` when there is no digit.
fn octal(field: &[u8], which: Field) -> Result<Option<u64>, Rule> {
    let spaces = field.iter().take_while(|byte| **byte == b' ').count();
    let rest = &field[spaces..];
    let count = rest.iter().take_while(|b| matches!(b, b'0'..=b'7')).count();
    let (digits, end) = rest.split_at(count);
    if end.iter().any(|byte| !matches!(byte, b' ' | 0)) {
        return Err(match end[0] {
            b'-' if count == 0 => Rule::Negative(which),
            _ => Rule::Number(which),
        });
    }
    // At most twelve digits: 36 bits.
    let value = |digits: &[u8]| digits.iter().fold(0, |n, d| n << 3 | u64::from(d - b'0'));
    Ok((count > 0).then(|| value(digits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let check = |field: &[u8], expected: Result<Option<u64>, Rule>| {
            assert_eq!(
                number(field, Field::Size),
                expected,
                "{}",
                field.escape_ascii()
            );
        };
        let bad = Rule::Number(Field::Size);
        check(b"00000000017\0", Ok(Some(15)));
        check(b"777777777777", Ok(Some(0o777_777_777_777)));
        check(b"   17 \0", Ok(Some(15)));
        check(b"000755 \0", Ok(Some(0o755)));
        check(b"\0\0\0\0", Ok(None));
        check(b"    ", Ok(None));
        check(b"17\0 \0\0", Ok(Some(15)));
        check(b"17\x0018", Err(bad.clone()));
        check(b"\x0017", Err(bad.clone()));
        check(b"18\0", Err(bad.clone()));
        check(b"0x1f\0", Err(bad.clone()));
        check(b"+17\0", Err(bad.clone()));
        check(b"1 7\0", Err(bad.clone()));
        check(b"\t17\0", Err(bad.clone()));
        check(b"-17\0", Err(Rule::Negative(Field::Size)));
        check(&[0xff; 12], Err(Rule::Negative(Field::Size)));
        check(b"\xc0\0\0\0\0\0\0\0\0\0\0\x01", Err(bad.clone()));
        check(b"\x81\0\0\0\0\0\0\0\0\0\0\x01", Err(bad));
        // Base-256 only where octal cannot hold the number.
        check(b"\x80\0\0\0\0\0\0\x02\0\0\0\0", Ok(Some(1 << 33)));
        check(
            b"\x80\0\0\0\0\0\0\x01\xff\xff\xff\xff",
            Err(Rule::Range(Field::Size)),
        );
        check(
            b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
            Ok(Some(u64::MAX)),
        );
        check(
            b"\x80\0\0\x01\0\0\0\0\0\0\0\0",
            Err(Rule::Range(Field::Size)),
        );
    }
}
