//! Real web servers, nginx and Apache, in front of one folder in all the ways that hosts do it.
//!
//! | path | what |
//! |---|---|
//! | `/files/` | the files; of JSON also the copies beside it, `.gz`, `.br` and `.zst`, for clients that accept them |
//! | `/packed/` | JSON compressed on the way |
//! | `/basic/` | for the user `user` with the password `pass` |
//! | `/bearer/` | for the token `tok-read-1` |
//! | `/moved/` | a redirect to `/files/` |
//!
//! All of them over HTTP/1.1 on one port and over HTTPS, with HTTP/2, on another.

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::tls;

/// Longest wait for a server to answer, or for a line in its log.
const PATIENCE: Duration = Duration::from_secs(10);

/// `user` and the SHA-1 of `pass`, in the one form that both servers read everywhere.
const USERS: &str = "user:{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=\n";

/// A web server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// nginx of Debian, with its module for Brotli.
    Nginx,
    /// Apache of Debian.
    Apache,
}

impl Program {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Nginx, Self::Apache];

    /// Where Debian puts it, which is on no ordinary user's path.
    const fn path(self) -> &'static str {
        match self {
            Self::Nginx => "/usr/sbin/nginx",
            Self::Apache => "/usr/sbin/apache2",
        }
    }

    /// Whether it can be run here, with certificates.
    pub fn is_installed(self) -> bool {
        let modules = match self {
            Self::Nginx => "/usr/lib/nginx/modules/ngx_http_brotli_static_module.so",
            Self::Apache => "/usr/lib/apache2/modules/mod_http2.so",
        };
        Path::new(self.path()).exists() && Path::new(modules).exists() && tls::is_installed()
    }
}

/// A running server; stopped when dropped, by its own process.
pub struct WebServer {
    child: Child,
    http: u16,
    https: u16,
    dir: TempDir,
}

