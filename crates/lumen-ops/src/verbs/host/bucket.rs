//! Buckets: access for readers, and files that must not change.

use lumen_core::key::{kind::FileKind, table::immutable};
use lumen_registry::location::{ObjectLocation, Provider};
use serde_json::{Value, json};
use url::Url;

use super::{ALLOWED_METHODS, EXPOSED_HEADERS, PREFLIGHT_SECONDS, fill, quoted};

/// Files of a registry that change, as patterns of a bucket policy, where `*` also stands for `/`.
///
/// The files that never change cannot be told from indexes by such patterns: a part of a
/// name may look like a version.
const CHANGING: [&str; 12] = [
    "index.json",
    "mirror.json",
    "packages/*/index.json",
    "trust/*/index.json",
    "log/checkpoint",
    "log/head",
    "log/pending",
    "log/witnessed.json",
    "index.html",
    "assets/*",
    "search/*",
    // Where hosts are tried.
    ".lumen/*",
];

/// What to set up for a registry in a bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// The bucket.
    pub location: ObjectLocation,
    /// Its rules for web pages, as `put-bucket-cors` takes them.
    pub cors: Value,
    /// Its policy, as `put-bucket-policy` takes it; none for R2, which has locks.
    pub policy: Option<Value>,
    /// The rules of its locks, as `wrangler r2 bucket lock set` takes them; for R2 only.
    pub locks: Option<Value>,
    /// A script for a shell that sets all of this up, with comments.
    pub script: String,
}

impl Bucket {
    pub(super) fn new(location: ObjectLocation, web: Option<&Url>) -> Self {
        let cors = cors();
        let read = web.map(|url| url.as_str().trim_end_matches('/').to_owned());
        let (policy, locks, script) = match location.provider {
            Provider::R2 => {
                let locks = locks(&location);
                let script = r2_script(&location, read.as_deref(), &cors, &locks);
                (None, Some(locks), script)
            }
            _ => {
                let policy = policy(&location);
                let script = s3_script(&location, read.as_deref(), &cors, &policy);
                (Some(policy), None, script)
            }
        };
        Self {
            location,
            cors,
            policy,
            locks,
            script,
        }
    }
}

/// The rules by which web pages may read a bucket.
pub fn cors() -> Value {
    let list = |text: &str| text.split(", ").map(Value::from).collect::<Vec<_>>();
    json!({
        "CORSRules": [{
            "AllowedOrigins": ["*"],
            "AllowedMethods": list(ALLOWED_METHODS),
            "AllowedHeaders": ["*"],
            "ExposeHeaders": list(EXPOSED_HEADERS),
            "MaxAgeSeconds": PREFLIGHT_SECONDS,
        }]
    })
}

