//! The profiles that the tools of AWS keep in `~/.aws`.

use std::{collections::BTreeMap, io, path::PathBuf};

use fs_err as fs;

use lumen_core::limits::MAX_PROFILE_BYTES;

use crate::variables::Variables;

/// The settings of a profile. Not `Debug`: it has secrets.
#[derive(Default)]
pub(super) struct Profile {
    settings: BTreeMap<String, String>,
}

impl Profile {
    /// The profile of `AWS_PROFILE`, or the one called `default`; settings that its files lack are
    /// `None`.
    ///
    /// # Errors
    /// When `AWS_PROFILE` names a profile that does not exist, or has settings that are not
    /// supported.
    pub(super) fn read(variables: &Variables) -> Result<Self, String> {
        let wanted = variables
            .get("AWS_PROFILE")
            .or_else(|| variables.get("AWS_DEFAULT_PROFILE"));
        let name = wanted.as_deref().unwrap_or("default");
        let mut profile = Self::default();
        let mut found = false;
        for (variable, file, section) in [
            (
                "AWS_CONFIG_FILE",
                "config",
                match name {
                    "default" => "default".to_owned(),
                    name => format!("profile {name}"),
                },
            ),
            // The one with the secrets wins.
            (
                "AWS_SHARED_CREDENTIALS_FILE",
                "credentials",
                name.to_owned(),
            ),
        ] {
            let Some(path) = place(variables, variable, file) else {
                continue;
            };
            let text = read(&path).map_err(|error| format!("cannot read profiles: {error}"))?;
            let Some(settings) = text.as_deref().and_then(|text| section_of(text, &section)) else {
                continue;
            };
            found = true;
            profile.settings.extend(settings);
        }
        match wanted {
            Some(name) if !found => Err(format!("AWS_PROFILE names `{name}`, which is no profile")),
            Some(name) => profile.check_usable(&name).map(|()| profile),
            None => Ok(profile),
        }
    }

    /// A setting, `aws_access_key_id` or `region`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Whether the profile has a key, or nothing that would lead to one.
    fn check_usable(&self, name: &str) -> Result<(), String> {
        if self.get("aws_access_key_id").is_some() {
            return Ok(());
        }
        let unknown = [
            "sso_session",
            "sso_start_url",
            "credential_process",
            "role_arn",
        ];
        match unknown.into_iter().find(|key| self.get(key).is_some()) {
            Some(key) => Err(format!(
                "the profile `{name}` uses `{key}`, which is not supported; \
                 `aws configure export-credentials --profile {name} --format env` makes variables of it"
            )),
            None => Ok(()),
        }
    }
}

fn place(variables: &Variables, variable: &str, file: &str) -> Option<PathBuf> {
    if let Some(path) = variables.get(variable) {
        return Some(path.into());
    }
    let home = variables
        .get("HOME")
        .or_else(|| variables.get("USERPROFILE"))?;
    Some(PathBuf::from(home).join(".aws").join(file))
}

fn read(path: &PathBuf) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > MAX_PROFILE_BYTES => Err(io::Error::other(format!(
            "`{}` is too large",
            path.display()
        ))),
        Ok(metadata) if metadata.is_file() => fs::read_to_string(path).map(Some),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(None),
    }
}

/// The settings of a section of an INI file; nested ones, which are indented, are left out.
fn section_of(text: &str, wanted: &str) -> Option<BTreeMap<String, String>> {
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or_default();
            inside = name.split_whitespace().eq(wanted.split_whitespace());
            if inside {
                found.get_or_insert_default();
            }
            continue;
        }
        if !inside || line.starts_with(char::is_whitespace) {
            continue;
        }
        if let (Some((name, value)), Some(found)) = (trimmed.split_once('='), &mut found) {
            let value = value.split(" #").next().unwrap_or_default().trim();
            found.insert(name.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "\
# mine
[default]
aws_access_key_id = AKIA1
aws_secret_access_key=secret=with/equals

[ work ]
aws_access_key_id=AKIA2   # not this
aws_secret_access_key = s2
";
    const CONFIG: &str = "\
[default]
region = eu-west-1
s3 =
  addressing_style = path
[profile work]
region=eu-north-1
endpoint_url = https://s3.example
[profile sso]
sso_session = x
";

    fn profile(name: Option<&str>) -> Result<Profile, String> {
        let dir = tempfile::tempdir().unwrap();
        let aws = dir.path().join(".aws");
        fs::create_dir(&aws).unwrap();
        fs::write(aws.join("credentials"), CREDENTIALS).unwrap();
        fs::write(aws.join("config"), CONFIG).unwrap();
        let home = ("HOME".to_owned(), dir.path().display().to_string());
        let name = name.map(|name| ("AWS_PROFILE".to_owned(), name.to_owned()));
        Profile::read(&[Some(home), name].into_iter().flatten().collect())
    }

    #[test]
    fn both_files_count() {
        for (name, key, expected) in [
            (None, "aws_access_key_id", Some("AKIA1")),
            (None, "aws_secret_access_key", Some("secret=with/equals")),
            (None, "region", Some("eu-west-1")),
            (None, "addressing_style", None),
            (Some("work"), "aws_access_key_id", Some("AKIA2")),
            (Some("work"), "region", Some("eu-north-1")),
            (Some("work"), "endpoint_url", Some("https://s3.example")),
        ] {
            let profile = profile(name).unwrap();
            assert_eq!(profile.get(key), expected, "{name:?} {key}");
        }
    }

    #[test]
    fn profiles_that_do_not_do() {
        let error = |name| profile(Some(name)).err().unwrap();
        assert_eq!(
            error("none"),
            "AWS_PROFILE names `none`, which is no profile"
        );
        assert!(error("sso").contains("uses `sso_session`"));
        let nowhere = Variables::default();
        assert!(Profile::read(&nowhere).is_ok_and(|profile| profile.settings.is_empty()));
    }
}
