//! `[registry]` and `[install]`, which the user's configuration has, too; and `[workspace]`.

use std::{collections::BTreeMap, ops::Range};

use url::Url;

use super::{
    InstallSection, LinkMode, Mirror, Pin, RegistrySection, RegistryUrls, Workspace,
    dependency::{self, Table},
    package,
    reader::{Field, Reader, brief, shown, shown_bare},
    values::{is_registry_name, masked, no_credentials, registry_name, relative_path},
};
use crate::{name::PackageName, remedy::Remedy};

/// The owner of the file: a project's file is shared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Project,
    User,
}

/// Reads `[registry]`.
pub(crate) fn registry(reader: &mut Reader, field: &Field<'_>, owner: Owner) -> RegistrySection {
    let mut out = RegistrySection::default();
    let Some(mut section) = reader.section(field, "[registry]") else {
        return out;
    };
    if let Some(field) = section.take("default") {
        out.default = url_or_name(reader, &field, owner);
    }
    if let Some(field) = section.take("upstreams") {
        out.upstreams = Some(upstreams(reader, &field));
    }
    if let Some(field) = section.take("registries") {
        out.registries = registries(reader, &field, owner);
    }
    if let Some(field) = section.take("scopes") {
        out.scopes = scopes(reader, &field);
    }
    if let Some(field) = section.take("trust") {
        out.signed_only = trust(reader, &field);
    }
    if let Some(field) = section.take("roots") {
        out.roots = roots(reader, &field);
    }
    if let Some(field) = section.take("mirrors") {
        out.mirrors = mirrors(reader, &field, owner);
    }
    if let Some(field) = section.take("credentials") {
        match owner {
            Owner::User => out.helpers = helpers(reader, &field),
            Owner::Project => {
                let what = "a project cannot choose a program that knows credentials";
                let problem = reader.error(field.key_span.clone(), what);
                reader.push(problem.hint(
                    "move this into your own configuration, `config.toml` in Lumen's configuration folder",
                ));
            }
        }
    }
    reader.finish(section);
    out
}

/// The URL of a registry, or the name of one.
fn url_or_name(reader: &mut Reader, field: &Field<'_>, owner: Owner) -> Option<String> {
    let text = reader.word(field)?;
    let good = if text.text.contains("://") {
        owner == Owner::User || no_credentials(reader, &text)
    } else {
        let good = is_registry_name(text.text);
        if !good {
            let what = "is neither a URL nor the name of a registry";
            not_a_registry(reader, field, what);
        }
        good
    };
    good.then(|| text.text.to_owned())
}

/// `[registry.mirrors]`: copies of registries.
fn mirrors(reader: &mut Reader, field: &Field<'_>, owner: Owner) -> BTreeMap<String, Mirror> {
    let mut out = BTreeMap::new();
    let Some(mut section) = reader.section(field, "[registry.mirrors]") else {
        return out;
    };
    for field in section.take_all() {
        if !is_registry_name(field.key) {
            let what = format!("{} cannot be the name of a mirror", shown(field.key));
            let problem = reader.error(field.key_span.clone(), what);
            reader.push(problem.hint("use letters, digits, `-` and `_`"));
        }
        let Some(mut section) = reader.section(&field, "a mirror") else {
            continue;
        };
        let mut place = |key: &'static str, meaning: &str| {
            let Some(place) = section.take(key) else {
                let what = format!("a mirror needs `{key}`, {meaning}");
                let problem = reader.error(field.key_span.clone(), what);
                reader.push(problem.hint(format!("add `{key} = \"https://…\"`")));
                return None;
            };
            url_or_name(reader, &place, owner)
        };
        let from = place("from", "the registry that it is a copy of");
        let to = place("to", "the place where it is");
        let packages = section.take("packages");
        let packages = packages.map(|packages| reader.plain_strings(&packages));
        let full = section.take("full");
        let full = full.and_then(|full| reader.boolean(&full));
        reader.finish(section);
        if let (Some(from), Some(to)) = (from, to) {
            let mirror = Mirror {
                from,
                to,
                packages: packages.unwrap_or_default(),
                full: full.unwrap_or_default(),
            };
            out.insert(field.key.to_owned(), mirror);
        }
    }
    out
}

