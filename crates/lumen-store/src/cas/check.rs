//! Whether an entry is as it was unpacked, without reading its files.

use std::{io, path::Path};

use lumen_durable::{Folder, Status, StatusKind};

use super::{
    Check, RECORD, TREE,
    record::{self, Head, Line},
};

/// Looks at an entry; `None` when it is absent or not as it was unpacked.
pub(super) fn look(entry: &Path, check: Check) -> io::Result<Option<Head>> {
    let Some(folder) = super::optional(Folder::open(entry))? else {
        return Ok(None);
    };
    let Some((text, written)) = folder.read(RECORD)? else {
        return Ok(None);
    };
    let Some((head, rest)) = std::str::from_utf8(&text).ok().and_then(record::parse) else {
        return Ok(None);
    };
    if check == Check::Quick {
        let Some(tree) = folder.open_inside(TREE)? else {
            return Ok(None);
        };
        let unchanged = |status: Option<Status>, kind| {
            status.filter(|status| status.kind == kind && status.changed <= written)
        };
        if unchanged(tree.status("")?, StatusKind::Folder).is_none() {
            return Ok(None);
        }
        let (mut files, mut folders) = (0, 0);
        for line in record::lines(rest) {
            let good = match line {
                None => false,
                Some(Line::Folder(path)) => {
                    folders += 1;
                    unchanged(tree.status(path)?, StatusKind::Folder).is_some()
                }
                Some(Line::File(file)) => {
                    files += 1;
                    unchanged(tree.status(file.path)?, StatusKind::File).is_some_and(|status| {
                        status.size == file.size
                            && (!head.modes || mode_kept(&status, file.executable))
                    })
                }
            };
            if !good {
                return Ok(None);
            }
        }
        if (files, folders) != (head.files, head.folders) {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

/// Whether a file is read-only and executable as recorded.
pub(super) fn mode_kept(status: &Status, executable: bool) -> bool {
    !status.writable && status.executable.is_none_or(|kept| kept == executable)
}
