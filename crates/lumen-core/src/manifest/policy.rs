//! `[policy]`, which the user's configuration has, too.

use std::collections::BTreeSet;

use super::reader::{Field, Reader};
use crate::policy::{Age, Exception, MinimumAge};

/// Reads `[policy]`.
pub(crate) fn read(reader: &mut Reader, field: &Field<'_>) -> Option<MinimumAge> {
    let mut section = reader.section(field, "[policy]")?;
    let age = section.take("minimum-release-age");
    let seconds = age.as_ref().and_then(|age| seconds(reader, age));
    let proven = section.take("minimum-release-age-proven");
    let proven = proven.and_then(|proven| reader.boolean(&proven));
    let mut except = BTreeSet::new();
    if let Some(excepted) = section.take("minimum-release-age-except") {
        for text in reader.strings(&excepted) {
            match Exception::parse(text.text) {
                Some(exception) => drop(except.insert(exception)),
                None => {
                    let what = format!("`{}` is neither a package nor a release", text.text);
                    let problem = reader.error(text.span.clone(), what);
                    reader.push(problem.hint("write `name`, `@org/*` or `name@1.2.3`"));
                }
            }
        }
        if age.is_none() {
            let what = "there is no `minimum-release-age` that this is an exception of";
            let problem = reader.error(excepted.key_span.clone(), what);
            reader.push(problem);
        }
    }
    reader.finish(section);
    seconds.map(|seconds| MinimumAge {
        seconds,
        proven: proven.unwrap_or_default(),
        except,
    })
}

/// An age in words, such as `7d`, in seconds.
fn seconds(reader: &mut Reader, field: &Field<'_>) -> Option<u64> {
    let text = reader.word(field)?;
    let seconds = Age::parse(text.text).map(|age| age.0);
    if seconds.is_none() {
        let what = format!("`{}` is not an age", text.text);
        let problem = reader.error(field.span(), what);
        reader.push(problem.hint("write `7d`, `2w` or `36h`"));
    }
    seconds
}
