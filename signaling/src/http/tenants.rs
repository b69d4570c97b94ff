//! Organisations: made, listed and deleted by the operator.

use super::App;
use super::guard::Caller;
use super::problem::Refusal;
use super::rooms::{NOT_STORED, asked, parse};
use crate::domain::tenant::{self, Quotas};
use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::{TenantInfo, TenantList, TenantRequest};
use conclave_wire::code::Code;
use conclave_wire::id::TenantId;
use std::sync::Arc;

/// `POST /api/v1/tenants`
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    caller.is_operator()?;
    let request: TenantRequest = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let quotas = Quotas::requested(&request).map_err(Refusal)?;
    if !tenant::is_name(&request.name) {
        return Err(Refusal(Code::BadMessage));
    }
    let id = TenantId::random().map_err(|_| Refusal(Code::Internal))?;
    let now = app.rooms.clock.now();
    let new = (id, request.name.as_str());
    app.rooms.store.create_tenant(now, new, quotas).await?;
    let headers = [
        (
            header::LOCATION,
            format!("/api/v1/tenants/{}", request.name),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let made = TenantInfo {
        tenant: id,
        name: request.name,
        created: now.0,
        rooms: 0,
        accounts: 0,
        max_rooms: quotas.rooms,
        max_participants: quotas.participants,
        max_accounts: quotas.accounts,
    };
    Ok((StatusCode::CREATED, headers, Json(made)).into_response())
}

/// `GET /api/v1/tenants`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refusal> {
    caller.is_operator()?;
    let after = asked(&uri, "after").unwrap_or_default();
    let (tenants, more) = app.rooms.store.tenants(after).await?;
    Ok((NOT_STORED, Json(TenantList { tenants, more })).into_response())
}

/// `DELETE /api/v1/tenants/{tenant}`
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<StatusCode, Refusal> {
    caller.is_operator()?;
    let Path(name) = path.map_err(|_| Refusal(Code::BadMessage))?;
    app.rooms.store.delete_tenant(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
