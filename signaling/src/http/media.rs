//! Whether media would come through.

use super::App;
use super::problem::Refusal;
use super::rooms::NOT_STORED;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use conclave_wire::code::Code;
use std::sync::Arc;

/// `GET /api/v1/media-trial`, for everybody: what it gives lets nobody in.
pub(super) async fn trial(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let ask = app.media_trial.as_ref();
    let ask = ask.ok_or(Refusal(Code::MediaUnavailable))?;
    Ok((NOT_STORED, Json(ask())).into_response())
}
