//! What is around every result.

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Failure, Problem};

/// The version of all objects. A larger one may rename and remove fields.
pub const FORMAT: u32 = 1;

/// The one object that a run prints.
#[derive(Debug, Default, Serialize)]
pub struct Answer {
    format: Format,
    /// The command in full, such as `pkg install`; none where the command line names none.
    pub command: Option<String>,
    /// The fields of the command's own type.
    #[serde(flatten)]
    pub result: Map<String, Value>,
    /// What was warned about.
    pub warnings: Vec<Problem>,
    /// Why the command failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// [`FORMAT`], wherever an object is made.
#[derive(Debug, Serialize)]
struct Format(u32);

impl Default for Format {
    fn default() -> Self {
        Self(FORMAT)
    }
}

impl Answer {
    /// That of a command without a result, or of one that failed.
    pub fn of(command: Option<String>, error: Option<Failure>) -> Self {
        Self {
            command,
            error,
            ..Self::default()
        }
    }

    /// Takes the fields of a result, in the place of those of an earlier one.
    ///
    /// # Errors
    /// When the result is no object.
    pub fn take(&mut self, result: &impl Serialize) -> serde_json::Result<()> {
        self.result = serde_json::from_value(serde_json::to_value(result)?)?;
        Ok(())
    }

    /// The object as a text of several lines.
    ///
    /// # Errors
    /// None for types whose maps have texts as keys, as all of ours.
    pub fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

/// A text for people, or for another program.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Text {
    /// The text, without colours.
    pub text: String,
}

/// A completion script.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Completions {
    /// The shell that reads it.
    pub shell: String,
    /// The script.
    pub script: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_inside_and_only_objects_are_results() {
        let mut answer = Answer::default();
        answer.take(&Text { text: "a".into() }).unwrap();
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"format":1,"command":null,"text":"a","warnings":[]}"#
        );
        assert!(answer.take(&vec![1]).is_err());
    }
}
