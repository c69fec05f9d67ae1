//! Makes archives no tar program would.

use std::io::Write as _;

/// A tar, block by block.
#[derive(Default, Clone)]
pub struct Tar(pub Vec<u8>);

/// A header that can be wrong in any field.
#[derive(Debug, Clone)]
pub struct Header(pub [u8; 512]);

impl Header {
    /// A ustar header of a file with this name and size.
    pub fn file(name: impl AsRef<[u8]>, size: usize) -> Self {
        let mut header = [0; 512];
        let name = name.as_ref();
        header[..name.len()].copy_from_slice(name);
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        Self(header)
    }

    /// A header of another type.
    pub fn of(flag: u8, name: impl AsRef<[u8]>, size: usize) -> Self {
        Self::file(name, size).set(156, &[flag])
    }

    /// A folder.
    pub fn folder(name: impl AsRef<[u8]>) -> Self {
        Self::of(b'5', name, 0).set(100, b"0000755\0")
    }

    /// With the GNU magic.
    pub fn gnu(self) -> Self {
        self.set(257, b"ustar  \0")
    }

    /// With other bytes at an offset.
    pub fn set(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// With the right checksum in the usual form.
    pub fn sum(mut self) -> [u8; 512] {
        self.0[148..156].fill(b' ');
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

impl Tar {
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes as they are.
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    /// A header, made right, and its padded body.
    pub fn entry(self, header: Header, body: impl AsRef<[u8]>) -> Self {
        self.raw(header.sum()).raw(&body).pad()
    }

    /// Zeros up to the next block.
    pub fn pad(mut self) -> Self {
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, name: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Self {
        let header = Header::file(name, body.as_ref().len());
        self.entry(header, body)
    }

    pub fn folder(self, name: impl AsRef<[u8]>) -> Self {
        self.entry(Header::folder(name), "")
    }

    /// A pax header with this body.
    pub fn pax_raw(self, body: impl AsRef<[u8]>) -> Self {
        let header = Header::of(b'x', "PaxHeaders/x", body.as_ref().len());
        self.entry(header, body)
    }

    /// A pax header with these `key=value` records.
    pub fn pax(self, pairs: &[&str]) -> Self {
        self.pax_raw(records(pairs))
    }

    /// A GNU long name with its NUL.
    pub fn long(self, name: impl AsRef<[u8]>) -> Self {
        let body = [name.as_ref(), b"\0"].concat();
        self.entry(Header::of(b'L', "././@LongLink", body.len()).gnu(), body)
    }

    /// The tar without an end.
    pub fn cut(self) -> Vec<u8> {
        self.0
    }

    /// The tar with two zero blocks.
    pub fn end(self) -> Vec<u8> {
        self.raw([0; 1024]).0
    }
}

/// pax records.
pub fn records(pairs: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for pair in pairs {
        let mut length = pair.len() + 3;
        while format!("{length} {pair}\n").len() != length {
            length += 1;
        }
        body.extend_from_slice(format!("{length} {pair}\n").as_bytes());
    }
    body
}

/// One gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One zstd frame with a checksum.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
