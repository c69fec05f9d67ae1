//! Ranked search over the global index.

use lumen_core::index::{GlobalIndex, PackageEntry};

/// A package that matches a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit<'i> {
    /// The package.
    pub package: &'i PackageEntry,
    /// How well it matches; higher is better.
    pub score: u32,
}

/// Packages in whose name or description every word of the query occurs, best first, then by name.
///
/// An empty query matches every package.
pub fn search<'i>(index: &'i GlobalIndex, query: &str) -> Vec<Hit<'i>> {
    let query = query.to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    let hit = |package: &'i PackageEntry| {
        let name = package.name.as_str().to_lowercase();
        let description = package.description.as_deref().unwrap_or_default();
        let description = description.to_lowercase();
        let mut score = 0;
        for word in &words {
            match score_of(word, &name, &description) {
                0 => return None,
                points => score += points,
            }
        }
        Some(Hit { package, score })
    };
    let mut hits: Vec<Hit<'i>> = index.packages.iter().filter_map(hit).collect();
    hits.sort_by(|a, b| (b.score, &a.package.name).cmp(&(a.score, &b.package.name)));
    hits
}

/// The points of one word: a name says more than a description, a whole word more than a part.
fn score_of(word: &str, name: &str, description: &str) -> u32 {
    let bare = name.rsplit('/').next().unwrap_or(name);
    let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    let words = || description.split(|c: char| !c.is_alphanumeric());
    let in_name = match () {
        () if word == name => 100,
        () if word == bare => 90,
        () if parts.any(|part| part == word) => 60,
        () if bare.starts_with(word) || name.starts_with(word) => 50,
        () if name.contains(word) => 30,
        () => 0,
    };
    let in_description = match () {
        () if words().any(|other| other == word) => 15,
        () if words().any(|other| other.starts_with(word)) => 10,
        () if description.contains(word) => 5,
        () => 0,
    };
    in_name + in_description
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranking() {
        let index: GlobalIndex = lumen_core::json::parse(
            br#"{"packages": [
                {"name": "zeta", "description": "An HTTP client"},
                {"name": "@org/http", "description": "Requests"},
                {"name": "http", "latest": "1.0.0"},
                {"name": "http-server"},
                {"name": "fast-http"},
                {"name": "xhttpx", "description": "http"},
                {"name": "other", "description": "Sch\u00f6ne httpd-Dinge"}]}"#,
        )
        .unwrap();
        let names = |query: &str| -> Vec<String> {
            let hits = search(&index, query);
            hits.iter()
                .map(|hit| hit.package.name.to_string())
                .collect()
        };
        assert_eq!(
            names("HTTP"),
            [
                "http",
                "@org/http",
                "fast-http",
                "http-server",
                "xhttpx",
                "zeta",
                "other"
            ]
        );
        assert_eq!(names("http client"), ["zeta"]);
        assert_eq!(names("SCHÖN"), ["other"]);
        assert_eq!(names("nothing"), Vec::<String>::new());
        assert_eq!(names("").len(), 7);
    }
}
