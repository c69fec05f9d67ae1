//! `[registry.roots]`: which first root note a registry must have, by name, and so by place.

use std::collections::BTreeMap;

use lumen_core::{
    Digest,
    manifest::{InstallSection, RegistrySection, RegistryUrls},
    problem::{self, Problem},
};
use lumen_registry::Location;

use super::{DEFAULT, is_location, urls};
use crate::error::{OpsError, SettingsError};

/// The pins. A pin holds for a place, however a command names the registry there: by its
/// name, as the default, by flag, by variable or by URL.
#[derive(Debug, Clone, Default)]
pub struct Pins {
    by_name: BTreeMap<String, Digest>,
    by_place: BTreeMap<String, Digest>,
}

/// The files with registries and pins, the strongest first, and their merged settings.
pub(super) struct Sources<'s> {
    pub(super) layers: &'s [(RegistrySection, InstallSection)],
    pub(super) registries: &'s BTreeMap<String, RegistryUrls>,
    /// The default, wherever it was given.
    pub(super) default: Option<&'s RegistryUrls>,
}

impl Pins {
    /// Collects all pins. Returns a warning for each that no registry has.
    ///
    /// # Errors
    /// When two pins of one name or of one place differ.
    pub(super) fn new(sources: &Sources<'_>) -> Result<(Self, Vec<Problem>), OpsError> {
        let mut pins = Self::default();
        // Under which name a place was pinned, for messages.
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        let mut warnings = Vec::new();
        for (at, (layer, _)) in sources.layers.iter().enumerate() {
            for (name, pin) in &layer.roots {
                // A weaker file's pin must not be undone by a stronger one: a project is not the user.
                let other = pins.by_name.insert(name.clone(), pin.root);
                if other.is_some_and(|other| other != pin.root) {
                    return Err(SettingsError::Pins {
                        registry: name.clone(),
                    }
                    .into());
                }
                if !sources.has(name) {
                    warnings.push(sources.unmatched(name).at(pin.place.clone()));
                }
                for place in sources.places_of(name, at) {
                    let other = pins.by_place.insert(place.clone(), pin.root);
                    let before = names.insert(place.clone(), name);
                    if other.is_some_and(|other| other != pin.root) {
                        return Err(SettingsError::PinsOfPlace {
                            first: before.unwrap_or_default().to_owned(),
                            second: name.clone(),
                            place: place.to_string(),
                        }
                        .into());
                    }
                }
            }
        }
        Ok((pins, warnings))
    }

    /// The fingerprint that the registry of this name at this place must have. A pin of the
    /// place is stronger than one of the name: `default` may be any registry by flag or
    /// variable.
    pub fn of(&self, name: &str, place: &Location) -> Option<Digest> {
        let by_place = self.by_place.get(&place.url());
        by_place.or_else(|| self.by_name.get(name)).copied()
    }
}

impl Sources<'_> {
    /// Whether a pin is one of a registry that is configured or in use.
    fn has(&self, name: &str) -> bool {
        if name == DEFAULT || self.registries.contains_key(name) {
            return true;
        }
        let known = self.registries.values().chain(self.default).flat_map(urls);
        let place = place(name);
        place.is_some_and(|place| {
            known
                .filter_map(|url| self::place(url))
                .any(|url| url == place)
        })
    }

    fn unmatched(&self, name: &str) -> Problem {
        let known = self.registries.keys().map(String::as_str);
        let (what, hint) = match is_location(name) {
            true => (
                format!("no registry in use is at `{name}`, so this pin protects nothing"),
                "write the URL as it stands in [registry.registries], or pin the registry by its name there".into(),
            ),
            false => (
                format!("no registry is called `{name}`, so this pin protects nothing"),
                match problem::nearest(name, known) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("add `{name} = \"https://…\"` to [registry.registries], or pin it by its URL"),
                },
            ),
        };
        Problem::warning(what).hint(hint)
    }

    /// Where the registry is that a pin in one of the files means.
    fn places_of(&self, name: &str, layer: usize) -> impl Iterator<Item = String> {
        let seen = self.layers.get(layer..).unwrap_or_default();
        let by_name = |name: &str| {
            // The URL of the name in this file, and in the merged settings.
            let own = seen.iter().find_map(|(file, _)| file.registries.get(name));
            let found = [own, self.registries.get(name)].into_iter().flatten();
            found.flat_map(urls).cloned().collect::<Vec<String>>()
        };
        let mut found = by_name(name);
        if name == DEFAULT
            && let Some(default) = seen.iter().find_map(|(file, _)| file.default.as_deref())
        {
            match is_location(default) {
                true => found.push(default.to_owned()),
                false => found.extend(by_name(default)),
            }
        }
        if is_location(name) {
            found.push(name.to_owned());
        }
        found.into_iter().filter_map(|url| place(&url))
    }
}

