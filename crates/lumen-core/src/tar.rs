//! The one way in which Lumen writes an entry of a tar.
//!
//! ustar, files only; a pax header only where a path or a size does not fit. Nothing of
//! the machine goes in: owner 0 without names, modes 0644 and 0755, one fixed time.

/// The size of a header and of the units in which bodies are padded, in bytes.
pub const BLOCK: usize = 512;

/// Largest size that eleven octal digits hold: 8 GiB less one byte.
pub const OCTAL_SIZE: u64 = 0o777_7777_7777;

/// The end of a tar: two blocks of zeros.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The first file of a bundle of registry files.
pub const BUNDLE_HEAD: &str = "bundle.json";

/// Time of every file: 2000-01-01T00:00:00Z, in seconds. Not 0, since tools warn of times
/// near it, and after 1980 in every time zone, since zip knows nothing earlier.
const TIME: u64 = 946_684_800;

/// Everything that stands before the body of a file: its header, and before that a pax
/// header with its records if one is needed.
pub fn head(path: &str, size: u64, executable: bool) -> Vec<u8> {
    let split = split(path);
    let mut records = Vec::new();
    if split.is_none() {
        records.extend(record("path", path));
    }
    if size > OCTAL_SIZE {
        records.extend(record("size", &size.to_string()));
    }
    let (prefix, name) = split.unwrap_or(("", short(path)));
    let mut out = Vec::with_capacity(BLOCK);
    if !records.is_empty() {
        let length = records.len() as u64;
        out.extend(header(b'x', "", "PaxHeaders/x", length, false));
        out.append(&mut records);
        out.resize(out.len() + padding(length), 0);
    }
    let in_header = if size > OCTAL_SIZE { 0 } else { size };
    out.extend(header(b'0', prefix, name, in_header, executable));
    out
}

/// The bytes of [`head`], without making them.
pub fn head_size(path: &str, size: u64) -> u64 {
    let mut records = 0;
    if split(path).is_none() {
        records += record_size("path", path);
    }
    if size > OCTAL_SIZE {
        records += record_size("size", &size.to_string());
    }
    let extension = match records {
        0 => 0,
        records => BLOCK + records + padding(records as u64),
    };
    (extension + BLOCK) as u64
}

/// How many zeros follow a body of this size.
pub const fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

/// Prefix and name of a path, if it fits into a header.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    path.match_indices('/')
        .map(|(at, _)| (&path[..at], &path[at + 1..]))
        .find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100 && !name.is_empty())
}

/// The last component as far as it fits, for readers that do not know pax.
fn short(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    &name[..name.floor_char_boundary(100)]
}

/// A pax record `<length> <key>=<value>\n`, whose length counts its own digits.
fn record(key: &str, value: &str) -> Vec<u8> {
    let length = record_size(key, value);
    format!("{length} {key}={value}\n").into_bytes()
}

/// The bytes of a pax record.
fn record_size(key: &str, value: &str) -> usize {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    length
}

fn header(flag: u8, prefix: &str, name: &str, size: u64, executable: bool) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, if executable { b"0000755" } else { b"0000644" });
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, format!("{TIME:011o}").as_bytes());
    put(148, b"        ");
    put(156, &[flag]);
    put(257, b"ustar\x0000");
    put(329, b"0000000");
    put(337, b"0000000");
    put(345, prefix.as_bytes());
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_sizes_go_into_a_pax_header() {
        let largest = head("x", OCTAL_SIZE, false);
        assert_eq!(&largest[124..136], b"77777777777\0");
        let larger = head("x", OCTAL_SIZE + 1, false);
        assert_eq!(&larger[512..532], b"19 size=8589934592\n\0");
        assert_eq!(&larger[1024 + 124..1024 + 136], b"00000000000\0");
    }

    #[test]
    fn long_paths_are_split_where_that_will_do() {
        assert_eq!(head(&("d/".repeat(100) + "f"), 0, false).len(), BLOCK);
        assert_eq!(head(&"f".repeat(101), 0, false).len(), 3 * BLOCK);
    }

    #[test]
    fn the_size_of_a_head_is_known_without_it() {
        for length in 1..1100 {
            for part in [7, 99, 101, 2000] {
                let path: Vec<u8> = (0..length)
                    .map(|at| if at % part == part - 1 { b'/' } else { b'f' })
                    .collect();
                let path = String::from_utf8(path).unwrap();
                for size in [0, OCTAL_SIZE, OCTAL_SIZE + 1, u64::MAX] {
                    let made = head(&path, size, false).len() as u64;
                    assert_eq!(head_size(&path, size), made, "{path} {size}");
                }
            }
        }
    }
}
