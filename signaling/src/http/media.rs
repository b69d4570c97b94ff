//! Whether media would come through.

use super::App;
use super::openapi::{By, Terms};
use super::problem::Refusal;
use super::rooms::NOT_STORED;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use conclave_wire::code::Code;
use conclave_wire::http::MediaTrial;
use std::sync::Arc;

/// How to try whether media would come through
///
/// For everybody: what it gives lets nobody in.
#[utoipa::path(
    get, path = "/api/v1/media-trial", operation_id = "tryMedia", tag = "rooms",
    responses((status = 200, description = "Where to, and credentials of checks", body = MediaTrial)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::MediaUnavailable])))),
)]
pub(super) async fn trial(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let ask = app.media_trial.as_ref();
    let ask = ask.ok_or(Refusal(Code::MediaUnavailable))?;
    Ok((NOT_STORED, Json(ask())).into_response())
}
