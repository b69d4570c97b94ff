//! Lists by pages: which entries are asked for, and where the next ones are
//! (RFC 8288).

use super::problem::Refusal;
use super::rooms::asked;
use crate::config::{MAX_PAGE, PAGE};
use axum::Json;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use conclave_wire::code::Code;
use serde::Serialize;
use std::fmt::Display;
use std::str::FromStr;

/// Which entries of a list.
pub(super) struct Wanted<T> {
    /// Those behind this one; nothing: from the first on.
    pub(super) after: Option<T>,
    /// At most so many, [`MAX_PAGE`] at most.
    pub(super) limit: u32,
}

/// Which entries the query asks for.
///
/// # Errors
/// [`Code::BadMessage`] for what names no entry, and for another number than 1
/// to [`MAX_PAGE`].
pub(super) fn wanted<T: FromStr>(uri: &Uri) -> Result<Wanted<T>, Refusal> {
    let bad = Refusal(Code::BadMessage);
    let after = asked(uri, "after").filter(|after| !after.is_empty());
    let after = after.map(str::parse).transpose().map_err(|_| bad)?;
    let limit = match asked(uri, "limit") {
        None => PAGE,
        Some(limit) => limit.parse().map_err(|_| bad)?,
    };
    match (1..=MAX_PAGE).contains(&limit) {
        true => Ok(Wanted { after, limit }),
        false => Err(bad),
    }
}

/// A page of a list, and where the next one is, if `more` gives its last entry.
pub(super) fn listed(uri: &Uri, more: Option<impl Display>, page: impl Serialize) -> Response {
    let mut response = Json(page).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(last) = more {
        let pairs = uri.query().unwrap_or_default().split('&');
        let kept = pairs.filter(|pair| !pair.is_empty() && !pair.starts_with("after="));
        let mut query = kept.map(|pair| format!("{pair}&")).collect::<String>();
        query += &format!("after={last}");
        let next = format!("<{}?{query}>; rel=\"next\"", uri.path());
        if let Ok(next) = HeaderValue::from_str(&next) {
            headers.insert(header::LINK, next);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_wire::id::RoomId;
    use proptest::prelude::*;

    fn of(query: &str) -> Option<(Option<RoomId>, u32)> {
        let uri = format!("/list?{query}").parse::<Uri>().ok()?;
        let Wanted { after, limit } = wanted(&uri).ok()?;
        Some((after, limit))
    }

    #[test]
    fn a_page_is_bounded_and_begins_behind_an_entry() {
        let room = RoomId([7; 16]);
        assert_eq!(of(""), Some((None, PAGE)));
        assert_eq!(of("after="), Some((None, PAGE)));
        assert_eq!(of(&format!("limit=1&after={room}")), Some((Some(room), 1)));
        assert_eq!(of("limit=100"), Some((None, MAX_PAGE)));
        for bad in [
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=x",
            "limit=",
            "after=x",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_next_page_is_the_same_question_behind_the_last_entry() {
        let uri = "/list?tenant=a&after=old&limit=2".parse::<Uri>().unwrap();
        let next = listed(&uri, Some("new"), [0]);
        let expected = "</list?tenant=a&limit=2&after=new>; rel=\"next\"";
        assert_eq!(next.headers()[header::LINK], expected);
        let last = listed(&uri, None::<&str>, [0]);
        assert!(!last.headers().contains_key(header::LINK));
    }

    proptest! {
        #[test]
        fn no_query_does_harm(query in "[ -~]{0,80}") {
            if let Some((_, limit)) = of(&query) {
                prop_assert!((1..=MAX_PAGE).contains(&limit));
            }
        }
    }
}
