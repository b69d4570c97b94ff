//! Accounts of an organisation: made, listed, disabled, and helped back in.

use super::App;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::page::{Wanted, listed, wanted};
use super::problem::Refusal;
use super::rooms::{NOT_STORED, asked, parse};
use crate::domain::account;
use crate::leaver::{self, End};
use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::{
    AccountChange, AccountInfo, AccountList, AccountMade, AccountRequest, Action,
};
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::AccountId;
use std::sync::Arc;

/// Make an account
#[utoipa::path(
    post, path = "/api/v1/accounts", operation_id = "createAccount", tag = "accounts",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: in which organisation; without it in `default`"),
    ),
    request_body = AccountRequest,
    responses((status = 201, description = "The account with its password, which is given once", body = AccountMade)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[Code::NameTaken, Code::QuotaReached]).command("account create")))),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    caller.may(Action::ManageAccounts)?;
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let request = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let request = account::requested(request).map_err(Refusal)?;
    let id = AccountId::random().map_err(|_| Refusal(Code::Internal))?;
    let (password, hash) = app.identity.draw_password().await.map_err(Refusal)?;
    let made = Object::Of(tenant, Some(id.0));
    let deed = caller.deed(&app, Act::AccountMade, made).await?;
    let store = &app.rooms.store;
    store.create_account(&deed, id, (&request, &hash)).await?;
    let headers = [
        (header::LOCATION, format!("/api/v1/accounts/{id}")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let made = AccountMade {
        account: AccountInfo {
            account: id,
            login: request.login,
            name: request.name,
            role: request.role,
            created: deed.at.0,
            disabled: false,
            factor: false,
            external: false,
        },
        password: password.to_string(),
    };
    Ok((StatusCode::CREATED, headers, Json(made)).into_response())
}

/// List the accounts of an organisation
#[utoipa::path(
    get, path = "/api/v1/accounts", operation_id = "listAccounts", tag = "accounts",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: in which organisation; without it in `default`"),
        ("after" = Option<AccountId>, Query, description = "The account of the last entry of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Most entries; 50 without it"),
    ),
    responses((status = 200, description = "A page of the accounts, by the name they log in with", body = AccountList,
        headers(("Link" = Option<String>, description = "`rel=next`: the page behind this one")))),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[]).command("account list")))),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refusal> {
    caller.may(Action::ManageAccounts)?;
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let Wanted { after, limit } = wanted(&uri)?;
    let store = &app.rooms.store;
    let (accounts, more) = store.accounts(tenant, (after, limit)).await?;
    let last = accounts.last().filter(|_| more).map(|last| last.account);
    Ok(listed(&uri, last, AccountList { accounts, more }))
}

/// Let nobody log in to an account any more
#[utoipa::path(
    post, path = "/api/v1/accounts/{account}/disable", operation_id = "disableAccount", tag = "accounts",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    responses((status = 204, description = "Its sessions are over")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[Code::LastAdministrator]).command("account disable")))),
)]
pub(super) async fn disable(
    State(app): State<Arc<App>>,
    caller: Caller,
    NamedAccount(id): NamedAccount,
) -> Result<StatusCode, Refusal> {
    existing(&app, &caller, id).await?;
    keep_an_admin(&app, &caller, id).await?;
    let deed = caller.deed(&app, Act::AccountDisabled, Object::Account(id));
    let ended = leaver::end(&app.rooms, (deed.await?, id), End::Disabled).await;
    ended.map_err(Refusal)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change an account's role or the person's name
///
/// Nobody takes the role from the last administrator of an organisation but the
/// operator.
#[utoipa::path(
    patch, path = "/api/v1/accounts/{account}", operation_id = "changeAccount", tag = "accounts",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    request_body = AccountChange,
    responses((status = 200, description = "The account as it is now", body = AccountInfo)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[Code::LastAdministrator, Code::ExternalAccount]).command("account change")))),
)]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    NamedAccount(id): NamedAccount,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    if existing(&app, &caller, id).await?.external {
        return Err(Refusal(Code::ExternalAccount));
    }
    let change: AccountChange = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    account::check_change(&change).map_err(Refusal)?;
    let store = &app.rooms.store;
    let keeps_admin = caller.is_operator().is_err();
    let deed = caller.deed(&app, Act::AccountChanged, Object::Account(id));
    let deed = deed.await?;
    let changed = store.change_account((&deed, id), &change, keeps_admin);
    let changed = changed.await?;
    Ok((NOT_STORED, Json(changed)).into_response())
}

