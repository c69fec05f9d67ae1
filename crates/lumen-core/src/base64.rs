//! Base64 as the formats have it: RFC 4648, section 4, with padding, in one form only.

use data_encoding::BASE64;

/// Returns the text of these bytes.
pub fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Returns the bytes of a text; nothing if it is none, or not the one that [`encode`] makes.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    // The library takes several padded texts in a row for one.
    let padded_within = text.trim_end_matches('=').contains('=');
    match padded_within {
        true => None,
        false => BASE64.decode(text.as_bytes()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_form_only() {
        assert_eq!(decode("YWI="), Some(b"ab".to_vec()));
        for text in [
            "YWI=YWI=", "YQ==YWI=", "YWJ=", "YWI", "YWI==", "=", "====", "YW I=", "YWI=\n",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_decoded_is_what_was_encoded(text in "[A-Za-z0-9+/=]{0,12}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
