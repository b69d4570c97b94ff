//! Who may be an organisation's directory: the operator says.

use super::App;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::problem::Refusal;
use super::rooms::NOT_STORED;
use crate::domain::Token;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::directory::{DirectoryInfo, DirectoryMade};
use conclave_wire::id::TenantId;
use std::sync::Arc;
use zeroize::Zeroizing;

type Named = Result<Path<String>, PathRejection>;

/// Let an organisation's directory make and end accounts
///
/// By SCIM 2.0 at `/scim/v2`, with this token and no earlier one.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/scim", operation_id = "setDirectory", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "The organisation's name"),
    ),
    responses((status = 200, description = "The directory's token, which is given once", body = DirectoryMade)),
    extensions(("x-terms" = json!(Terms::new(By::Operator, &[Code::NoSuchTenant, Code::NotFound]).command("tenant scim set")))),
)]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Named,
) -> Result<Response, Refusal> {
    let tenant = existing(&app, &caller, path).await?;
    let mut token = Zeroizing::new([0; 32]);
    getrandom::fill(token.as_mut_slice()).map_err(|_| Refusal(Code::Internal))?;
    let of = Object::Of(tenant, Some(tenant.0));
    let deed = caller.deed(&app, Act::TenantDirectorySet, of).await?;
    let digest = Token::from_random(*token).digest();
    app.rooms.store.set_directory(&deed, digest).await?;
    let made = DirectoryMade {
        since: deed.at.0,
        token: BASE64URL.encode(*token),
    };
    Ok((NOT_STORED, Json(made)).into_response())
}

/// Whether an organisation has a directory
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/scim", operation_id = "getDirectory", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "The organisation's name"),
    ),
    responses((status = 200, description = "Since when it has its token", body = DirectoryInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Operator, &[Code::NoSuchTenant, Code::NotFound]).command("tenant scim show")))),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Named,
) -> Result<Response, Refusal> {
    let tenant = existing(&app, &caller, path).await?;
    let since = app.rooms.store.directory(tenant).await?;
    let since = since.ok_or(Refusal(Code::NotFound))?.0;
    Ok((NOT_STORED, Json(DirectoryInfo { since })).into_response())
}

/// Let no directory make or end accounts any more
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/scim", operation_id = "removeDirectory", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "The organisation's name"),
    ),
    responses((status = 204, description = "Its token opens nothing any more")),
    extensions(("x-terms" = json!(Terms::new(By::Operator, &[Code::NoSuchTenant, Code::NotFound]).command("tenant scim remove")))),
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Named,
) -> Result<StatusCode, Refusal> {
    let tenant = existing(&app, &caller, path).await?;
    let of = Object::Of(tenant, Some(tenant.0));
    let deed = caller.deed(&app, Act::TenantDirectoryRemoved, of).await?;
    app.rooms.store.remove_directory(&deed).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The organisation in the path, if the operator asks.
async fn existing(app: &App, caller: &Caller, path: Named) -> Result<TenantId, Refusal> {
    caller.is_operator()?;
    let Path(name) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let tenant = app.rooms.store.tenant(&name).await?;
    Ok(tenant.ok_or(Refusal(Code::NoSuchTenant))?.tenant)
}
