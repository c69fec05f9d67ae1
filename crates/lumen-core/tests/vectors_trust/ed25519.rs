//! RFC 8032, Wycheproof, and the edge cases of CCTV.

use lumen_core::signing::{PublicKey, SecretKey};

use super::{array, bytes, hex, json, text};

/// Whether the strict rules accept a signature, given in any lengths.
fn accepts(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (key.try_into(), signature.try_into()) else {
        return false;
    };
    PublicKey::new("key", key).is_ok_and(|key| key.verify(message, signature))
}

#[test]
fn rfc_8032() {
    let cases = json("rfc/rfc8032_ed25519.json");
    for case in array(&cases) {
        let seed = hex(&case["seed"]).try_into().unwrap();
        let key = SecretKey::from_seed("key", seed).unwrap();
        let message = hex(&case["message"]);
        assert_eq!(
            key.public().bytes().as_slice(),
            hex(&case["public"]),
            "{case}"
        );
        assert_eq!(
            key.sign(&message).as_slice(),
            hex(&case["signature"]),
            "{case}"
        );
        assert!(key.public().verify(&message, &key.sign(&message)), "{case}");
        let again = SecretKey::parse(&key.to_text()).unwrap();
        assert_eq!(*again.seed(), seed);
    }
    assert_eq!(array(&cases).len(), 4);
}

#[test]
fn wycheproof() {
    let suite = json("ed25519/wycheproof_ed25519_test.json");
    let (mut good, mut bad) = (0, 0);
    for group in array(&suite["testGroups"]) {
        let key = hex(&group["publicKey"]["pk"]);
        for case in array(&group["tests"]) {
            let accepted = accepts(&key, &hex(&case["msg"]), &hex(&case["sig"]));
            let expected = text(&case["result"]) == "valid";
            assert_eq!(accepted, expected, "{case}");
            *(if accepted { &mut good } else { &mut bad }) += 1;
        }
    }
    assert_eq!((good, bad), (88, 63));
}

/// Points of mixed order cannot be told from ordinary ones; all else is refused. Of the 86 that
/// the rules of RFC 8032 leave with a key of full order, those with an R of small order are
/// refused too, as in `verify_strict` of ed25519-dalek.
#[test]
fn cctv_edge_cases() {
    let cases = json("ed25519/cctv_ed25519vectors.json");
    let mixed_order = ["low_order_component_A", "low_order_component_R"];
    let (mut good, mut small_r) = (0, 0);
    for case in array(&cases) {
        let flags = array(&case["flags"]);
        let odd = flags
            .iter()
            .map(text)
            .filter(|flag| !mixed_order.contains(flag));
        let odd: Vec<&str> = odd.collect();
        let message = text(&case["msg"]).as_bytes();
        let accepted = accepts(&hex(&case["key"]), message, &hex(&case["sig"]));
        assert_eq!(accepted, odd.is_empty(), "{case}");
        good += usize::from(accepted);
        small_r += usize::from(odd == ["low_order_R"]);
    }
    assert_eq!((array(&cases).len(), good, small_r), (914, 43, 43));
    assert!(!bytes("ed25519/cctv_LICENSE").is_empty());
}

/// Points with a y that is not reduced are refused even where they have no small order.
#[test]
fn encodings_beyond_the_field() {
    let mut found = 0;
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            let mut key = [0xff; 32];
            (key[0], key[31]) = (low, high);
            assert!(PublicKey::new("key", key).is_err(), "{key:x?}");
            found += 1;
        }
    }
    assert_eq!(found, 38);
}