/// `[registry.credentials."<url>"]`: the helper programs for the credentials of registries.
fn helpers(reader: &mut Reader, field: &Field<'_>) -> BTreeMap<String, Vec<String>> {
    let mut out = BTreeMap::new();
    let Some(mut section) = reader.section(field, "[registry.credentials]") else {
        return out;
    };
    for field in section.take_all() {
        let url = Url::parse(field.key).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        if url.is_none() {
            let what = "this is not the URL of a registry's host";
            let problem = reader.error(field.key_span.clone(), what);
            let problem = match field.key.contains('@') {
                true => masked(problem, &field.key_span),
                false => problem,
            };
            reader.push(
                problem.hint("write \"https://host/\", with the quotes and without a password"),
            );
        }
        let Some(mut section) = reader.section(&field, "a host's credentials") else {
            continue;
        };
        let helper = section.take("helper");
        if helper.is_none() {
            let problem = reader.error(section.span.clone(), "`helper` is missing");
            reader.push(problem.hint("write `helper = \"program\"`"));
        }
        let helper = helper.and_then(|helper| helper_command(reader, &helper));
        reader.finish(section);
        if let (Some(url), Some(helper)) = (url, helper) {
            out.insert(format!("{}/", url.as_str().trim_end_matches('/')), helper);
        }
    }
    out
}

/// `helper`: a program and its arguments, as one text or as an array.
fn helper_command(reader: &mut Reader, field: &Field<'_>) -> Option<Vec<String>> {
    let words: Vec<String> = match field.item.is_array() {
        true => reader.plain_strings(field),
        false => {
            let words = reader.word(field)?.text.split_whitespace();
            words.map(str::to_owned).collect()
        }
    };
    let program = words.first().map_or("", String::as_str);
    // A relative path would be another program in every folder.
    let is_whole = program.starts_with(['/', '\\']) || program.get(1..2) == Some(":");
    if program.is_empty() || (program.contains(['/', '\\']) && !is_whole) {
        let what = format!(
            "{} is neither the name of a program nor a whole path",
            shown(program)
        );
        let problem = reader.error(field.span(), what);
        reader.push(problem);
        return None;
    }
    Some(words)
}

/// `trust`: whether unsigned registries are refused.
fn trust(reader: &mut Reader, field: &Field<'_>) -> bool {
    let Some(text) = reader.string(field) else {
        return false;
    };
    match text.text {
        "required" => return true,
        "optional" => {}
        other => {
            let what = format!("`trust` is `required` or `optional`, not {}", shown(other));
            let problem = reader.error(text.span.clone(), what);
            reader.push(problem);
        }
    }
    false
}

/// `[registry.roots]`: fingerprints of signed registries.
fn roots(reader: &mut Reader, field: &Field<'_>) -> BTreeMap<String, Pin> {
    let mut out = BTreeMap::new();
    let Some(mut section) = reader.section(field, "[registry.roots]") else {
        return out;
    };
    for field in section.take_all() {
        let Some(text) = reader.word(&field) else {
            continue;
        };
        match text.text.parse() {
            Ok(root) => {
                let place = reader.place(field.key_span.clone());
                out.insert(field.key.to_owned(), Pin { root, place });
            }
            Err(_) => {
                let what = format!("{} is not a fingerprint", shown(text.text));
                let problem = reader.error(text.span.clone(), what);
                reader.push(problem.hint(Remedy::ShowFingerprint));
            }
        }
    }
    out
}

fn not_a_registry(reader: &mut Reader, field: &Field<'_>, what: &str) {
    let text = shown(field.item.as_str().unwrap_or_default());
    let problem = reader.error(field.span(), format!("{text} {what}"));
    reader.push(problem.hint("a URL starts with `https://` or `file:///`"));
}

/// `upstreams`: names of registries, each once.
fn upstreams(reader: &mut Reader, field: &Field<'_>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for text in reader.strings(field) {
        if !is_registry_name(text.text) {
            let what = format!("{} is not the name of a registry", shown(text.text));
            let problem = reader.error(text.span.clone(), what);
            reader.push(
                problem.hint("give the URL a name in [registry.registries] and use that here"),
            );
        } else if out.iter().any(|name| name == text.text) {
            let what = format!("{} is listed twice", shown(text.text));
            let problem = reader.error(text.span.clone(), what);
            reader.push(problem);
        } else {
            out.push(text.text.to_owned());
        }
    }
    out
}

fn registries(
    reader: &mut Reader,
    field: &Field<'_>,
    owner: Owner,
) -> BTreeMap<String, RegistryUrls> {
    let mut out = BTreeMap::new();
    let Some(mut section) = reader.section(field, "[registry.registries]") else {
        return out;
    };
    for field in section.take_all() {
        if !is_registry_name(field.key) {
            let what = format!("{} cannot be the name of a registry", shown(field.key));
            let problem = reader.error(field.key_span.clone(), what);
            reader.push(problem.hint("use letters, digits, `-` and `_`"));
        }
        let urls = match field.item.is_table_like() {
            true => two_urls(reader, &field, owner),
            false => registry_url(reader, &field, owner).map(|read| RegistryUrls {
                read,
                publish: None,
            }),
        };
        if let Some(urls) = urls {
            out.insert(field.key.to_owned(), urls);
        }
    }
    out
}

