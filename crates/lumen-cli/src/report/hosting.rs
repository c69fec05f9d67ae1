//! Words for what may help with configurations of hosts and services.

use lumen_ops::error::HostingHint;
use lumen_registry::location::Provider;

/// The words of a hint.
pub fn words(hint: HostingHint) -> String {
    match hint {
        HostingHint::NameBucket(provider) => {
            let example = match provider {
                Provider::R2 => "r2://account/bucket",
                _ => "s3://bucket",
            };
            let kind = provider.scheme();
            format!("name it: `lumen registry host {kind} {example}`")
        }
        HostingHint::NameRepository => {
            "name it: `lumen registry host github-pages git+https://github.com/owner/repository`".into()
        }
        HostingHint::Control => "use one without control characters".into(),
        HostingHint::ServerName => "a name is like `registry.example.org`".into(),
        HostingHint::Prefix => "use letters, digits, `-`, `_`, `.` and `~` between slashes".into(),
        HostingHint::Listen => "write a port, or `127.0.0.1:8080`".into(),
        HostingHint::Path => "use a path without quotes, backslashes, `$`, `%` and braces".into(),
        HostingHint::Reachable => {
            "name a bucket or a branch after the service, such as `s3://bucket/registry`, or configure one".into()
        }
        HostingHint::PublishPlace => {
            "say where it is published to: `work = { read = \"https://…\", publish = \"s3://…\" }` in [registry.registries]".into()
        }
        HostingHint::Password => {
            "leave it out, and give the runner of the workflow a git credential helper that knows it".into()
        }
        HostingHint::Dollar => "use a URL without `$`; `%24` is the same in a URL".into(),
        HostingHint::Force => "pass --force to replace it, or --stdout to see the new one".into(),
    }
}
