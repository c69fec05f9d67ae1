//! Certificates of an authority that no other program trusts, made by `openssl`.

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
};

/// The file with the authority's own certificate.
pub const AUTHORITY: &str = "ca.pem";

/// Whether certificates can be made here.
pub fn is_installed() -> bool {
    let version = Command::new("openssl").arg("version").output();
    version.is_ok_and(|output| output.status.success())
}

/// Makes an authority and lets it certify `localhost` and `127.0.0.1`: `ca.pem`, `server.pem`
/// and `server.key`.
///
/// # Errors
/// When `openssl` cannot be run or fails.
pub fn issue(dir: &Path) -> io::Result<()> {
    const KEY: [&str; 5] = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    openssl(
        dir,
        &[&["req", "-x509"], &KEY[..]].concat(),
        "-days 30 -subj /CN=Test-CA -addext basicConstraints=critical,CA:TRUE \
         -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.pem",
    )?;
    openssl(
        dir,
        &[&["req"], &KEY[..]].concat(),
        "-subj /CN=localhost -keyout server.key -out server.csr",
    )?;
    let extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1\n\
                      basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n";
    fs::write(dir.join("extensions"), extensions)?;
    openssl(
        dir,
        &["x509", "-req"],
        "-in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
         -extfile extensions -out server.pem",
    )
}

fn openssl(dir: &Path, first: &[&str], rest: &str) -> io::Result<()> {
    let output = Command::new("openssl")
        .args(first)
        .args(rest.split_whitespace())
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(io::Error::other(format!("openssl failed: {said}")))
        }
    }
}
