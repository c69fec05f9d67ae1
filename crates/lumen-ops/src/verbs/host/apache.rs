//! Apache.

use std::fmt::Write as _;

use super::{
    ALLOWED_HEADERS, ALLOWED_METHODS, EXPOSED_HEADERS, PREFLIGHT_SECONDS, Site, rules::rules,
};

/// The configuration, to be included in that of the server.
pub(super) fn config(site: &Site) -> String {
    let mut out = String::from(HEAD);
    let (root, prefix) = (&site.root, &site.prefix);
    let (escaped, hidden) = (site.escaped_prefix(), site.hidden());
    let outside = prefix.trim_end_matches('/');
    if site.redirects() {
        let _ = write!(
            out,
            "<VirtualHost *:80>\n    ServerName {0}\n    Redirect permanent \"/\" \"https://{0}/\"\n</VirtualHost>\n\n",
            site.server_name
        );
    }
    if let Some(listen) = site.unusual_port() {
        let _ = writeln!(
            out,
            "# Leave this out if another file has it.\nListen {listen}\n"
        );
    }
    let addresses = match site.addresses().as_slice() {
        // Apache's own way to say: every address.
        [one, ..] if one.parse::<u16>().is_ok() => format!("*:{one}"),
        all => all.join(" "),
    };
    let _ = writeln!(
        out,
        "<VirtualHost {addresses}>\n    ServerName {}",
        site.server_name
    );
    if let Some(tls) = &site.tls {
        let _ = write!(
            out,
            "    SSLEngine on\n    SSLProtocol -all +TLSv1.2 +TLSv1.3\n    \
             SSLCertificateFile \"{}\"\n    SSLCertificateKeyFile \"{}\"\n    \
             <IfModule mod_http2.c>\n        Protocols h2 http/1.1\n    </IfModule>\n",
            tls.certificate, tls.key
        );
    }
    let place = match outside {
        "" => format!("DocumentRoot \"{root}\""),
        outside => format!("Alias \"{outside}\" \"{root}\""),
    };
    let _ = write!(
        out,
        r#"    {place}
    <Directory "{root}">
        Require all granted
        AllowOverride None
        # No list of a folder, no links out of it.
        Options None
        DirectorySlash Off
        DirectoryIndex index.html
        # Files are data, whatever their names end with.
        SetHandler default-handler
        FileETag MTime Size
    </Directory>

    # Locks and half-written files.
    RedirectMatch 404 "{hidden}"

    # For web pages that read the registry; the second part for preflight requests only.
    RewriteEngine On
    RewriteCond %{{REQUEST_METHOD}} =OPTIONS
    RewriteRule "^{escaped}" - [R=204,L]
    <Location "{prefix}">
        Header always set Access-Control-Allow-Origin "*"
        Header always set Access-Control-Expose-Headers "{EXPOSED_HEADERS}"
        Header always set Access-Control-Allow-Methods "{ALLOWED_METHODS}" "expr=%{{REQUEST_METHOD}} == 'OPTIONS'"
        Header always set Access-Control-Allow-Headers "{ALLOWED_HEADERS}" "expr=%{{REQUEST_METHOD}} == 'OPTIONS'"
        Header always set Access-Control-Max-Age "{PREFLIGHT_SECONDS}" "expr=%{{REQUEST_METHOD}} == 'OPTIONS'"
        # A missing file may be published next, so caches must not keep errors.
        Header always set Cache-Control "no-cache" "expr=%{{REQUEST_STATUS}} >= 400"
        Header set Cache-Control "no-cache"
        <IfModule mod_brotli.c>
            AddOutputFilterByType BROTLI_COMPRESS application/json text/plain
        </IfModule>
        <IfModule mod_deflate.c>
            AddOutputFilterByType DEFLATE application/json text/plain
        </IfModule>
        # Compressing puts a suffix into the ETag, which the file itself has not.
        RequestHeader edit "If-None-Match" "^(W/)?\"(.*)-(?:gzip|br)\"$" "$1\"$2\", $1\"$2-gzip\", $1\"$2-br\""
    </Location>
"#
    );
    // The last that fits counts, with Apache.
    for rule in rules().iter().rev() {
        let _ = write!(
            out,
            "\n    # {}\n    <LocationMatch \"^{escaped}{}$\">\n        \
             ForceType \"{}\"\n        Header set Cache-Control \"{}\"\n    </LocationMatch>\n",
            rule.what,
            rule.pattern,
            rule.content_type,
            rule.cache_control(),
        );
    }
    out.push_str("</VirtualHost>\n");
    out
}

const HEAD: &str = "\
# A Lumen registry behind Apache 2.4. Put this into a file such as
# /etc/apache2/sites-available/lumen-registry.conf, then
#   a2enmod headers rewrite alias dir deflate ssl http2
#   a2ensite lumen-registry && apachectl configtest && systemctl reload apache2
#
# Publish into the folder, not through WebDAV: two publishers at once both win there.

";
