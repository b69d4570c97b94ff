//! Requests that make something, under an `Idempotency-Key`: asked for again,
//! they are answered as the first time, and nothing is made twice.

use super::App;
use super::guard::Caller;
use super::problem::Refusal;
use crate::config::{MAX_ANSWER, MAX_CONSENT_BODY};
use crate::domain::once::{Asked, Verdict, Wanted};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use conclave_wire::code::Code;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The requests that it is for: those that make something, or draw a secret that
/// is told once.
pub(super) const ROUTES: [&str; 8] = [
    "/api/v1/accounts",
    "/api/v1/accounts/{account}/password",
    "/api/v1/consent-texts",
    "/api/v1/rooms",
    "/api/v1/rooms/{room}/links",
    "/api/v1/tenants",
    "/api/v1/webhooks",
    "/api/v1/webhooks/{webhook}/secret",
];

/// What a program chooses.
pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer is one of before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Does each request under a key once.
pub(super) async fn once(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let Some((route, key)) = keyed(&request) else {
        return Ok(next.run(request).await);
    };
    let (mut parts, body) = request.into_parts();
    let Ok(caller) = Caller::from_request_parts(&mut parts, &app).await else {
        // Refused like any other.
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let body = to_bytes(body, MAX_CONSENT_BODY).await;
    let body = body.map_err(|_| Refusal(Code::TooLarge))?;
    let asked = asked(&caller, (route, &key), (&parts, &body))?;
    let now = app.rooms.clock.now();
    if let Verdict::Repeat(sealed) = app.rooms.store.take_key(now, &asked).await? {
        return repeat(&app, &asked, &sealed);
    }
    // It goes on if whoever waits for it goes away: that one asks again.
    let request = Request::from_parts(parts, Body::from(body));
    let done = tokio::spawn(async move {
        let response = next.run(request).await;
        keep(&app, &asked, response).await
    });
    done.await.map_err(|_| Refusal(Code::Internal))?
}

/// Route and key, if it is such a request.
fn keyed(request: &Request) -> Option<(&'static str, HeaderValue)> {
    let key = request.headers().get(KEY)?.clone();
    let mut routes = ROUTES.into_iter();
    let route = routes.find(|route| fits(route, request.uri().path()))?;
    (request.method() == Method::POST).then_some((route, key))
}

/// Whether it is a path of the route, in which some parts may be any.
fn fits(route: &str, path: &str) -> bool {
    let mut pairs = route.split('/').zip(path.split('/'));
    let same_length = route.split('/').count() == path.split('/').count();
    same_length && pairs.all(|(of, part)| of.starts_with('{') || of == part)
}

fn asked(
    caller: &Caller,
    (route, key): (&str, &HeaderValue),
    (parts, body): (&Parts, &Bytes),
) -> Result<Asked, Refusal> {
    let target = parts.uri.path_and_query();
    let wanted = Wanted {
        route,
        target: target.map_or("", |target| target.as_str()),
        body,
    };
    Asked::new(caller.account(), key.as_bytes(), wanted).map_err(Refusal)
}

/// Keeps the answer to what was done. What was refused changed nothing, and may
/// be asked for again under the same key.
async fn keep(app: &App, asked: &Asked, response: Response) -> Result<Response, Refusal> {
    let store = &app.rooms.store;
    if !response.status().is_success() {
        store.free_key(asked).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER).await;
    let body = body.map_err(|_| Refusal(Code::Internal))?;
    let kept = Kept {
        status: parts.status.as_u16(),
        headers: plain(&parts.headers),
        body: BASE64URL.encode(&body),
    };
    let text = serde_json::to_vec(&kept).map_err(|_| Refusal(Code::Internal))?;
    let sealed = app.identity.seal_answer(asked, &Zeroizing::new(text));
    store.keep_answer(asked, &sealed.map_err(Refusal)?).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Those that say something of the body; others are set anew.
fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = [
        header::CONTENT_TYPE,
        header::LOCATION,
        header::CACHE_CONTROL,
    ];
    let kept = kept.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.to_str().ok()?.to_owned();
        Some((name.as_str().to_owned(), value))
    });
    kept.collect()
}

fn repeat(app: &App, asked: &Asked, sealed: &[u8]) -> Result<Response, Refusal> {
    let broken = Refusal(Code::Internal);
    let text = app.identity.open_answer(asked, sealed).map_err(Refusal)?;
    let kept: Kept = serde_json::from_slice(&text).map_err(|_| broken)?;
    let body = BASE64URL.decode(kept.body).map_err(|_| broken)?;
    let status = StatusCode::from_u16(kept.status).map_err(|_| broken)?;
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    for (name, value) in kept.headers {
        let name: HeaderName = name.parse().map_err(|_| broken)?;
        let value = HeaderValue::from_str(&value).map_err(|_| broken)?;
        headers.insert(name, value);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_of_one_route_or_of_none() {
        let routes = |path: &str| ROUTES.into_iter().filter(|route| fits(route, path)).count();
        for route in ROUTES {
            let path = route.replace("{room}", "AAAA").replace("{account}", "{");
            assert_eq!(routes(&path), 1, "{path}");
        }
        for path in [
            "/api/v1/rooms/",
            "/api/v1/rooms/AAAA",
            "/api/v1/rooms/AAAA/unlock",
            "/api/v1/session",
            "/api/v1",
            "",
        ] {
            assert_eq!(routes(path), 0, "{path}");
        }
    }
}
