//! Programs that know credentials, spoken to as git speaks to its own (git-credential(7)).

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use lumen_registry::{
    audience::Audience,
    login::{Credentials, Login, LoginError, LoginHelper},
};
use url::Url;

use lumen_core::limits::{HELPER_PATIENCE, MAX_HELPER_BYTES};

/// A program, and the registry it is asked about.
#[derive(Debug)]
pub struct Helper {
    command: Vec<String>,
    name: String,
    url: Url,
    /// The folder that it runs in: not the project's, since nothing in there is the user's.
    folder: PathBuf,
    patience: Duration,
    /// The login to use when the program has none.
    otherwise: Option<Login>,
}

impl Helper {
    /// A program with its arguments, run in a folder, for the registry at this URL.
    pub fn new(command: &[String], url: &Url, folder: &Path, otherwise: Option<Login>) -> Self {
        Self {
            command: command.to_vec(),
            name: format!("the credential helper `{}`", command.join(" ")),
            url: url.clone(),
            folder: folder.to_owned(),
            patience: HELPER_PATIENCE,
            otherwise,
        }
    }

    /// The lines of the question to the program.
    fn question(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let host = match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let path = self.url.path().trim_matches('/');
        format!(
            "capability[]=authtype\nprotocol={}\nhost={host}\npath={path}\n",
            self.url.scheme()
        )
    }

    fn failed(&self, reason: impl Into<String>) -> LoginError {
        LoginError {
            helper: self.name.clone(),
            reason: reason.into(),
        }
    }

    /// Runs the program with one more argument and these lines, and returns its output.
    fn run(&self, action: &str, lines: &str) -> Result<String, LoginError> {
        let (program, arguments) = self.command.split_first().unwrap_or((&self.name, &[]));
        let child = Command::new(program)
            .args(arguments)
            .arg(action)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let child = child.map_err(|error| self.failed(format!("cannot be run: {error}")))?;
        let mut child = Running(child);
        if let Some(mut input) = child.0.stdin.take() {
            // A program that does not read fails below, if at all.
            let _ = input.write_all(format!("{lines}\n").as_bytes());
        }
        let output = child.0.stdout.take();
        let (sender, receiver) = mpsc::channel();
        // A thread, since a grandchild may keep the pipe open when the program is gone.
        std::thread::spawn(move || {
            let mut answer = Vec::new();
            let read =
                output.map(|output| output.take(MAX_HELPER_BYTES + 1).read_to_end(&mut answer));
            let _ = sender.send(read.transpose().map(|_| answer));
        });
        let start = Instant::now();
        let late = || {
            self.failed(format!(
                "did not answer within {} s",
                self.patience.as_secs()
            ))
        };
        let answer = receiver.recv_timeout(self.patience).map_err(|_| late())?;
        let answer = answer.map_err(|error| self.failed(format!("cannot be read: {error}")))?;
        let status = loop {
            match child.0.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if start.elapsed() > self.patience => return Err(late()),
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
                Err(error) => return Err(self.failed(format!("cannot be waited for: {error}"))),
            }
        };
        if !status.success() {
            return Err(self.failed(format!("failed: {status}")));
        }
        let answer = String::from_utf8(answer).ok();
        let answer = answer.filter(|answer| answer.len() as u64 <= MAX_HELPER_BYTES);
        answer.ok_or_else(|| self.failed("gave an answer that makes no sense"))
    }
}

impl LoginHelper for Helper {
    fn name(&self) -> &str {
        &self.name
    }

