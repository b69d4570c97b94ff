//! Organisations: made, listed and deleted by the operator.

use super::App;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::page::{Wanted, listed, wanted};
use super::problem::Refusal;
use super::rooms::{NOT_STORED, parse};
use crate::domain::audit::SERVER;
use crate::domain::tenant::{self, Quotas};
use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::{Action, TenantChange, TenantInfo, TenantList, TenantRequest};
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::TenantId;
use std::sync::Arc;

/// Make an organisation
#[utoipa::path(
    post, path = "/api/v1/tenants", operation_id = "createTenant", tag = "tenants",
    request_body = TenantRequest,
    responses((status = 201, description = "The organisation", body = TenantInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Operator, &[Code::NameTaken, Code::Full]).command("tenant create")))),
)]
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
    let made = Object::Of(SERVER, Some(id.0));
    let deed = caller.deed(&app, Act::TenantMade, made).await?;
    let new = (id, request.name.as_str());
    app.rooms.store.create_tenant(&deed, new, quotas).await?;
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
        created: deed.at.0,
        rooms: 0,
        accounts: 0,
        max_rooms: quotas.rooms,
        max_participants: quotas.participants,
        max_accounts: quotas.accounts,
    };
    Ok((StatusCode::CREATED, headers, Json(made)).into_response())
}

/// List the organisations
#[utoipa::path(
    get, path = "/api/v1/tenants", operation_id = "listTenants", tag = "tenants",
    params(
        ("after" = Option<String>, Query, description = "The name of the last entry of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Most entries; 50 without it"),
    ),
    responses((status = 200, description = "A page of the organisations, by name", body = TenantList,
        headers(("Link" = Option<String>, description = "`rel=next`: the page behind this one")))),
    extensions(("x-terms" = json!(Terms::new(By::Operator, &[]).command("tenant list")))),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refusal> {
    caller.is_operator()?;
    let Wanted { after, limit } = wanted::<String>(&uri)?;
    let after = after.as_deref().unwrap_or_default();
    let (tenants, more) = app.rooms.store.tenants((after, limit)).await?;
    let last = tenants
        .last()
        .filter(|_| more)
        .map(|last| last.name.clone());
    Ok(listed(&uri, last, TenantList { tenants, more }))
}

/// Change how much an organisation may have
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}", operation_id = "changeTenant", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "Its name"),
    ),
    request_body = TenantChange,
    responses((status = 200, description = "The organisation as it is now", body = TenantInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Operator, &[Code::NoSuchTenant, Code::QuotaReached]).command("tenant change")))),
)]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    caller.is_operator()?;
    let Path(name) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let change: TenantChange = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let now = app.rooms.clock.now();
    let changed = app.rooms.store.change_tenant(now, &name, &change).await?;
    Ok((NOT_STORED, Json(changed)).into_response())
}

/// How much an organisation has and may have
///
/// Its administrators see their own.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}", operation_id = "getTenant", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "Its name"),
    ),
    responses((status = 200, description = "The organisation", body = TenantInfo)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[Code::NoSuchTenant]).command("tenant list")))),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Response, Refusal> {
    let Path(name) = path.map_err(|_| Refusal(Code::BadMessage))?;
    caller.acts_in(&app, Some(&name)).await?;
    caller.may(Action::ManageAccounts)?;
    let tenant = app.rooms.store.tenant(&name).await?;
    let tenant = tenant.ok_or(Refusal(Code::NoSuchTenant))?;
    Ok((NOT_STORED, Json(tenant)).into_response())
}

/// Delete an organisation that has no rooms
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}", operation_id = "deleteTenant", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "Its name"),
    ),
    responses((status = 204, description = "It is gone, with its accounts")),
    extensions(("x-terms" = json!(Terms::new(By::Operator, &[Code::NoSuchTenant, Code::TenantInUse]).command("tenant delete")))),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<StatusCode, Refusal> {
    caller.is_operator()?;
    let Path(name) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let now = app.rooms.clock.now();
    app.rooms.store.delete_tenant(now, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