/// The one spelling of a place; `None` for other texts.
fn place(url: &str) -> Option<String> {
    Location::parse(url).ok().map(|location| location.url())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    fn pins(
        project: &str,
        user: &str,
        default: Option<&str>,
    ) -> Result<(Pins, Vec<Problem>), OpsError> {
        let project = lumen_core::manifest::parse("lumen.toml", project);
        let user = lumen_core::config::parse("config.toml", user);
        let layers = [
            (
                project.manifest.unwrap().registry,
                InstallSection::default(),
            ),
            (user.config.unwrap().registry, InstallSection::default()),
        ];
        let mut registries = layers[1].0.registries.clone();
        registries.extend(layers[0].0.registries.clone());
        let default = default.map(|read| RegistryUrls {
            read: read.into(),
            publish: None,
        });
        Pins::new(&Sources {
            layers: &layers,
            registries: &registries,
            default: default.as_ref(),
        })
    }

    fn of(pins: &Pins, name: &str, url: &str) -> Option<Digest> {
        pins.of(name, &Location::parse(url).unwrap())
    }

    #[test]
    fn a_pin_holds_for_the_place() {
        let a = root("a");
        let user = format!(
            "[registry]\ndefault = \"work\"\n[registry.registries]\n\
             work = {{ read = \"https://w.example/r/\", publish = \"s3://bucket\" }}\n\
             [registry.roots]\nwork = \"{a}\"\n"
        );
        let (pins, warnings) = pins("", &user, None).unwrap();
        assert_eq!(warnings, []);
        for (name, url) in [
            ("work", "https://w.example/r"),
            (DEFAULT, "https://w.example/r"),
            ("https://w.example/r", "https://w.example/r/"),
            (DEFAULT, "s3://bucket"),
            // Under its name it is pinned wherever it is.
            ("work", "https://elsewhere.example"),
        ] {
            assert_eq!(of(&pins, name, url), Some(a), "{name} {url}");
        }
        assert_eq!(of(&pins, DEFAULT, "https://elsewhere.example"), None);
    }

    /// A project that gives the user's name another place does not take the pin from either.
    #[test]
    fn a_project_moves_no_pin() {
        let a = root("a");
        let user = format!(
            "[registry.registries]\nwork = \"https://w.example\"\n[registry.roots]\nwork = \"{a}\"\n"
        );
        let project = "[registry]\ndefault = \"https://w.example\"\n\
                       [registry.registries]\nwork = \"https://evil.example\"\n";
        let (pins, _) = pins(project, &user, Some("https://w.example")).unwrap();
        assert_eq!(of(&pins, DEFAULT, "https://w.example"), Some(a));
        assert_eq!(of(&pins, "work", "https://evil.example"), Some(a));
        assert_eq!(of(&pins, DEFAULT, "https://evil.example"), Some(a));
    }

    #[test]
    fn the_default_by_flag_has_its_own_pin() {
        let (a, b) = (root("a"), root("b"));
        let project = format!(
            "[registry]\ndefault = \"https://d.example\"\n\
             [registry.registries]\nwork = \"https://w.example\"\n\
             [registry.roots]\ndefault = \"{a}\"\nwork = \"{b}\"\n"
        );
        let (pins, _) = pins(&project, "", Some("https://w.example")).unwrap();
        assert_eq!(of(&pins, DEFAULT, "https://w.example"), Some(b));
        assert_eq!(of(&pins, DEFAULT, "https://d.example"), Some(a));
        // What has none of its own is held to that of the default, as the default.
        assert_eq!(of(&pins, DEFAULT, "https://mirror.example"), Some(a));
    }

    #[test]
    fn pins_of_one_place_agree() {
        let project = |other: &str, root: Digest| {
            format!(
                "[registry.registries]\na = \"https://h.example/r\"\nb = \"https://h.example/r/\"\n\
                 [registry.roots]\na = \"{}\"\n\"{other}\" = \"{root}\"\n",
                self::root("a")
            )
        };
        for other in ["b", "https://h.example/r"] {
            assert!(pins(&project(other, root("a")), "", None).is_ok());
            let error = pins(&project(other, root("b")), "", None).unwrap_err();
            assert!(error.to_string().contains("are one registry"), "{error}");
        }
    }

    #[test]
    fn pins_of_nothing_are_told() {
        let a = root("a");
        let project = format!(
            "[registry.registries]\nwork = \"https://w.example\"\n[registry.roots]\n\
             wrok = \"{a}\"\n\"https://x.example\" = \"{a}\"\n\"https://f.example/\" = \"{a}\"\n"
        );
        let (_, warnings) = pins(&project, "", Some("https://f.example")).unwrap();
        let told: Vec<String> = warnings
            .iter()
            .map(|warning| {
                let line = warning.place.clone().unwrap().line_column().0;
                format!(
                    "{line}: {} ({})",
                    warning.what,
                    warning.hint.as_ref().unwrap().text().unwrap()
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "5: no registry in use is at `https://x.example`, so this pin protects nothing (write the URL as it stands in [registry.registries], or pin the registry by its name there)",
                "4: no registry is called `wrok`, so this pin protects nothing (did you mean `work`?)",
            ]
        );
    }
}
