//! The full reader: any TOML that means a lock.

use std::sync::Arc;

use toml_edit::Document;

use super::{
    VERSION,
    raw::{LISTS, Lines, Lock, NUMBERS, Number, Package, Registry, STRINGS},
};
use crate::manifest::reader::{Field, Reader, Section};

/// Reads a lock; mistakes in its shape become problems.
pub(super) fn read<'d>(reader: &mut Reader, document: &'d Document<Arc<str>>) -> Lock<'d> {
    let mut root = reader.root(document);
    let mut lock = Lock::default();
    // Ours has no such table, and ignores what it does not know.
    let metadata = root.take("metadata");
    let metadata = metadata.filter(|field| field.item.get("resolver").is_some());
    lock.metadata = metadata.map(|field| field.span());
    if let Some(field) = root.take("version") {
        lock.version = number(reader, &field);
        // A later version may have changed everything else.
        if lock
            .version
            .as_ref()
            .is_none_or(|version| version.value > VERSION)
        {
            return lock;
        }
    }
    lock.requires = root.take("requires").map(|field| reader.strings(&field));
    for mut section in blocks(reader, root.take("registry")) {
        let mut string = |key| {
            let field = section.take(key)?;
            reader.string(&field)
        };
        let (name, origin) = (string("name"), string("origin"));
        let (trust_root, checkpoint) = (string("trust-root"), string("checkpoint"));
        let root_note = string("root-note");
        lock.registries.push(Registry {
            span: section.span,
            name,
            origin,
            trust_root,
            checkpoint: checkpoint.map(|text| Lines {
                text: text.text.into(),
                span: text.span,
            }),
            root_note,
        });
    }
    for mut section in blocks(reader, root.take("package")) {
        let strings = STRINGS.map(|key| {
            let field = section.take(key)?;
            reader.string(&field)
        });
        let numbers = NUMBERS.map(|key| {
            let field = section.take(key)?;
            number(reader, &field)
        });
        let lists = LISTS.map(|key| {
            let field = section.take(key)?;
            Some(reader.strings(&field))
        });
        lock.packages.push(Package {
            span: section.span,
            strings,
            numbers,
            lists,
        });
    }
    lock
}

fn blocks<'d>(reader: &mut Reader, field: Option<Field<'d>>) -> Vec<Section<'d>> {
    field.map_or_else(Vec::new, |field| reader.sections(&field))
}

fn number(reader: &mut Reader, field: &Field<'_>) -> Option<Number> {
    let value = field.item.as_integer().and_then(|n| u64::try_from(n).ok());
    if value.is_none() {
        let what = format!("`{}` must be a whole number", field.key);
        reader.push(reader.error(field.span(), what));
    }
    Some(Number {
        value: value?,
        span: field.span(),
    })
}
