//! The browser client's files.

use super::App;
use super::problem::Refusal;
use crate::assets::{Asset, INDEX};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use conclave_wire::code::Code;
use std::sync::Arc;

/// Files below this path have their content's hash in their name.
const IMMUTABLE: &str = "/assets/";

/// The page. It is the same for every room: the room's link is read by the
/// page itself.
pub(super) async fn page(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match app.assets.file(INDEX) {
        Some(asset) => answer(asset, "no-cache", &headers),
        None => Refusal(Code::NotFound).into_response(),
    }
}

/// Any other file, for every path that has no other meaning.
pub(super) async fn file(
    State(app): State<Arc<App>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some(asset) = app.assets.file(uri.path()) else {
        return Refusal(Code::NotFound).into_response();
    };
    if method != Method::GET && method != Method::HEAD {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (allow, Refusal(Code::MethodNotAllowed)).into_response();
    }
    let caching = if uri.path().starts_with(IMMUTABLE) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    answer(asset, caching, &headers)
}

fn answer(asset: &Asset, caching: &'static str, request: &HeaderMap) -> Response {
    let brotli = asset.brotli.as_ref().filter(|_| accepts_brotli(request));
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(header::ETAG, etag);
    }
    if is_fresh(request, &asset.etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    if let Ok(content_type) = HeaderValue::from_str(&asset.content_type) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    if brotli.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    *response.body_mut() = Body::from(brotli.unwrap_or(&asset.bytes).clone());
    response
}

/// RFC 9110 section 13.1.2: the weak comparison.
fn is_fresh(request: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}

/// RFC 9110 section 12.5.3, as far as browsers use it.
fn accepts_brotli(request: &HeaderMap) -> bool {
    request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            parts.next() == Some("br") && !parts.any(|weight| weight == "q=0")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn brotli_goes_to_those_who_take_it() {
        for (value, accepts) in [
            ("gzip, deflate, br", true),
            ("br;q=0.5", true),
            ("br;q=0", false),
            ("gzip", false),
            ("", false),
        ] {
            let headers = request(header::ACCEPT_ENCODING, value);
            assert_eq!(accepts_brotli(&headers), accepts, "{value}");
        }
    }

    #[test]
    fn a_copy_with_the_same_etag_is_fresh() {
        for (value, fresh) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
        ] {
            let headers = request(header::IF_NONE_MATCH, value);
            assert_eq!(is_fresh(&headers, "\"a\""), fresh, "{value}");
        }
    }
}
