//! In which language somebody is answered.

use axum::http::{HeaderMap, header};
use conclave_wire::http::Language;

/// Ranges that are read of what a client sends. Browsers send up to ten.
const MAX_RANGES: usize = 32;

/// RFC 9110 section 12.5.4, with the lookup of RFC 4647 section 3.4: the
/// language that is liked best, of equals the one that is named first; English
/// where none is liked.
pub(super) fn accepted(headers: &HeaderMap) -> Language {
    let mut best = (Language::En, 0);
    let mut any = None;
    let mut refused = [false; 2];
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter();
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .take(MAX_RANGES);
    for range in ranges {
        let Some((tag, weight)) = weighted(range) else {
            continue;
        };
        let primary = tag.split('-').next().unwrap_or_default();
        let language = if primary.eq_ignore_ascii_case("de") {
            Language::De
        } else if primary.eq_ignore_ascii_case("en") {
            Language::En
        } else {
            if tag == "*" {
                any = any.or(Some(weight));
            }
            continue;
        };
        // A region that is not liked says nothing of its language.
        if weight == 0 && tag.len() == primary.len() {
            refused[usize::from(language == Language::De)] = true;
        }
        if weight > best.1 {
            best = (language, weight);
        }
    }
    // Anything will do that was not refused: ours first.
    match (best.1, any, refused) {
        (0, Some(1..), [true, false]) => Language::De,
        (weight, Some(any), [false, false]) if any > weight && best.0 == Language::De => {
            Language::En
        }
        _ => best.0,
    }
}

/// A range with its weight in thousandths (RFC 9110 section 12.4.2); nothing
/// for what is no range.
fn weighted(range: &str) -> Option<(&str, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| !tag.is_empty())?;
    let Some(parameter) = parts.next() else {
        return Some((tag, 1000));
    };
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") || parts.next().is_some() {
        return None;
    }
    let (whole, decimals) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_short = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let decimals = format!("{decimals:0<3}").parse::<u16>().ok()?;
    match whole {
        "0" if is_short => Some((tag, decimals)),
        "1" if is_short && decimals == 0 => Some((tag, 1000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn of(value: &str) -> Language {
        let value = HeaderValue::from_str(value).unwrap();
        accepted(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value)]))
    }

    #[test]
    fn the_language_that_is_liked_best_is_spoken() {
        for value in [
            "de",
            "DE-at",
            "de-DE,de;q=0.9,en;q=0.8",
            "fr, de;q=0.2",
            "en;q=0.3, de ; Q=0.301",
            "de, en",
            "en;q=0, *",
            "fr;q=0.9, de;q=0.9, en;q=0.1",
        ] {
            assert_eq!(of(value), Language::De, "{value}");
        }
        for value in [
            "",
            "en",
            "fr",
            "*",
            "en-GB, de",
            "de;q=0",
            "de;q=0.5, en;q=0.6",
            "de;q=2",
            "de;q=0.1234",
            "de;q=",
            "de;x=1",
            "deu",
            ";;,,=",
            "de;q=0.1, *",
        ] {
            assert_eq!(of(value), Language::En, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_header_does_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                accepted(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value)]));
            }
        }

        #[test]
        fn no_list_of_ranges_does_harm(value in "([a-z*-]{0,4};?q?=?[0-9.]{0,6},?){0,40}") {
            of(&value);
        }
    }
}
