//! nginx.

use std::fmt::Write as _;

use super::{
    ALLOWED_HEADERS, ALLOWED_METHODS, EXPOSED_HEADERS, PREFLIGHT_SECONDS, Site, rules::rules,
};

/// The configuration, to be included in the `http` block.
pub(super) fn config(site: &Site) -> String {
    let mut out = String::from(HEAD);
    let _ = write!(
        out,
        "map $request_method $lumen_allow_methods {{ OPTIONS \"{ALLOWED_METHODS}\"; }}\n\
         map $request_method $lumen_allow_headers {{ OPTIONS \"{ALLOWED_HEADERS}\"; }}\n\
         map $request_method $lumen_max_age {{ OPTIONS {PREFLIGHT_SECONDS}; }}\n\n"
    );
    if site.redirects() {
        let _ = write!(
            out,
            "server {{\n    listen 80;\n    listen [::]:80;\n    server_name {};\n    \
             return 301 https://$host$request_uri;\n}}\n\n",
            site.server_name
        );
    }
    out.push_str("server {\n");
    for address in site.addresses() {
        let tls = if site.tls.is_some() { " ssl http2" } else { "" };
        let _ = writeln!(out, "    listen {address}{tls};");
    }
    let _ = writeln!(out, "    server_name {};", site.server_name);
    if let Some(tls) = &site.tls {
        let _ = write!(
            out,
            "    ssl_certificate \"{}\";\n    ssl_certificate_key \"{}\";\n    \
             ssl_protocols TLSv1.2 TLSv1.3;\n",
            tls.certificate, tls.key
        );
    }
    locations(&mut out, site);
    out.push_str("}\n");
    out
}

const HEAD: &str = r#"# A Lumen registry behind nginx. Put this into the http block, as a file such as
# /etc/nginx/conf.d/lumen-registry.conf; `nginx -t` checks it, `nginx -s reload` loads it.
#
# All `add_header` lines are in one place, and each location inherits them. It stops
# inheriting as soon as it has an `add_header` of its own: add yours to that place, too.
#
# nginx makes ETags of a file's time in seconds and its size. `lumen` gives each new index
# a later second; if you copy with another program, let it not preserve modification times.

# A missing file may be published next, so caches must not keep errors.
map $status $lumen_cache_control { ~^(2|304) $lumen_keep; default "no-cache"; }
# For preflight requests only: nginx leaves out headers without a value.
"#;

fn locations(out: &mut String, site: &Site) {
    let (root, prefix) = (&site.root, &site.prefix);
    let (escaped, hidden) = (site.escaped_prefix(), site.hidden());
    // Other locations of the server must not take over, but `^~` before `/` would take theirs.
    let modifier = if prefix == "/" { "" } else { "^~ " };
    let _ = write!(
        out,
        r#"
    location {modifier}{prefix} {{
        alias "{root}/";
        autoindex off;
        set $lumen_keep "no-cache";
        add_header Cache-Control $lumen_cache_control always;
        # For web pages that read the registry.
        add_header Access-Control-Allow-Origin "*" always;
        add_header Access-Control-Expose-Headers "{EXPOSED_HEADERS}" always;
        add_header Access-Control-Allow-Methods $lumen_allow_methods always;
        add_header Access-Control-Allow-Headers $lumen_allow_headers always;
        add_header Access-Control-Max-Age $lumen_max_age always;
        if ($request_method = OPTIONS) {{ return 204; }}
        # Made as needed: a file made ahead, as `gzip_static` takes it, would be an old index.
        gzip on;
        gzip_vary on;
        gzip_proxied any;
        gzip_min_length 512;
        gzip_types application/json text/plain;
        # With the brotli module: brotli on; brotli_types application/json text/plain;

        # Locks and half-written files.
        location ~ {hidden} {{ return 404; }}
        # No folder has a list.
        location = {prefix} {{
            alias "{root}/index.html";
            types {{ }}
            default_type text/html;
            charset utf-8;
            if ($request_method = OPTIONS) {{ return 204; }}
        }}
        location ~ /$ {{ return 404; }}
"#
    );
    for rule in rules() {
        let (media_type, charset) = rule.media_type();
        let charset = charset.map_or_else(String::new, |charset| {
            format!("            charset {charset};\n")
        });
        let _ = write!(
            out,
            "\n        # {}\n        location ~ \"^{escaped}({})$\" {{\n            \
             alias \"{root}/$1\";\n            types {{ }}\n            \
             default_type {media_type};\n{charset}            \
             set $lumen_keep \"{}\";\n            \
             if ($request_method = OPTIONS) {{ return 204; }}\n        }}\n",
            rule.what,
            rule.pattern,
            rule.cache_control(),
        );
    }
    out.push_str("    }\n");
}
