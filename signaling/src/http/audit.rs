//! The audit log, read by administrators and the operator; nobody writes to it
//! but what is done.

use super::App;
use super::guard::Caller;
use super::openapi::{By, Terms};
use super::page::{Wanted, listed, wanted};
use super::problem::Refusal;
use super::rooms::asked;
use crate::domain::audit::SERVER;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
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
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Most entries; 50 without it"),
    ),
    responses((status = 200, description = "A part of the log", body = AuditList,
        headers(("Link" = Option<String>, description = "`rel=next`: the page behind this one")))),
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
    let Wanted { after, limit } = wanted(&uri)?;
    let list = app.rooms.store.audit(tenant, (after, limit)).await?;
    let last = list.lines.last().filter(|_| list.more);
    let last = last.map(|last| last.seq);
    Ok(listed(&uri, last, list))
}
