//! Strict JSON (RFC 8259): UTF-8 without a byte order mark, no duplicate keys,
//! at most 32 levels, integers below 2^53 in magnitude; errors have positions.

use std::{cell::Cell, collections::HashSet, fmt, sync::Arc};

use serde::{
    Deserialize,
    de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::limits::{MAX_JSON_DEPTH, MAX_TREE_VALUES, Row, rows};
use crate::problem::{self, Place, Problem};

/// First integer that not every JSON reader keeps exact (2^53).
const UNSAFE_INTEGER: u64 = 1 << 53;

/// Why bytes are not the JSON that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line} column {column}")]
pub struct JsonError {
    /// What is wrong, without the position.
    pub message: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
}

impl JsonError {
    fn new(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let message = message
            .rsplit_once(" at line ")
            .map_or(message.as_str(), |(text, _)| text)
            .to_owned();
        Self {
            message,
            line: error.line().max(1),
            column: error.column().max(1),
        }
    }

    /// The error as a problem that points into the file.
    pub fn problem(&self, file: &str, bytes: &[u8]) -> Problem {
        let source: Arc<str> = String::from_utf8_lossy(bytes).into();
        let start = problem::offset_of(&source, self.line, self.column);
        let end = start
            + source[start..]
                .chars()
                .next()
                .filter(|c| *c != '\n')
                .map_or(0, char::len_utf8);
        let place = Place {
            file: file.to_owned(),
            source,
            span: start..end,
            label: String::new(),
        };
        Problem::error(self.message.clone()).at(place)
    }
}

/// Parses bytes that come from outside: checks strictness, then converts.
///
/// # Errors
/// The first violation, with its position.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    check(bytes)?;
    parse_checked(bytes)
}

/// Parses bytes that [`check`] has accepted before (a cache of checked files).
///
/// # Errors
/// When the bytes do not have the shape of `T`.
pub fn parse_checked<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice(bytes).map_err(|error| JsonError::new(&error))
}

/// The same with a seed, so that the result may depend on values that were read before.
pub(crate) fn parse_with<'de, S: DeserializeSeed<'de>>(
    bytes: &'de [u8],
    seed: S,
) -> Result<S::Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    seed.deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| JsonError::new(&error))
}

/// Checks that bytes are strict JSON, whatever their shape.
///
/// # Errors
/// The first violation, with its position.
pub fn check(bytes: &[u8]) -> Result<(), JsonError> {
    check_within(bytes, None)
}

/// Parses an object that will be changed and written again, whatever is in it.
///
/// In memory, a value takes some hundred bytes and in the file perhaps two, so there may be no
/// more than [`MAX_TREE_VALUES`].
///
/// # Errors
/// The first violation, with its position.
pub fn parse_tree(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    check_within(bytes, Some(MAX_TREE_VALUES))?;
    parse_checked(bytes)
}

fn check_within(bytes: &[u8], most: Option<u64>) -> Result<(), JsonError> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(JsonError {
            message: "the file starts with a byte order mark".into(),
            line: 1,
            column: 1,
        });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let values = Values {
        most: most.unwrap_or(u64::MAX),
        found: Cell::new(0),
    };
    let (depth, values) = (0, &values);
    Strict { depth, values }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| JsonError::new(&error))
}

/// Writes a value the way every registry file is written: two spaces, one final newline.
pub fn to_bytes(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// Writes a value on one line: for files that are read by programs, often, and can be long.
pub fn to_line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

/// Walks a document and keeps nothing but the rules.
#[derive(Clone, Copy)]
struct Strict<'c> {
    depth: usize,
    values: &'c Values,
}

/// Values that were found, and that there may be.
struct Values {
    found: Cell<u64>,
    most: u64,
}

impl Strict<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        match self.depth < MAX_JSON_DEPTH {
            true => Ok(Self {
                depth: self.depth + 1,
                values: self.values,
            }),
            false => Err(E::custom(format_args!(
                "too many levels of nesting; {}",
                rows::MAX_JSON_DEPTH
            ))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let (found, most) = (self.values.found.get(), self.values.most);
        if found == most {
            let limit = Row {
                value: most,
                ..rows::MAX_TREE_VALUES
            };
            return Err(de::Error::custom(format_args!(
                "too many values to change the file; {limit}"
            )));
        }
        self.values.found.set(found + 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        // serde_json hands integers beyond 64 bits over as floats.
        match number.fract() == 0.0 && number.abs() >= UNSAFE_INTEGER as f64 {
            true => Err(E::custom("integers must be smaller than 2^53")),
            false => Ok(()),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        self.visit_u64(number.unsigned_abs())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        match number < UNSAFE_INTEGER {
            true => Ok(()),
            false => Err(E::custom("integers must be smaller than 2^53")),
        }
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        while items.next_element_seed(deeper)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        let mut seen = HashSet::new();
        while let Some(FieldName(name)) = entries.next_key()? {
            if seen.contains(&name) {
                return Err(de::Error::custom(format_args!("duplicate key `{name}`")));
            }
            seen.insert(name);
            entries.next_value_seed(deeper)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct FieldName<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        check(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn accepts_plain_json() {
        check(br#"{"a": [1, -2, 3.5, null, true, "x"], "b": {"a": {}}, "n": 9007199254740991}"#)
            .unwrap();
        let deep = "[".repeat(32) + &"]".repeat(32);
        check(deep.as_bytes()).unwrap();
    }

    #[test]
    fn refuses_the_rest() {
        assert_eq!(
            error("\u{feff}{}"),
            "the file starts with a byte order mark at line 1 column 1"
        );
        assert_eq!(
            error("{\n \"a\": 1,\n \"a\": 2}"),
            "duplicate key `a` at line 3 column 4"
        );
        assert_eq!(
            error("{\"a\": 1, \"\\u0061\": 2}"),
            "duplicate key `a` at line 1 column 17"
        );
        assert!(error("9007199254740992").starts_with("integers must be smaller than 2^53"));
        assert!(error("-9007199254740992").starts_with("integers must be smaller than 2^53"));
        assert!(error("1e300").starts_with("integers must be smaller"));
        assert!(error("{} x").starts_with("trailing characters"));
        assert!(error("{\"a\":").starts_with("EOF while parsing"));
        assert!(
            error(&("[".repeat(33) + &"]".repeat(33)))
                .starts_with("too many levels of nesting; the limit `MAX_JSON_DEPTH` is 32")
        );
        assert!(check(b"\"\xff\"").is_err());
        assert!(check(&vec![b'['; 1_000_000]).is_err());
    }

    #[test]
    fn a_file_that_is_changed_has_a_number_of_values() {
        // The object, its member and the items.
        let with = |items: u64| {
            let mut text = String::from("{\"a\":[0");
            text.push_str(&",0".repeat(items as usize - 1));
            text.push_str("]}");
            check_within(text.as_bytes(), Some(1000))
        };
        with(998).unwrap();
        let error = with(999).unwrap_err();
        assert!(
            error.message.starts_with(
                "too many values to change the file; the limit `MAX_TREE_VALUES` is 1,000"
            ),
            "{error}"
        );
    }

    #[test]
    fn problems_point_at_the_character() {
        let bytes = b"{\n  \"a\": x\n}\n";
        let problem = check(bytes).unwrap_err().problem("index.json", bytes);
        let place = problem.place.unwrap();
        assert_eq!(&place.source[place.span.clone()], "x");
        assert_eq!(place.line_column(), (2, 8));
    }
}
