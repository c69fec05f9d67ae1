//! `registry host`.

use lumen_ops::{
    OpsError,
    verbs::host::{self, Kind, Plan, Wishes},
};

use crate::{
    args::{HostArgs, HostKind},
    commands::shared::session::target,
    json::host::Host,
    ui::Ui,
};

pub fn run(arguments: &HostArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = target(&arguments.registry, ui)?;
    let kind = match arguments.kind {
        HostKind::Nginx => Kind::Nginx,
        HostKind::Apache => Kind::Apache,
        HostKind::Caddy => Kind::Caddy,
        HostKind::S3 => Kind::S3,
        HostKind::R2 => Kind::R2,
        HostKind::GithubPages => Kind::GithubPages,
    };
    let wishes = Wishes {
        root: arguments.root.clone(),
        server_name: arguments.server_name.clone(),
        prefix: arguments.prefix.clone(),
        listen: arguments.listen.clone(),
        certificate: arguments.certificate.clone(),
        certificate_key: arguments.certificate_key.clone(),
        plain_http: arguments.plain_http,
    };
    let plan = host::plan(&session, kind, &wishes)?;
    if !ui.json {
        ui.print_file(match &plan {
            Plan::Site { config, .. } => config,
            Plan::Bucket(bucket) => &bucket.script,
            Plan::Pages(pages) => &pages.script,
        });
        return Ok(());
    }
    ui.answer(&match plan {
        Plan::Site { site, config } => Host::Site {
            read: site.url(),
            root: site.root,
            config,
        },
        Plan::Bucket(bucket) => Host::Bucket {
            publish: bucket.location.url(),
            cors: bucket.cors,
            policy: bucket.policy,
            locks: bucket.locks,
            script: bucket.script,
        },
        Plan::Pages(pages) => Host::Pages {
            read: pages.read,
            publish: pages.publish,
            script: pages.script,
        },
    });
    Ok(())
}
