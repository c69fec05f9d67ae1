//! Caddy.

use std::fmt::Write as _;

use super::{
    ALLOWED_HEADERS, ALLOWED_METHODS, EXPOSED_HEADERS, PREFLIGHT_SECONDS, Site, rules::rules,
};

/// The site, to be a part of the `Caddyfile`.
pub(super) fn config(site: &Site) -> String {
    let mut out = String::from(HEAD);
    let scheme = if site.tls.is_some() { "" } else { "http://" };
    let (bind, port) = match site.listen.as_deref().map(|listen| listen.rsplit_once(':')) {
        None => (None, String::new()),
        Some(None) => (
            None,
            format!(":{}", site.listen.as_deref().unwrap_or_default()),
        ),
        Some(Some((address, port))) => (Some(address), format!(":{port}")),
    };
    let _ = writeln!(out, "{scheme}{}{port} {{", site.server_name);
    if let Some(address) = bind {
        let _ = writeln!(out, "    bind {}", address.trim_matches(['[', ']']));
    }
    if let Some(tls) = site.tls.as_ref().filter(|tls| !tls.is_default) {
        let _ = writeln!(out, "    tls \"{}\" \"{}\"", tls.certificate, tls.key);
    }
    let _ = write!(
        out,
        r#"    handle_path {}* {{
        # In this order, not in Caddy's.
        route {{
            root * "{}"
            # For web pages that read the registry.
            header {{
                Access-Control-Allow-Origin "*"
                Access-Control-Expose-Headers "{EXPOSED_HEADERS}"
                Cache-Control "no-cache"
            }}
            @preflight method OPTIONS
            handle @preflight {{
                header {{
                    Access-Control-Allow-Methods "{ALLOWED_METHODS}"
                    Access-Control-Allow-Headers "{ALLOWED_HEADERS}"
                    Access-Control-Max-Age "{PREFLIGHT_SECONDS}"
                }}
                respond 204
            }}
            encode zstd gzip {{
                match {{
                    header Content-Type application/json*
                    header Content-Type text/plain*
                }}
            }}
"#,
        site.prefix, site.root,
    );
    // The last that fits counts, in this order.
    for (at, rule) in rules().iter().enumerate().rev() {
        let _ = write!(
            out,
            "\n            # {}\n            @kind{at} path_regexp ^/{}$\n            \
             header @kind{at} {{\n                Content-Type \"{}\"\n                \
             Cache-Control \"{}\"\n            }}\n",
            rule.what,
            rule.pattern,
            rule.content_type,
            rule.cache_control(),
        );
    }
    out.push_str(TAIL);
    out
}

const HEAD: &str = "\
# A Lumen registry behind Caddy 2. Put this into /etc/caddy/Caddyfile, then
#   caddy validate --config /etc/caddy/Caddyfile && systemctl reload caddy
# Caddy gets the certificate by itself, unless it is told which one to use.

";

const TAIL: &str = r#"
            # Locks and half-written files.
            @hidden path_regexp /\.
            error @hidden 404
            file_server
        }
    }
    # A missing file may be published next, so caches must not keep errors.
    handle_errors {
        header Cache-Control "no-cache"
        header -Content-Type
        respond {err.status_code}
    }
}
"#;
