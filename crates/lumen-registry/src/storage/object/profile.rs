//! The profiles that the tools of AWS keep in `~/.aws`.

use std::{collections::BTreeMap, io, path::PathBuf};

use fs_err as fs;

use lumen_core::limits::{MAX_PROFILE_BYTES, rows};

use crate::variables::Variables;

/// The settings of a profile. Not `Debug`: it has secrets.
#[derive(Default)]
pub(super) struct Profile {
    name: String,
    /// Whether the user named it: others may go without a profile where files are public.
    pub(super) is_chosen: bool,
    settings: BTreeMap<String, String>,
}

/// Settings by which the tools of AWS get credentials from elsewhere: single sign-on, a console
/// login, a program, another profile's key. Lumen does not follow them; see CONTRIBUTING.md.
const INDIRECT: [&str; 7] = [
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

impl Profile {
    /// The profile of `AWS_PROFILE`, or the one called `default`; settings that its files lack are
    /// `None`.
    ///
    /// # Errors
    /// When `AWS_PROFILE` names a profile that does not exist, or a file cannot be read.
    pub(super) fn read(variables: &Variables) -> Result<Self, String> {
        let wanted = variables
            .get("AWS_PROFILE")
            .or_else(|| variables.get("AWS_DEFAULT_PROFILE"));
        let name = wanted.as_deref().unwrap_or("default");
        let mut profile = Self {
            name: name.to_owned(),
            is_chosen: wanted.is_some(),
            settings: BTreeMap::new(),
        };
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
            _ => Ok(profile),
        }
    }

    /// A setting, `aws_access_key_id` or `region`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Whether the profile has a key, or nothing that would lead to one.
    ///
    /// # Errors
    /// When the profile leads to credentials in a way that is not supported; says what to do
    /// instead.
    pub(super) fn check_usable(&self) -> Result<(), String> {
        let indirect = INDIRECT.into_iter().find(|key| self.get(key).is_some());
        let has_key = self.get("aws_access_key_id").is_some();
        match indirect.filter(|_| !has_key) {
            Some(key) => Err(format!(
                "the profile `{name}` uses `{key}`, which is not supported; \
                 `aws configure export-credentials --profile {name} --format env` makes variables of it",
                name = self.name
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
            "`{}` is too large; {}",
            path.display(),
            rows::MAX_PROFILE_BYTES
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
    fn profiles_that_lead_elsewhere_are_refused() {
        let checked = |settings: &str| {
            let settings = section_of(&format!("[p]\n{settings}"), "p").unwrap();
            let name = "p".to_owned();
            let is_chosen = true;
            let profile = Profile {
                name,
                is_chosen,
                settings,
            };
            profile.check_usable()
        };
        for key in INDIRECT {
            let error = checked(&format!("{key} = x\n")).unwrap_err();
            let hint = "`aws configure export-credentials --profile p --format env`";
            assert!(error.contains(&format!("uses `{key}`")), "{error}");
            assert!(error.contains(hint), "{error}");
        }
        let key = "aws_access_key_id = AKIA\n";
        assert!(checked(key).is_ok());
        assert!(checked(&format!("{key}credential_process = x\n")).is_ok());
        assert!(checked("region = x\n").is_ok());
        assert!(profile(Some("sso")).unwrap().check_usable().is_err());
    }

    #[test]
    fn profiles_that_do_not_do() {
        let error = |name| profile(Some(name)).err().unwrap();
        assert_eq!(
            error("none"),
            "AWS_PROFILE names `none`, which is no profile"
        );
        let nowhere = Variables::default();
        assert!(Profile::read(&nowhere).is_ok_and(|profile| profile.settings.is_empty()));
    }
}
