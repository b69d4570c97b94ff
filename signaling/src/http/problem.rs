//! Refusals as problem details.

use crate::store::StoreError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use conclave_wire::code::Code;
use conclave_wire::http::Problem;

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

/// A refusal that says more than its code.
pub(super) fn problem(problem: Problem) -> Response {
    let code = problem.code;
    let status = StatusCode::from_u16(code.status());
    let mut response = (
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        Json(problem),
    )
        .into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if code.status() == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
