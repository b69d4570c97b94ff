//! Refusals as problem details.

use super::language;
use crate::store::StoreError;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use conclave_wire::code::Code;
use conclave_wire::http::{Language, Problem};

/// A request that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) Code);

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(code) = self;
        problem(Problem::from(code))
    }
}

/// A refusal that says more than its code. Its words come
/// [later](put_into_words), when it is known in which language.
pub(super) fn problem(problem: Problem) -> Response {
    let code = problem.code;
    let status = StatusCode::from_u16(code.status());
    let mut response = status
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        .into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if code.status() == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response.extensions_mut().insert(Refused(problem));
    response
}

/// The problem in a response that has no body yet.
#[derive(Clone)]
struct Refused(Problem);

/// Writes the body of a refusal, in the language that is asked for.
pub(super) async fn put_into_words(request: Request, next: Next) -> Response {
    let language = language::accepted(request.headers());
    let mut response = next.run(request).await;
    let Some(Refused(mut problem)) = response.extensions_mut().remove() else {
        return response;
    };
    problem.title = problem.code.title(language).into_owned();
    let (mut parts, _) = response.into_parts();
    let spoken = match language {
        Language::De => "de",
        Language::En => "en",
    };
    for (name, value) in [
        (header::CONTENT_TYPE, "application/problem+json"),
        (header::CONTENT_LANGUAGE, spoken),
        (header::VARY, "accept-language"),
    ] {
        parts.headers.insert(name, HeaderValue::from_static(value));
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    Response::from_parts(parts, Body::from(body))
}
