//! `lumen pkg info`.

use lumen_core::{
    index::{Deprecation, Release},
    manifest::{is_date, is_link_name, is_web_url},
};
use lumen_ops::{OpsError, verbs::info};
use lumen_registry::Freshness;

use crate::{
    args::ProjectArgs,
    commands::shared::{session::session, text::bytes},
    json::package::Info,
    ui::{Look, Ui},
};

pub fn run(package: &str, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let info = info::info(&session, package)?;
    let index = &info.index;
    let mut versions: Vec<_> = index.versions.iter().collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    if ui.json {
        let yanked = versions.iter().filter(|version| index.is_yanked(version));
        ui.answer(&Info {
            name: index.name.to_string(),
            latest: index.latest.as_ref().map(ToString::to_string),
            versions: versions.iter().map(ToString::to_string).collect(),
            yanked: yanked.map(ToString::to_string).collect(),
            deprecated: index.deprecated.as_ref().map(Into::into),
            registry: info.registry,
            release: info.release,
        });
        return Ok(());
    }
    let Some(release) = &info.release else {
        ui.print(index.name.as_str());
        ui.print("every version is yanked");
        return Ok(());
    };
    ui.print_parts(&[
        (Look::Name, release.name.as_str()),
        (Look::Plain, " "),
        (Look::Good, &release.version.to_string()),
    ]);
    if let Some(description) = release
        .description
        .as_ref()
        .or(index.description.as_ref())
        .filter(|text| !text.is_empty())
    {
        ui.print(&on_one_line(description));
    }
    let line = |label: &str, value: &str| {
        let look = match label {
            "yanked" | "deprecated" => Look::Notice,
            _ => Look::Plain,
        };
        let label = format!("{label:>12}: ");
        ui.print_parts(&[(Look::Faint, &label), (look, value)]);
    };
    if let Some(reason) = index.yank_reason(&release.version) {
        line("yanked", reason.unwrap_or("no reason given"));
    }
    if let Some(deprecated) = &index.deprecated {
        line("deprecated", &reason(deprecated));
    }
    if let Some(license) = &release.license {
        line("license", license);
    }
    for (label, value) in about(release) {
        line(label, value);
    }
    line("registry", &info.registry);
    if let Some(published) = &release.published_at {
        line("published", published);
    }
    if let Some(artifact) = release.artifacts.first() {
        line("size", &bytes(artifact.size));
        line("checksum", &artifact.hash.to_string());
    }
    for (at, requirement) in release.requirements().iter().enumerate() {
        let optional = if requirement.optional {
            " (optional)"
        } else {
            ""
        };
        let label = if at == 0 { "depends on" } else { "" };
        let text = format!("{} {}{optional}", requirement.name, requirement.constraint);
        if at == 0 {
            line(label, &text)
        } else {
            ui.print(&format!("{:>12}  {text}", ""))
        }
    }
    let features: Vec<&str> = release.features.keys().map(String::as_str).collect();
    if !features.is_empty() {
        line("features", &features.join(", "));
    }
    let shown: Vec<String> = versions
        .iter()
        .take(10)
        .map(|version| {
            if index.is_yanked(version) {
                format!("{version} (yanked)")
            } else {
                version.to_string()
            }
        })
        .collect();
    let more = if versions.len() > 10 {
        format!(" and {} older", versions.len() - 10)
    } else {
        String::new()
    };
    line("versions", &format!("{}{more}", shown.join(", ")));
    Ok(())
}

/// What a release says of itself beyond its licence. URLs that are none, and dates, are left out.
fn about(release: &Release) -> Vec<(&str, &str)> {
    let urls = [
        ("repository", &release.repository),
        ("homepage", &release.homepage),
        ("docs", &release.documentation),
    ];
    let urls = (urls.into_iter()).filter_map(|(label, url)| Some((label, url.as_deref()?)));
    let links = (release.links.iter())
        .filter(|(name, _)| is_link_name(name))
        .map(|(name, url)| (name.as_str(), url.as_str()));
    let mut lines: Vec<_> = urls
        .chain(links)
        .filter(|(_, url)| is_web_url(url))
        .collect();
    let until = release
        .support_until
        .as_deref()
        .filter(|date| is_date(date));
    lines.extend(until.map(|date| ("supported to", date)));
    lines.extend(release.lumen.as_deref().map(|lumen| ("needs lumen", lumen)));
    lines
}

/// A description, whose line breaks are white space like any other.
pub fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Why a package is deprecated, and what to use in its place.
pub fn reason(deprecated: &Deprecation) -> String {
    match &deprecated.replacement {
        Some(other) => format!("{} (use `{other}`)", deprecated.reason),
        None => deprecated.reason.clone(),
    }
}

pub fn advice(deprecated: &Deprecation) -> String {
    format!("deprecated: {}", reason(deprecated))
}