    fn login(&self) -> Result<Option<Login>, LoginError> {
        let answer = self.run("get", &self.question())?;
        let field = |name: &str| {
            let mut lines = answer.lines().rev();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        let is_bearer = field("authtype").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let credentials = match (field("credential"), field("username"), field("password")) {
            (Some(token), ..) if is_bearer => Credentials::Bearer(token.to_owned()),
            (_, Some(user), Some(password)) if !user.is_empty() => Credentials::Basic {
                user: user.to_owned(),
                password: password.to_owned(),
            },
            // A password without a user is a token.
            (.., Some(token)) => Credentials::Bearer(token.to_owned()),
            _ => return Ok(self.otherwise.clone()),
        };
        let origin = self.name.clone();
        Ok(Some(Login {
            credentials,
            origin,
            audience: Audience::Origin(self.url.clone()),
        }))
    }

    fn refused(&self, login: &Login) {
        if login.origin != self.name {
            return;
        }
        let lines = match &login.credentials {
            Credentials::Basic { user, password } => {
                format!("username={user}\npassword={password}\n")
            }
            Credentials::Bearer(token) => format!("authtype=Bearer\ncredential={token}\n"),
        };
        // Many helpers store nothing, so a failure here does not matter.
        let _ = self.run("erase", &format!("{}{lines}", self.question()));
    }
}

/// A program that ends with its caller.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn helper(script: &str) -> Helper {
        let command = ["sh", "-c", script, "helper"].map(str::to_owned);
        let url = Url::parse("https://h.example:8443/a/b/").unwrap();
        let otherwise = Login {
            credentials: Credentials::Bearer("other".into()),
            origin: "another place".into(),
            audience: Audience::Origin(url.clone()),
        };
        Helper::new(&command, &url, Path::new("/"), Some(otherwise))
    }

    fn basic(user: &str, password: &str) -> Credentials {
        Credentials::Basic {
            user: user.into(),
            password: password.into(),
        }
    }

    #[test]
    fn answers() {
        for (script, expected) in [
            ("echo username=u; echo password=p", basic("u", "p")),
            (
                "echo protocol=https; echo username=u; echo password=a=b; echo",
                basic("u", "a=b"),
            ),
            ("echo password=tok", Credentials::Bearer("tok".into())),
            (
                "echo username=; echo password=tok",
                Credentials::Bearer("tok".into()),
            ),
            (
                "echo authtype=Bearer; echo credential=tok",
                Credentials::Bearer("tok".into()),
            ),
            ("true", Credentials::Bearer("other".into())),
            ("echo username=u", Credentials::Bearer("other".into())),
            // It is asked as git asks.
            (
                "read a; read b; read c; read d; echo \"username=$1\"; echo \"password=$a|$b|$c|$d\"",
                basic(
                    "get",
                    "capability[]=authtype|protocol=https|host=h.example:8443|path=a/b",
                ),
            ),
        ] {
            let found = helper(script).login().unwrap().unwrap();
            // Neither has a `Debug` that shows anything.
            assert!(found.credentials == expected, "{script}");
        }
    }

    #[test]
    fn failures_tell_no_secret() {
        let endless = "while :; do echo password=secret; done";
        for (script, reason) in [
            ("echo password=secret; exit 3", "failed: exit status: 3"),
            (
                "printf 'password=\\377secret'",
                "gave an answer that makes no sense",
            ),
            (endless, "gave an answer that makes no sense"),
            ("sleep 20", "did not answer within 1 s"),
            (
                "sleep 20 & echo password=secret",
                "did not answer within 1 s",
            ),
        ] {
            let mut helper = helper(script);
            helper.name = "the credential helper `x`".into();
            helper.patience = Duration::from_secs(1);
            let error = helper.login().unwrap_err().to_string();
            assert!(error.starts_with("the credential helper `x` "), "{error}");
            let broken = script == endless && error.contains("failed: ");
            assert!(error.ends_with(reason) || broken, "{error}");
        }
        let url = Url::parse("https://h/").unwrap();
        let missing = Helper::new(&["no-such-program".to_owned()], &url, Path::new("/"), None);
        let error = missing.login().unwrap_err().to_string();
        assert!(error.starts_with("the credential helper `no-such-program` cannot be run: "));
    }

    #[test]
    fn what_was_refused_is_to_be_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("said");
        let script = format!(
            "case $1 in get) echo username=u; echo password=p;; *) (echo $1; cat) > {};; esac",
            file.display()
        );
        let helper = helper(&script);
        let login = helper.login().unwrap().unwrap();
        helper.refused(&login);
        let said = std::fs::read_to_string(&file).unwrap();
        assert!(said.starts_with("erase\n") && said.contains("\nusername=u\npassword=p\n"));
        std::fs::remove_file(&file).unwrap();
        helper.refused(helper.otherwise.as_ref().unwrap());
        assert!(!file.exists());
    }
}