/// Delete an account
#[utoipa::path(
    delete, path = "/api/v1/accounts/{account}", operation_id = "deleteAccount", tag = "accounts",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    responses((status = 204, description = "It is gone; its sessions and the links it made are over")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[Code::LastAdministrator]).command("account delete")))),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    NamedAccount(id): NamedAccount,
) -> Result<StatusCode, Refusal> {
    existing(&app, &caller, id).await?;
    keep_an_admin(&app, &caller, id).await?;
    let deed = caller.deed(&app, Act::AccountDeleted, Object::Account(id));
    let ended = leaver::end(&app.rooms, (deed.await?, id), End::Deleted).await;
    ended.map_err(Refusal)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let people log in to an account again
#[utoipa::path(
    post, path = "/api/v1/accounts/{account}/enable", operation_id = "enableAccount", tag = "accounts",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    responses((status = 204, description = "People log in to it again")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[]).command("account enable")))),
)]
pub(super) async fn enable(
    State(app): State<Arc<App>>,
    caller: Caller,
    NamedAccount(id): NamedAccount,
) -> Result<StatusCode, Refusal> {
    existing(&app, &caller, id).await?;
    let deed = caller.deed(&app, Act::AccountEnabled, Object::Account(id));
    let store = &app.rooms.store;
    store.enable_account(&deed.await?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Draw an account another password
#[utoipa::path(
    post, path = "/api/v1/accounts/{account}/password", operation_id = "resetPassword", tag = "accounts",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    responses((status = 200, description = "The account with another password, which is given once", body = AccountMade)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[Code::ExternalAccount]).command("account reset-password")))),
)]
pub(super) async fn reset_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    NamedAccount(id): NamedAccount,
) -> Result<Response, Refusal> {
    let account = existing(&app, &caller, id).await?;
    if account.external {
        return Err(Refusal(Code::ExternalAccount));
    }
    let (password, hash) = app.identity.draw_password().await.map_err(Refusal)?;
    let deed = caller.deed(&app, Act::AccountPasswordReset, Object::Account(id));
    let store = &app.rooms.store;
    store.set_password(&deed.await?, id, &hash).await?;
    let password = password.to_string();
    Ok((NOT_STORED, Json(AccountMade { account, password })).into_response())
}

/// Forget an account's second factor
#[utoipa::path(
    delete, path = "/api/v1/accounts/{account}/factor", operation_id = "forgetFactor", tag = "accounts",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    responses((status = 204, description = "It is forgotten, and sessions are over")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[]).command("account reset-factor")))),
)]
pub(super) async fn forget_factor(
    State(app): State<Arc<App>>,
    caller: Caller,
    NamedAccount(id): NamedAccount,
) -> Result<StatusCode, Refusal> {
    existing(&app, &caller, id).await?;
    let deed = caller.deed(&app, Act::AccountFactorReset, Object::Account(id));
    app.rooms.store.forget_factor(&deed.await?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account, if it is one of theirs and they may change it.
pub(super) async fn existing(
    app: &App,
    caller: &Caller,
    id: AccountId,
) -> Result<AccountInfo, Refusal> {
    let found = app.rooms.store.account(caller.sees(), id).await?;
    let found = found.ok_or(Refusal(Code::NoSuchAccount))?;
    caller.may(Action::ManageAccounts)?;
    Ok(found)
}

/// Who administers an organisation does not leave it without anybody who does;
/// the operator, who can make another, may.
async fn keep_an_admin(app: &App, caller: &Caller, id: AccountId) -> Result<(), Refusal> {
    let is_operator = caller.is_operator().is_ok();
    match !is_operator && app.rooms.store.is_last_admin(id).await? {
        true => Err(Refusal(Code::LastAdministrator)),
        false => Ok(()),
    }
}

/// The account in the path.
pub(super) struct NamedAccount(pub(super) AccountId);

impl<S: Send + Sync> FromRequestParts<S> for NamedAccount {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(account) = path.map_err(|_| Refusal(Code::BadMessage))?;
        let account = account.parse();
        account.map(Self).map_err(|_| Refusal(Code::NoSuchAccount))
    }
}
