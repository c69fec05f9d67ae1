//! `[package]` and `[workspace.package]`.

use std::{collections::BTreeMap, ops::Range};

use super::{
    Files, InheritedKey, Package, WorkspacePackage, about, files,
    reader::{Field, Reader, Section, Text, brief, shown},
    values,
};
use crate::{
    limits::{MAX_VERSION_BYTES, rows},
    name::PackageName,
    problem::Severity,
    version::Version,
};

/// What both tables can say.
#[derive(Default)]
struct Values {
    values: WorkspacePackage,
    inherited: BTreeMap<InheritedKey, Range<usize>>,
    version_span: Option<Range<usize>>,
    license_span: Option<Range<usize>>,
    readme_span: Option<Range<usize>>,
}

/// Reads `[package]`.
pub(super) fn package(reader: &mut Reader, field: &Field<'_>) -> Option<Package> {
    let mut section = reader.section(field, "[package]")?;
    let name = section.take("name");
    let values = values(reader, &mut section, true);
    let include = section.take("include");
    let exclude = section.take("exclude");
    let allow_secrets = section.take("allow-secrets");
    let links = section.take("links");
    let span = section.span.clone();
    let mut patterns = |field: Option<Field<'_>>, severity| {
        let found = field.map(|field| files::patterns(reader, &field, severity));
        found.unwrap_or_default().into_iter().unzip()
    };
    let (include, include_spans): (_, Vec<_>) = patterns(include, Severity::Error);
    // A pattern that takes nothing out gives nothing away either.
    let (exclude, _): (_, Vec<_>) = patterns(exclude, Severity::Warning);
    let files = Files {
        include,
        include_spans,
        exclude,
        allow_secrets: allow_secrets
            .map_or_else(Vec::new, |field| files::exact_paths(reader, &field)),
    };
    let links = links.map_or_else(BTreeMap::new, |field| about::links(reader, &field));
    if name.is_none() {
        let problem = reader.error(span.clone(), "[package] has no `name`");
        reader.push(problem);
    }
    if values.version_span.is_none() {
        let problem = reader.error(span, "[package] has no `version`");
        reader.push(problem.hint("start with `version = \"0.1.0\"`"));
    }
    reader.finish(section);
    let name_text = name.and_then(|name| reader.string(&name))?;
    let name = package_name(reader, &name_text)?;
    let WorkspacePackage {
        version,
        description,
        license,
        categories,
        keywords,
        authors,
        repository,
        homepage,
        documentation,
        readme,
        lumen,
        support_until,
        publish,
    } = values.values;
    Some(Package {
        name,
        version: version.unwrap_or(Version::new(0, 0, 0)),
        description,
        license,
        categories: categories.unwrap_or_default(),
        keywords: keywords.unwrap_or_default(),
        authors: authors.unwrap_or_default(),
        repository,
        homepage,
        documentation,
        links,
        readme,
        lumen,
        support_until,
        files,
        publish: publish.unwrap_or(true),
        readme_from_root: false,
        inherited: values.inherited,
        name_span: name_text.span,
        version_span: values.version_span.unwrap_or_default(),
        license_span: values.license_span,
        readme_span: values.readme_span,
    })
}

/// Reads `[workspace.package]`.
pub(super) fn workspace_package(reader: &mut Reader, field: &Field<'_>) -> WorkspacePackage {
    let Some(mut section) = reader.section(field, "[workspace.package]") else {
        return WorkspacePackage::default();
    };
    let values = values(reader, &mut section, false);
    reader.finish(section);
    values.values
}

fn values(reader: &mut Reader, section: &mut Section<'_>, may_inherit: bool) -> Values {
    let mut out = Values::default();
    for key in InheritedKey::ALL {
        let Some(field) = section.take(key.as_str()) else {
            continue;
        };
        match key {
            InheritedKey::Version => out.version_span = Some(field.span()),
            InheritedKey::License => out.license_span = Some(field.span()),
            InheritedKey::Readme => out.readme_span = Some(field.span()),
            _ => {}
        }
        if may_inherit && field.item.is_table_like() {
            if let Some(span) = inherits(reader, &field) {
                out.inherited.insert(key, span);
            }
            continue;
        }
        let values = &mut out.values;
        match key {
            InheritedKey::Version => values.version = version(reader, &field),
            InheritedKey::Description => values.description = plain(reader, &field),
            InheritedKey::License => values.license = license(reader, &field),
            InheritedKey::Categories => values.categories = Some(about::categories(reader, &field)),
            InheritedKey::Keywords => values.keywords = Some(about::keywords(reader, &field)),
            InheritedKey::Authors => values.authors = Some(about::authors(reader, &field)),
            InheritedKey::Repository => values.repository = about::link(reader, &field),
            InheritedKey::Homepage => values.homepage = about::link(reader, &field),
            InheritedKey::Documentation => values.documentation = about::link(reader, &field),
            InheritedKey::Readme => values.readme = readme(reader, &field),
            InheritedKey::Lumen => values.lumen = version(reader, &field),
            InheritedKey::SupportUntil => {
                values.support_until = about::support_until(reader, &field);
            }
            InheritedKey::Publish => values.publish = reader.boolean(&field),
        }
    }
    out
}

