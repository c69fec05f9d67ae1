//! Paths of files in a package: what a path must be to mean the same on every system.

use crate::{
    limits::{MAX_COMPONENT_BYTES, rows},
    name::is_windows_device,
};

/// Why a path does not work everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathRule {
    /// Nothing is left of the name.
    #[error("its name is empty")]
    Empty,
    /// A leading `/`.
    #[error("its path is absolute")]
    Absolute,
    /// A leading `C:`.
    #[error("its path starts with a drive letter")]
    Drive,
    /// A `..` component.
    #[error("its path has a `..` component")]
    Parent,
    /// A `.` component other than a leading `./`.
    #[error("its path has a `.` component in the middle")]
    Current,
    /// Two slashes in a row.
    #[error("its path has an empty component")]
    EmptyComponent,
    /// A backslash, which separates folders on Windows.
    #[error("its path has a backslash")]
    Backslash,
    /// Bytes that are not UTF-8.
    #[error("its name is not UTF-8")]
    Encoding,
    /// NUL, line feed, DEL and their like.
    #[error("its name has the control character U+{:04X}", *.0 as u32)]
    Control(char),
    /// A character that cannot be seen, or turns the text around it.
    #[error("its name has the invisible character U+{:04X}", *.0 as u32)]
    Invisible(char),
    /// A character that Windows does not allow.
    #[error("its name has `{0}`, which Windows does not allow")]
    Reserved(char),
    /// A trailing dot or space, which Windows drops.
    #[error("a component of its path ends with a dot or a space, which Windows drops")]
    Trailing,
    /// A device on Windows.
    #[error("a component of its path is a device name on Windows")]
    Device,
    /// A component over [`MAX_COMPONENT_BYTES`].
    #[error("a component of its path is too long; {}", rows::MAX_COMPONENT_BYTES)]
    Component,
    /// A path over the limit.
    #[error("its path is longer than {limit} bytes, the limit `{}`", rows::MAX_PATH_BYTES.name)]
    Long {
        /// The limit in bytes.
        limit: usize,
    },
    /// Too many components.
    #[error("its path is more than {limit} folders deep, the limit `{}`", rows::MAX_PATH_DEPTH.name)]
    Deep {
        /// The limit in components, the last included.
        limit: usize,
    },
}

/// Checks a relative path with `/` that has neither a leading `./` nor a trailing `/`.
///
/// # Errors
/// Says which rule the path breaks.
pub fn check_path(path: &str, limit: usize, depth: usize) -> Result<(), PathRule> {
    if path.is_empty() {
        return Err(PathRule::Empty);
    }
    if path.starts_with('/') {
        return Err(PathRule::Absolute);
    }
    if matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return Err(PathRule::Drive);
    }
    let mut components = 0;
    for component in path.split('/') {
        check_component(component)?;
        components += 1;
    }
    if path.len() > limit {
        return Err(PathRule::Long { limit });
    }
    if components > depth {
        return Err(PathRule::Deep { limit: depth });
    }
    Ok(())
}

fn check_component(component: &str) -> Result<(), PathRule> {
    match component {
        "" => return Err(PathRule::EmptyComponent),
        "." => return Err(PathRule::Current),
        ".." => return Err(PathRule::Parent),
        _ => {}
    }
    for character in component.chars() {
        match character {
            '\\' => return Err(PathRule::Backslash),
            '<' | '>' | ':' | '"' | '|' | '?' | '*' => return Err(PathRule::Reserved(character)),
            _ if character.is_control() => return Err(PathRule::Control(character)),
            _ if is_invisible(character) => return Err(PathRule::Invisible(character)),
            _ => {}
        }
    }
    if component.ends_with(['.', ' ']) {
        return Err(PathRule::Trailing);
    }
    if component.len() > MAX_COMPONENT_BYTES {
        return Err(PathRule::Component);
    }
    if is_windows_device(component) {
        return Err(PathRule::Device);
    }
    Ok(())
}

/// Separators, marks of direction and characters without a width that have no
/// place in a file name. Joiners and variation selectors are parts of emoji and
/// of some scripts: they are allowed.
pub const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
