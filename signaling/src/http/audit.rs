//! The audit log, read by administrators and the operator; nobody writes to it
//! but what is done.

use super::App;
use super::guard::Caller;
use super::openapi::{By, Terms};
use super::problem::Refusal;
use super::rooms::{NOT_STORED, asked};
use crate::domain::audit::SERVER;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use conclave_wire::account::Action;
use conclave_wire::audit::AuditList;
use conclave_wire::code::Code;
use std::sync::Arc;

/// List what was done to the organisation, and by whom
///
/// The oldest line first. Each is bound to the one before it by its digest.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "listAudit", tag = "audit",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
        ("of" = Option<String>, Query, description = "For the operator: `server` for what was done to organisations themselves"),
        ("after" = Option<u64>, Query, description = "The number of the last line of the page before"),
    ),
    responses((status = 200, description = "A part of the log", body = AuditList)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ReadAudit), &[Code::NotFound]).command("audit list")))),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refusal> {
    caller.may(Action::ReadAudit)?;
    let tenant = match asked(&uri, "of") {
        None => caller.acts_in(&app, asked(&uri, "tenant")).await?,
        Some("server") => {
            caller.is_operator()?;
            SERVER
        }
        Some(_) => return Err(Refusal(Code::BadMessage)),
    };
    let after = asked(&uri, "after").map(str::parse).transpose();
    let after = after.map_err(|_| Refusal(Code::BadMessage))?;
    let list = app.rooms.store.audit(tenant, after).await?;
    Ok((NOT_STORED, Json(list)).into_response())
}
