//! `registry doctor`.

use std::process::ExitCode;

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::doctor::{self, Examined},
};
use lumen_registry::{
    Location,
    doctor::{Check, Finding, Verdict, Write},
};

use crate::{
    args::Target,
    commands::shared::{session::target, text::count},
    json::host,
    report::STORAGE,
    ui::Ui,
};

pub fn run(registry: &Target, write: bool, read_only: bool, ui: &Ui) -> Result<ExitCode, OpsError> {
    let session = target(registry, ui)?;
    let write = match (write, read_only) {
        (true, _) => Write::Must,
        (_, true) => Write::Never,
        _ => Write::IfAllowed,
    };
    let places = doctor::run(&session, write)?;
    let usable = places.iter().all(|place| place.report.is_usable());
    if ui.json {
        ui.answer(&host::Examined {
            usable,
            places: places.iter().map(as_json).collect(),
        });
    }
    for place in &places {
        if !ui.json {
            show(place, ui);
        }
        ui.done("Examined", summary(place));
    }
    Ok(match usable {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(STORAGE),
    })
}

fn as_json(place: &Examined) -> host::Place {
    let findings = place.report.findings.iter().map(|finding| host::Finding {
        check: finding.check.as_str().to_owned(),
        verdict: finding.verdict.as_str().to_owned(),
        seen: finding.seen.clone(),
        fix: fix(place, finding),
    });
    host::Place {
        url: place.location.url(),
        server: place.report.server.clone(),
        usable: place.report.is_usable(),
        findings: findings.collect(),
    }
}

fn show(place: &Examined, ui: &Ui) {
    let server = place.report.server.as_ref();
    let server = server.map_or_else(String::new, |server| format!(" ({server})"));
    ui.print(&format!("{}{server}", place.location));
    for finding in &place.report.findings {
        let mark = match finding.verdict {
            Verdict::Good => "ok",
            Verdict::Unknown => "-",
            Verdict::Poor => "poor",
            Verdict::Bad => "BAD",
        };
        let label = label(finding.check);
        let first = format!("  {mark:<4}  {label:<18}  ");
        ui.print_hanging(&first, &finding.seen);
        if let Some(fix) = fix(place, finding) {
            ui.print_hanging("        fix: ", &fix);
        }
    }
}

fn summary(place: &Examined) -> String {
    let with = |verdict| {
        let findings = place.report.findings.iter();
        findings.filter(|found| found.verdict == verdict).count()
    };
    let (poor, bad) = (with(Verdict::Poor), with(Verdict::Bad));
    let location = &place.location;
    match (bad, poor) {
        (0, 0) => format!("{location}: fit for a registry"),
        (0, poor) => format!("{location}: fit for a registry; {poor} could be better"),
        (bad, _) => format!(
            "{location}: not fit for a registry, {}",
            count(bad, "fault")
        ),
    }
}

fn label(check: Check) -> &'static str {
    match check {
        Check::Readable => "registry",
        Check::Packages => "packages",
        Check::Absence => "missing files",
        Check::Trust => "signatures",
        Check::Witnesses => "witnesses",
        Check::Expiry => "root expires",
        Check::Fresh => "newest state",
        Check::Clock => "clock",
        Check::Https => "HTTPS",
        Check::Http2 => "HTTP/2",
        Check::Redirects => "redirects",
        Check::Types => "content types",
        Check::Caching => "caching",
        Check::Revalidation => "revalidation",
        Check::Ranges => "range requests",
        Check::Compression => "compression",
        Check::Copies => "compressed copies",
        Check::Cors => "CORS",
        Check::Preflight => "preflight",
        Check::Listing => "directory listings",
        Check::Hidden => "hidden files",
        Check::Create => "create",
        Check::Replace => "replace",
        Check::Race => "concurrent writers",
        Check::List => "listing",
    }
}

/// What to do about a finding that is not good.
fn fix(place: &Examined, finding: &Finding) -> Option<String> {
    if finding.verdict < Verdict::Poor {
        return None;
    }
    let host = kind(place);
    let configured = |what: &str| match host {
        "github-pages" => format!("GitHub Pages cannot be told to {what}: put a CDN in front"),
        host => format!("{what}: `lumen registry host {host}` prints how"),
    };
    Some(match finding.check {
        Check::Readable => "check the address, and who may read it; `lumen registry init` makes a registry".into(),
        Check::Packages => "let everybody read all files of the registry; `lumen registry check` and `lumen registry repair` find and restore lost ones".into(),
        Check::Copies => "delete the compressed copies beside the files, or make them again after each publish".into(),
        Check::Absence if finding.seen.starts_with("403") => "readers cannot tell a missing file from a forbidden one: let everybody list the bucket (s3:ListBucket), or answer 404".into(),
        Check::Absence => configured("answer 404 for missing files, and let caches keep no errors"),
        Check::Trust if finding.verdict == Verdict::Poor => {
            "`lumen registry init` makes signed registries, in which no change goes unnoticed".into()
        }
        Check::Trust => "`lumen registry check` lists what is wrong; do not publish before you know the cause".into(),
        Check::Witnesses => "the holder of a witness's key runs `lumen registry witness`".into(),
        Check::Expiry => "`lumen registry trust expire` sets another time".into(),
        Check::Fresh => "let caches ask each time for files that change: they must keep to `Cache-Control`".into(),
        Check::Clock => "let the server and this machine set their clocks by NTP".into(),
        Check::Https => configured("serve over HTTPS"),
        Check::Http2 => configured("use HTTP/2"),
        Check::Redirects => "use the final address: a token is not sent along to another host".into(),
        Check::Types => configured("set the type of each kind of file"),
        Check::Caching => configured("set `Cache-Control` for each kind of file"),
        Check::Revalidation => configured("answer 304 for unchanged files"),
        Check::Ranges => configured("answer range requests with the requested part"),
        Check::Compression => configured("compress JSON and text"),
        Check::Cors => configured("send `Access-Control-Allow-Origin` with every file"),
        Check::Preflight => configured("answer OPTIONS, and let `Authorization` be sent"),
        Check::Listing => configured("show no directory listings"),
        Check::Hidden => configured("serve no file whose name starts with a dot"),
        Check::Create | Check::Replace | Check::Race if host == "s3" => {
            "publish to a host that keeps `If-None-Match` and `If-Match`, and give it the right to write".into()
        }
        Check::Create => "check who may write there, and how much room there is".into(),
        Check::Replace | Check::Race => {
            "publish to a folder on a file system with locks and atomic renames".into()
        }
        Check::List => "let the publisher list it".into(),
    })
}

/// What `registry host` calls the host.
fn kind(place: &Examined) -> &'static str {
    let server = place.report.server.as_deref().unwrap_or_default();
    let server = server.to_ascii_lowercase();
    let says = |name: &str| server.contains(name);
    match &place.location {
        Location::Object(object) if object.provider.scheme() == "r2" => "r2",
        Location::Object(_) => "s3",
        Location::Git(_) => "github-pages",
        _ if says("github") => "github-pages",
        _ if says("apache") => "apache",
        _ if says("caddy") => "caddy",
        _ if says("amazons3") || says("seaweedfs") => "s3",
        _ if says("cloudflare") => "r2",
        _ => "nginx",
    }
}