/// Everybody may read; no user may replace or delete released files.
fn policy(location: &ObjectLocation) -> Value {
    let bucket = format!("arn:aws:s3:::{}", location.bucket);
    let file = |pattern: &str| format!("{bucket}/{}{pattern}", location.prefix);
    let (once, seen) = ("s3:if-none-match", "s3:if-match");
    // Uploads in parts carry the condition on their last request only.
    let without = |headers: &[&str]| {
        let headers = headers
            .iter()
            .map(|header| ((*header).to_owned(), json!("true")));
        json!({
            "Null": headers.collect::<serde_json::Map<_, _>>(),
            "Bool": { "s3:ObjectCreationOperation": "true" },
        })
    };
    // Beside a prefix there may be other things in the bucket, which are none of our business.
    let (which, released) = match location.prefix.as_str() {
        "" => ("NotResource", CHANGING.map(file).to_vec()),
        _ => {
            let whole = immutable().filter(|class| class.except.is_empty());
            let whole = whole.map(|class| file(&format!("{}*{}", class.start, class.ending)));
            ("Resource", whole.collect())
        }
    };
    let mut statements = vec![
        json!({
            "Sid": "EverybodyReads", "Effect": "Allow", "Principal": "*",
            "Action": "s3:GetObject", "Resource": file("*"),
        }),
        // Without it, S3 answers 403 instead of 404 for a file that is not there.
        json!({
            "Sid": "AbsentFilesAreNotFound", "Effect": "Allow", "Principal": "*",
            "Action": "s3:ListBucket", "Resource": bucket,
        }),
        json!({
            "Sid": "ReleasedFilesAreNeverReplaced", "Effect": "Deny", "Principal": "*",
            "Action": "s3:PutObject", which: released, "Condition": without(&[once]),
        }),
        json!({
            "Sid": "ReleasedFilesAreNeverDeleted", "Effect": "Deny", "Principal": "*",
            "Action": "s3:DeleteObject", which: released,
        }),
    ];
    if which == "Resource" {
        statements.push(json!({
            "Sid": "NoPackageIsReplacedUnseen", "Effect": "Deny", "Principal": "*",
            "Action": "s3:PutObject", "Resource": file("packages/*"),
            "Condition": without(&[once, seen]),
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Files that R2 lets no user replace or delete. Its locks know no exceptions, so there is
/// no lock for `packages/` with its indexes, nor for files that are deleted after use.
fn locks(location: &ObjectLocation) -> Value {
    let whole =
        immutable().filter(|class| class.ending.is_empty() && class.kind != FileKind::Staging);
    let rules = whole.map(|class| {
        let name = class.start.trim_end_matches('/').replace('/', "-");
        json!({
            "id": format!("lumen-{name}"),
            "enabled": true,
            "prefix": format!("{}{}", location.prefix, class.start),
            "condition": { "type": "Indefinite" },
        })
    });
    json!({ "rules": rules.collect::<Vec<_>>() })
}

fn s3_script(
    location: &ObjectLocation,
    read: Option<&str>,
    cors: &Value,
    policy: &Value,
) -> String {
    let mut options = String::new();
    if let Some(endpoint) = &location.endpoint {
        options.push_str(&format!(" --endpoint-url {}", quoted(endpoint.as_str())));
    }
    if let Some(region) = &location.region {
        options.push_str(&format!(" --region {}", quoted(region)));
    }
    // Only Amazon has that.
    let public = match location.endpoint {
        None => include_str!("s3-public.sh"),
        Some(_) => "",
    };
    let bucket = quoted(&location.bucket);
    let of_public = [("BUCKET", bucket.clone()), ("OPTIONS", options.clone())];
    let values = [
        ("PUBLIC", fill(public, &of_public)),
        ("BUCKET", bucket),
        ("OPTIONS", options),
        ("URL", quoted(&location.url())),
        (
            "READ",
            quoted(&read.map_or_else(|| own_url(location), str::to_owned)),
        ),
        ("CORS", format!("{cors:#}")),
        ("POLICY", format!("{policy:#}")),
    ];
    fill(include_str!("s3.sh"), &values)
}

fn r2_script(location: &ObjectLocation, read: Option<&str>, cors: &Value, locks: &Value) -> String {
    let account = location.account.as_deref().unwrap_or_default();
    let endpoint = format!("https://{account}.r2.cloudflarestorage.com");
    let values = [
        ("BUCKET", quoted(&location.bucket)),
        ("ENDPOINT", quoted(&endpoint)),
        ("URL", quoted(&location.url())),
        (
            "READ",
            quoted(read.unwrap_or("https://registry.example.org")),
        ),
        ("CORS", format!("{cors:#}")),
        ("LOCKS", format!("{locks:#}")),
    ];
    fill(include_str!("r2.sh"), &values)
}

/// The bucket's own address on the web.
fn own_url(location: &ObjectLocation) -> String {
    let (bucket, prefix) = (&location.bucket, &location.prefix);
    let region = location.region.as_deref().unwrap_or("us-east-1");
    let url = match &location.endpoint {
        Some(endpoint) => format!(
            "{}/{bucket}/{prefix}",
            endpoint.as_str().trim_end_matches('/')
        ),
        None => format!("https://{bucket}.s3.{region}.amazonaws.com/{prefix}"),
    };
    url.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use lumen_core::key::{serving::Mutability, table::CLASSES};
    use lumen_registry::Location;

    use super::*;

    fn bucket(url: &str) -> Bucket {
        match Location::parse(url).unwrap() {
            Location::Object(object) => Bucket::new(object, None),
            other => panic!("{other}"),
        }
    }

    /// How the rules of a policy that forbid decide one request.
    fn allows(policy: &Value, path: &str, action: &str, header: Option<&str>) -> bool {
        let arn = format!("arn:aws:s3:::b/{path}");
        let fits = |pattern: &Value| {
            let pattern = regex::escape(pattern.as_str().unwrap()).replace(r"\*", ".*");
            regex::Regex::new(&format!("^{pattern}$"))
                .unwrap()
                .is_match(&arn)
        };
        let any = |patterns: &Value| match patterns {
            Value::Array(all) => all.iter().any(fits),
            one => fits(one),
        };
        let mut statements = policy["Statement"].as_array().unwrap().iter();
        statements.all(|statement| {
            let about = match statement.get("NotResource") {
                Some(others) => !any(others),
                None => any(&statement["Resource"]),
            };
            let condition = match statement["Condition"]["Null"].as_object() {
                Some(headers) => headers.keys().all(|name| header != Some(name)),
                None => true,
            };
            let forbids = statement["Effect"] == "Deny" && statement["Action"] == action;
            !(forbids && about && condition)
        })
    }

    #[test]
    fn released_files_stay() {
        let (once, seen) = (Some("s3:if-none-match"), Some("s3:if-match"));
        for (url, prefix) in [("s3://b", ""), ("s3://b/x/y", "x/y/")] {
            let policy = bucket(url).policy.unwrap();
            let may = |path: &str, action, header| {
                allows(&policy, &format!("{prefix}{path}"), action, header)
            };
            let put = |path: &str, header| may(path, "s3:PutObject", header);
            for path in [
                "artifacts/sha256/ab/c.tar",
                "signatures/a/1.0.0.sig.json",
                "map/ab/cd",
                "log/tile/0/000",
                "trust/root/1.note",
            ] {
                assert!(
                    put(path, once) && !put(path, seen) && !put(path, None),
                    "{path}"
                );
                assert!(!may(path, "s3:DeleteObject", None), "{path}");
            }
            for path in [
                "index.json",
                "packages/a/index.json",
                "packages/@a/1.2.3/index.json",
                "log/checkpoint",
                "log/head",
                "log/pending",
                "log/witnessed.json",
                "trust/root/index.json",
            ] {
                assert!(put(path, once) && put(path, seen), "{path}");
            }
            let release = "packages/@a/b/1.0.0.json";
            assert!(put(release, once) && !put(release, None));
            assert_eq!(put(release, seen), !prefix.is_empty());
        }
        let policy = bucket("s3://b/x").policy.unwrap();
        assert!(allows(&policy, "other", "s3:PutObject", None));
    }

    #[test]
    fn each_known_file_that_changes_may_be_replaced() {
        let policy = bucket("s3://b").policy.unwrap();
        let mut paths = Vec::new();
        for class in CLASSES
            .iter()
            .filter(|class| class.mutability == Mutability::Mutable)
        {
            match (class.start, class.ending) {
                ("", _) => {}
                (folder, "") if folder.ends_with('/') => {
                    if class.kind == FileKind::Page {
                        paths.push(format!("{folder}a"));
                    }
                }
                (start, ending) if start.ends_with('/') => paths.push(format!("{start}a{ending}")),
                (file, _) => paths.push(file.to_owned()),
            }
        }
        assert!(paths.len() >= 9, "{paths:?}");
        for path in paths {
            let put = allows(&policy, &path, "s3:PutObject", Some("s3:if-match"));
            assert!(put, "{path}");
        }
    }

    #[test]
    fn files_that_change_have_no_lock() {
        let bucket = bucket("r2://account/b/x");
        assert!(bucket.policy.is_none());
        let locks = bucket.locks.unwrap();
        let rules = locks["rules"].as_array().unwrap().iter();
        let prefixes: Vec<&str> = rules.map(|rule| rule["prefix"].as_str().unwrap()).collect();
        assert_eq!(
            prefixes,
            [
                "x/artifacts/",
                "x/signatures/",
                "x/log/tile/",
                "x/log/witnessed/",
                "x/map/"
            ]
        );
        let endpoint = "--endpoint-url https://account.r2.cloudflarestorage.com";
        assert!(bucket.script.contains(endpoint));
    }

    #[test]
    fn addresses_on_the_web() {
        for (url, page) in [
            ("s3://b", "https://b.s3.us-east-1.amazonaws.com"),
            ("s3://b/x?region=eu-1", "https://b.s3.eu-1.amazonaws.com/x"),
            (
                "s3://b/x?endpoint=http://127.0.0.1:9000",
                "http://127.0.0.1:9000/b/x",
            ),
        ] {
            assert_eq!(own_url(&bucket(url).location), page);
        }
    }
}