/// Checks `{ workspace = true }`; gives the place to blame when the root lacks the key.
fn inherits(reader: &mut Reader, field: &Field<'_>) -> Option<Range<usize>> {
    let mut section = reader.section(field, format!("`{}`", field.key))?;
    let workspace = section.take("workspace");
    reader.finish(section);
    let Some(workspace) = workspace else {
        let problem = reader.error(field.span(), format!("`{}` cannot be a table", field.key));
        reader.push(problem.hint(format!(
            "to inherit it, write `{}.workspace = true`",
            field.key
        )));
        return None;
    };
    values::only_true(reader, &workspace).then_some(field.key_span.clone())
}

fn plain(reader: &mut Reader, field: &Field<'_>) -> Option<String> {
    Some(reader.string(field)?.text.to_owned())
}

fn package_name(reader: &mut Reader, text: &Text<'_>) -> Option<PackageName> {
    match PackageName::parse_publishable(text.text) {
        Ok(name) => Some(name),
        Err(error) => {
            let part = values::blamed(text.text, &error);
            let problem = reader.error(reader.inside(text, part), brief(error));
            let tidy = tidy_name(text.text);
            reader.push(match tidy {
                Some(tidy) => problem.hint(format!("`{tidy}` would do")),
                None => problem,
            });
            None
        }
    }
}

/// The name with common mistakes corrected, if the result is valid.
fn tidy_name(name: &str) -> Option<PackageName> {
    let name: String = name
        .trim()
        .chars()
        .map(|c| {
            if c == ' ' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    PackageName::parse_publishable(&name).ok()
}

fn version(reader: &mut Reader, field: &Field<'_>) -> Option<Version> {
    let text = reader.string(field)?;
    match Version::parse(text.text) {
        Ok(version) => {
            let bytes = text.text.len();
            if bytes > MAX_VERSION_BYTES {
                let what = format!("the version has {bytes} bytes");
                reader.unfit(text.span, what, rows::MAX_VERSION_BYTES.to_string());
            }
            Some(version)
        }
        Err(error) => {
            let what = format!("{} is not a version: {error}", shown(text.text));
            let problem = reader.error(text.span.clone(), what);
            let trimmed = text.text.trim().trim_start_matches(['v', 'V', '=']).trim();
            let padded = [
                trimmed.to_owned(),
                format!("{trimmed}.0"),
                format!("{trimmed}.0.0"),
            ];
            let meant = padded.into_iter().find(|text| Version::parse(text).is_ok());
            reader.push(match meant {
                Some(meant) => problem.hint(format!("write `{meant}`")),
                None => problem.hint("a version has three numbers: `1.2.3`, `1.2.3-rc.1`"),
            });
            None
        }
    }
}

/// Any text is accepted, since the registry format does not require SPDX; other texts get a warning.
fn license(reader: &mut Reader, field: &Field<'_>) -> Option<String> {
    let text = reader.string(field)?;
    if let Err(error) = spdx::Expression::parse(text.text) {
        let part = match text.text.is_char_boundary(error.span.start)
            && text.text.is_char_boundary(error.span.end)
            && error.span.start <= error.span.end
        {
            true => error.span,
            false => 0..text.text.len(),
        };
        let what = format!(
            "{} is not an SPDX license expression: {}",
            shown(text.text),
            error.reason
        );
        let problem = reader.warning(reader.inside(&text, part.clone()), what);
        let meant = text
            .text
            .get(part.start..)
            .and_then(spdx::imprecise_license_id);
        reader.push(match meant {
            Some((license, _)) => problem.hint(format!("did you mean `{}`?", license.name)),
            None => problem
                .hint("use an identifier of https://spdx.org/licenses, or `LicenseRef-<name>`"),
        });
    }
    Some(text.text.to_owned())
}

fn readme(reader: &mut Reader, field: &Field<'_>) -> Option<String> {
    let text = reader.word(field)?;
    values::relative_path(reader, &text)
}