/// `{ read = "…", publish = "…" }`.
fn two_urls(reader: &mut Reader, field: &Field<'_>, owner: Owner) -> Option<RegistryUrls> {
    let mut section = reader.section(field, "a registry")?;
    let read = section.take("read");
    let publish = section.take("publish");
    if read.is_none() {
        let what = "a registry needs the URL that it is read from";
        let problem = reader.error(field.key_span.clone(), what);
        reader.push(problem.hint("add `read = \"https://…\"`"));
    }
    let publish = publish.map(|field| registry_url(reader, &field, owner));
    let read = read.and_then(|field| registry_url(reader, &field, owner));
    reader.finish(section);
    Some(RegistryUrls {
        read: read?,
        publish: match publish {
            Some(publish) => Some(publish?),
            None => None,
        },
    })
}

fn registry_url(reader: &mut Reader, field: &Field<'_>, owner: Owner) -> Option<String> {
    let text = reader.word(field)?;
    if !text.text.contains("://") {
        not_a_registry(reader, field, "is not a URL");
        return None;
    }
    let good = owner == Owner::User || no_credentials(reader, &text);
    good.then(|| text.text.to_owned())
}

fn scopes(reader: &mut Reader, field: &Field<'_>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let Some(mut section) = reader.section(field, "[registry.scopes]") else {
        return out;
    };
    for field in section.take_all() {
        let is_scope =
            field.key.starts_with('@') && PackageName::parse(&format!("{}/x", field.key)).is_ok();
        if !is_scope {
            let what = format!("{} is not a scope", shown(field.key));
            let problem = reader.error(field.key_span.clone(), what);
            let hint = match field.key.starts_with('@') {
                true => "a scope is `@` and a name".to_owned(),
                false => format!("write \"@{}\", with the quotes", shown_bare(field.key)),
            };
            reader.push(problem.hint(hint));
        }
        if let Some(name) = registry_name(reader, &field) {
            out.insert(field.key.to_owned(), name);
        }
    }
    out
}

/// Folders in which version control and we keep files: no import link has a place there.
const TOOL_FOLDERS: [&str; 5] = [".git", ".hg", ".svn", ".jj", ".lumen"];

/// Reads `[install]`.
pub(crate) fn install(reader: &mut Reader, field: &Field<'_>) -> InstallSection {
    let mut out = InstallSection::default();
    let Some(mut section) = reader.section(field, "[install]") else {
        return out;
    };
    if let Some(field) = section.take("link") {
        out.link = reader.string(&field).and_then(|text| {
            let parsed = text.text.parse::<LinkMode>();
            if let Err(error) = &parsed {
                let problem = reader.error(text.span.clone(), brief(error));
                let modes = LinkMode::ALL.map(LinkMode::as_str);
                reader.push(match reader.nearest(text.text, modes) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem,
                });
            }
            parsed.ok()
        });
    }
    if let Some(field) = section.take("import-root") {
        out.import_root = reader.word(&field).and_then(|text| {
            let path = relative_path(reader, &text)?;
            let taken = |part: &str| {
                let mut tools = TOOL_FOLDERS.iter();
                part == ".." || tools.any(|folder| folder.eq_ignore_ascii_case(part))
            };
            let inside = !path.split('/').any(taken);
            if !inside {
                let what = "`import-root` must be a folder of the project's own sources";
                let problem = reader.error(text.span.clone(), what);
                reader.push(problem);
            }
            inside.then_some(path)
        });
    }
    reader.finish(section);
    out
}

/// Reads `[workspace]`.
pub(super) fn workspace(reader: &mut Reader, field: &Field<'_>) -> Option<Workspace> {
    let mut section = reader.section(field, "[workspace]")?;
    let mut out = Workspace::default();
    if let Some(field) = section.take("members") {
        (out.members, out.member_spans) = members(reader, &field).into_iter().unzip();
    }
    if let Some(field) = section.take("exclude") {
        let exclude = members(reader, &field).into_iter();
        out.exclude = exclude.map(|(pattern, _)| pattern).collect();
    }
    if let Some(field) = section.take("dependencies") {
        out.dependencies = dependency::dependencies(reader, &field, Table::Workspace);
    }
    if let Some(field) = section.take("package") {
        out.package = package::workspace_package(reader, &field);
    }
    reader.finish(section);
    Some(out)
}

/// Folders or patterns below the root.
fn members(reader: &mut Reader, field: &Field<'_>) -> Vec<(String, Range<usize>)> {
    let mut out = Vec::new();
    for text in reader.strings(field) {
        let Some(path) = relative_path(reader, &text) else {
            continue;
        };
        if path.is_empty() || path.split('/').any(|part| part == "..") {
            let what = format!("member {} is not a folder below the root", shown(&path));
            let problem = reader.error(text.span.clone(), what);
            reader.push(problem.hint("move it below the root, or make it a workspace of its own"));
        }
        out.push((path, text.span));
    }
    out
}