impl WebServer {
    /// Serves a folder.
    ///
    /// # Errors
    /// When the server cannot be started or does not answer.
    pub fn serve(program: Program, root: &Path) -> io::Result<Self> {
        let dir = TempDir::new()?;
        let www = dir.path().join("www");
        fs::create_dir(&www)?;
        for name in ["files", "packed", "basic", "bearer"] {
            std::os::unix::fs::symlink(root, www.join(name))?;
        }
        // A server that was started as root reads as another user.
        let_everyone_in(dir.path())?;
        let_everyone_in(root)?;
        fs::write(dir.path().join("users"), USERS)?;
        tls::issue(dir.path())?;
        let (http, https) = (free_port()?, free_port()?);
        let (configuration, arguments) = match program {
            Program::Nginx => (NGINX, ["-c", "-g", "daemon off;"]),
            Program::Apache => (APACHE, ["-f", "-D", "FOREGROUND"]),
        };
        let configuration = configuration
            .replace("@DIR@", &dir.path().display().to_string())
            .replace("@HTTP@", &http.to_string())
            .replace("@HTTPS@", &https.to_string());
        let file = dir.path().join("server.conf");
        fs::write(&file, configuration)?;
        let child = Command::new(program.path())
            .arg(arguments[0])
            .arg(&file)
            .args(&arguments[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("stderr"))?)
            .spawn()?;
        let mut server = Self {
            child,
            http,
            https,
            dir,
        };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", http)).is_err() {
            if start.elapsed() > PATIENCE || server.child.try_wait()?.is_some() {
                let said = |name: &str| fs::read_to_string(server.dir.path().join(name));
                let said = [said("stderr")?, said("error.log").unwrap_or_default()].concat();
                return Err(io::Error::other(format!(
                    "{program:?} did not start: {said}"
                )));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// The URL of a path over HTTP.
    pub fn http(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    /// The URL of a path over HTTPS.
    pub fn https(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.https)
    }

    /// The certificate of the authority that certified the server.
    pub fn authority(&self) -> PathBuf {
        self.dir.path().join(tls::AUTHORITY)
    }

    /// Waits for a line of the log, `<protocol> <status> <method> <path>`, that has this text.
    ///
    /// # Errors
    /// When none comes; the error has the log.
    pub fn logged(&self, text: &str) -> io::Result<()> {
        let start = Instant::now();
        loop {
            let log = fs::read_to_string(self.dir.path().join("access.log"))?;
            if log.lines().any(|line| line.contains(text)) {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("no `{text}` in: {log}")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        // SIGKILL would orphan the workers, so it is asked to stop.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Lets every user into a folder of ours below the system's folder of temporary files.
fn let_everyone_in(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let temporary = std::env::temp_dir();
    for folder in folder.ancestors().take_while(|path| *path != temporary) {
        let mode = fs::metadata(folder)?.permissions().mode();
        if mode & 0o005 != 0o005 && folder.starts_with(&temporary) {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode | 0o055))?;
        }
    }
    Ok(())
}

const NGINX: &str = r#"
pid @DIR@/nginx.pid;
error_log @DIR@/error.log;
worker_processes 1;
load_module /usr/lib/nginx/modules/ngx_http_brotli_static_module.so;
events { worker_connections 256; }
http {
    log_format short "$server_protocol $status $request_method $request_uri";
    access_log @DIR@/access.log short;
    client_body_temp_path @DIR@/t1; proxy_temp_path @DIR@/t2; fastcgi_temp_path @DIR@/t3;
    uwsgi_temp_path @DIR@/t4; scgi_temp_path @DIR@/t5;
    types { application/json json; }
    default_type application/octet-stream;
    map $http_authorization $may { default 0; "Bearer tok-read-1" 1; }
    map $http_accept_encoding $zst { default ""; "~*\bzstd\b" ".zst"; }
    server {
        listen 127.0.0.1:@HTTP@;
        listen 127.0.0.1:@HTTPS@ ssl http2;
        server_name localhost;
        ssl_certificate @DIR@/server.pem;
        ssl_certificate_key @DIR@/server.key;
        root @DIR@/www;
        gzip_static on;
        brotli_static on;
        add_header Cache-Control no-cache;
        location ~ ^/files/.*\.json$ {
            set $packed "";
            if ($zst) { set $packed $request_filename.zst; }
            if (-f $packed) { rewrite ^(.*)$ $1.zst last; }
        }
        location ~ \.json\.zst$ {
            internal;
            gzip_static off;
            brotli_static off;
            types { }
            default_type application/json;
            add_header Content-Encoding zstd;
            add_header Cache-Control no-cache;
        }
        location /packed/ { gzip_static off; brotli_static off; gzip on; gzip_min_length 1; gzip_types application/json; }
        location /basic/ { auth_basic "lumen"; auth_basic_user_file @DIR@/users; }
        location /bearer/ { if ($may = 0) { return 401; } }
        location /moved/ { rewrite ^/moved/(.*)$ /files/$1 redirect; }
    }
}
"#;

const APACHE: &str = r#"
ServerRoot @DIR@
PidFile @DIR@/apache.pid
ErrorLog @DIR@/error.log
LogFormat "%H %>s %m %U" short
ServerName localhost
Mutex file:@DIR@ default
User www-data
Group www-data
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authn_file_module /usr/lib/apache2/modules/mod_authn_file.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule auth_basic_module /usr/lib/apache2/modules/mod_auth_basic.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so
LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so
TypesConfig /dev/null
AddType application/json .json
Listen 127.0.0.1:@HTTP@
Listen 127.0.0.1:@HTTPS@
Protocols h2 http/1.1
CustomLog @DIR@/access.log short
DocumentRoot @DIR@/www
<Directory />
    Require all granted
    Options FollowSymLinks
    Header always set Cache-Control no-cache
</Directory>
<Location /files>
    RewriteEngine On
    RewriteCond %{HTTP:Accept-Encoding} \bzstd\b
    RewriteCond %{REQUEST_FILENAME}.zst -f
    RewriteRule ^(.*\.json)$ $1.zst [L]
    RewriteCond %{HTTP:Accept-Encoding} \bbr\b
    RewriteCond %{REQUEST_FILENAME}.br -f
    RewriteRule ^(.*\.json)$ $1.br [L]
    RewriteCond %{HTTP:Accept-Encoding} \bgzip\b
    RewriteCond %{REQUEST_FILENAME}.gz -f
    RewriteRule ^(.*\.json)$ $1.gz [L]
</Location>
<FilesMatch "\.json\.zst$">
    ForceType application/json
    Header set Content-Encoding zstd
</FilesMatch>
<FilesMatch "\.json\.br$">
    ForceType application/json
    Header set Content-Encoding br
</FilesMatch>
<FilesMatch "\.json\.gz$">
    ForceType application/json
    Header set Content-Encoding gzip
</FilesMatch>
<Location /packed>
    AddOutputFilterByType DEFLATE application/json
</Location>
<Location /basic>
    AuthType Basic
    AuthName lumen
    AuthUserFile @DIR@/users
    Require valid-user
</Location>
<Location /bearer>
    Require expr %{HTTP:Authorization} == 'Bearer tok-read-1'
</Location>
Redirect /moved /files
<VirtualHost 127.0.0.1:@HTTPS@>
    SSLEngine on
    SSLCertificateFile @DIR@/server.pem
    SSLCertificateKeyFile @DIR@/server.key
</VirtualHost>
"#;
