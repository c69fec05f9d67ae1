//! Environment variables as values: a run sees those that it is given, and no others.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    sync::Arc,
};

/// Environment variables. A clone costs nothing.
///
/// On Windows the case of their names does not matter, as everywhere there.
#[derive(Clone, Default)]
pub struct Variables(Arc<BTreeMap<OsString, OsString>>);

impl Variables {
    /// The value of a variable, if that is a text and not empty.
    pub fn get(&self, name: &str) -> Option<String> {
        self.raw(name)?.to_str().map(str::to_owned)
    }

    /// The value of a variable that is not empty, for instance a path.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        let value = self.0.get(&key(OsString::from(name)))?;
        (!value.is_empty()).then_some(value)
    }

    /// Whether a variable is set, be it empty.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(&key(OsString::from(name)))
    }

    /// All variables whose names start like this and whose values are texts and not empty.
    pub fn with_prefix(&self, prefix: &str) -> Vec<(String, String)> {
        let text = |(name, value): (&OsString, &OsString)| {
            let (name, value) = (name.to_str()?, value.to_str()?);
            let wanted = name.starts_with(prefix) && !value.is_empty();
            wanted.then(|| (name.to_owned(), value.to_owned()))
        };
        self.0.iter().filter_map(text).collect()
    }

    /// All variables.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let all = self.0.iter();
        all.map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

fn key(name: OsString) -> OsString {
    match cfg!(windows) {
        true => name.to_ascii_uppercase(),
        false => name,
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Variables {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(variables: T) -> Self {
        let variables = variables.into_iter();
        let variables = variables.map(|(name, value)| (key(name.into()), value.into()));
        Self(Arc::new(variables.collect()))
    }
}

impl fmt::Debug for Variables {
    /// Shows no values: there are secrets among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_and_no_values_in_messages() {
        let variables = Variables::from_iter([("A_1", "x"), ("A_2", ""), ("B", "secret")]);
        for (name, value) in [
            ("A_1", Some("x")),
            ("A_2", None),
            ("B", Some("secret")),
            // Every process has this one.
            ("PATH", None),
        ] {
            assert_eq!(variables.get(name).as_deref(), value, "{name}");
        }
        assert_eq!(variables.with_prefix("A_"), [("A_1".into(), "x".into())]);
        assert!(!format!("{variables:?}").contains("secret"));
    }
}
