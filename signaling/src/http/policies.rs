//! Policies: read and set by administrators for their organisation and its
//! accounts, by the operator for all.

use super::App;
use super::accounts::NamedAccount;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::problem::{Refusal, problem};
use super::rooms::{NOT_STORED, asked, parse, taken};
use crate::domain::audit::{Deed, SERVER};
use crate::domain::policy::{self, Policies, Settings};
use crate::sheet::Wrong;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::Action;
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::http::Problem;
use conclave_wire::id::{AccountId, TenantId};
use conclave_wire::policy::{PolicyList, PolicyRequest};
use std::sync::Arc;

/// For whom something is set.
#[derive(Clone, Copy)]
enum For {
    Everybody(TenantId),
    Account(TenantId, AccountId),
}

/// List the policies of an organisation
#[utoipa::path(
    get, path = "/api/v1/policies", operation_id = "listPolicies", tag = "policies",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
        ("of" = Option<String>, Query, description = "For the operator: `server` for those that go before every organisation's"),
    ),
    responses((status = 200, description = "All policies: what holds, and what is set here", body = PolicyList)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManagePolicies), &[]).command("policy list")))),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refusal> {
    show(&app, organisation(&app, &caller, &uri).await?).await
}

/// Set all policies of an organisation
#[utoipa::path(
    put, path = "/api/v1/policies", operation_id = "setPolicies", tag = "policies",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
        ("of" = Option<String>, Query, description = "For the operator: `server` for those that go before every organisation's"),
    ),
    request_body = PolicyRequest,
    responses((status = 200, description = "All policies: what holds, and what is set here", body = PolicyList)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManagePolicies), &[Code::PolicyUnknown, Code::PolicyValue]).command("policy set")))),
)]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let whose = organisation(&app, &caller, &uri).await?;
    write(&app, &caller, whose, body).await
}

/// List the policies of an account
#[utoipa::path(
    get, path = "/api/v1/accounts/{account}/policies", operation_id = "listAccountPolicies", tag = "policies",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    responses((status = 200, description = "All policies: what holds, and what is set here", body = PolicyList)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManagePolicies), &[]).command("policy list")))),
)]
pub(super) async fn list_account(
    State(app): State<Arc<App>>,
    caller: Caller,
    account: NamedAccount,
) -> Result<Response, Refusal> {
    show(&app, one(&app, &caller, account).await?).await
}

/// Set all policies of an account
#[utoipa::path(
    put, path = "/api/v1/accounts/{account}/policies", operation_id = "setAccountPolicies", tag = "policies",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    request_body = PolicyRequest,
    responses((status = 200, description = "All policies: what holds, and what is set here", body = PolicyList)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManagePolicies), &[Code::PolicyUnknown, Code::PolicyValue]).command("policy set")))),
)]
pub(super) async fn set_account(
    State(app): State<Arc<App>>,
    caller: Caller,
    account: NamedAccount,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let whose = one(&app, &caller, account).await?;
    write(&app, &caller, whose, body).await
}

/// Get what is set for an organisation and its accounts, as a table
#[utoipa::path(
    get, path = "/api/v1/policies.csv", operation_id = "exportPolicies", tag = "policies",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
    ),
    responses((status = 200, description = "`account`, `policy`, `value` (RFC 4180); without an account what is set for the organisation itself", body = String, content_type = "text/csv")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManagePolicies), &[]).command("policy export")))),
)]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refusal> {
    caller.may(Action::ManagePolicies)?;
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let sheet = app.rooms.store.policy_sheet(tenant).await?;
    let table = policy::write(&sheet).map_err(|_| Refusal(Code::Internal))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            "text/csv; charset=utf-8; header=present",
        ),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"policies.csv\"",
        ),
    ];
    Ok((NOT_STORED, headers, table).into_response())
}

/// Set what a table says for an organisation and its accounts
///
/// What it names of an account, or of the organisation, is all that is set
/// there then; what it does not name at all stays as it is. If a line is wrong,
/// nothing is changed, and `cell` says where.
#[utoipa::path(
    put, path = "/api/v1/policies.csv", operation_id = "importPolicies", tag = "policies",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
    ),
    request_body(content = String, content_type = "text/csv", description = "A table as it was given"),
    responses((status = 204, description = "All of it is set")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManagePolicies), &[Code::PolicyUnknown, Code::PolicyValue, Code::NoSuchAccount, Code::NameTaken]).command("policy import")))),
)]
pub(super) async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    caller.may(Action::ManagePolicies)?;
    let (store, tenant) = (&app.rooms.store, asked(&uri, "tenant"));
    let tenant = caller.acts_in(&app, tenant).await?;
    let body = taken(body)?;
    let table = std::str::from_utf8(&body).map_err(|_| Refusal(Code::BadMessage))?;
    let all = match policy::read(table, &store.logins(tenant).await?) {
        Ok(all) => all,
        Err(Wrong { cell, code }) => {
            let cell = Some(cell);
            return Ok(problem(Problem {
                cell,
                ..code.into()
            }));
        }
    };
    let mut deeds = Vec::new();
    for (account, settings) in all {
        let object = Object::Of(tenant, account.map(|account| account.0));
        let deed = noted(&app, &caller, object, &settings).await?;
        deeds.push((deed, account, settings));
    }
    store.import_policies(&deeds).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn organisation(app: &App, caller: &Caller, uri: &Uri) -> Result<For, Refusal> {
    caller.may(Action::ManagePolicies)?;
    let tenant = match asked(uri, "of") {
        None => caller.acts_in(app, asked(uri, "tenant")).await?,
        Some("server") => {
            caller.is_operator()?;
            SERVER
        }
        Some(_) => return Err(Refusal(Code::BadMessage)),
    };
    Ok(For::Everybody(tenant))
}

async fn one(app: &App, caller: &Caller, NamedAccount(id): NamedAccount) -> Result<For, Refusal> {
    let tenant = app.rooms.store.tenant_of_account(id).await?;
    if caller.sees().is_some_and(|own| own != tenant) {
        return Err(Refusal(Code::NoSuchAccount));
    }
    caller.may(Action::ManagePolicies)?;
    Ok(For::Account(tenant, id))
}

async fn show(app: &App, whose: For) -> Result<Response, Refusal> {
    let store = &app.rooms.store;
    let policies = match whose {
        For::Everybody(tenant) => store.policies(tenant, None).await?,
        For::Account(tenant, id) => store.policies(tenant, Some(id)).await?,
    };
    let Policies {
        server,
        organisation,
        account,
    } = &policies;
    let level = match whose {
        For::Everybody(SERVER) => server,
        For::Everybody(_) => organisation,
        For::Account(..) => account,
    };
    let policies = policies.entries(level);
    Ok((NOT_STORED, Json(PolicyList { policies })).into_response())
}

async fn write(
    app: &App,
    caller: &Caller,
    whose: For,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let asked: PolicyRequest = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let settings = Settings::requested(&asked.policies).map_err(Refusal)?;
    let (object, account) = match whose {
        For::Everybody(tenant) => (Object::Of(tenant, None), None),
        For::Account(_, id) => (Object::Account(id), Some(id)),
    };
    let deed = noted(app, caller, object, &settings).await?;
    let store = &app.rooms.store;
    store.set_policies(&deed, account, &settings).await?;
    show(app, whose).await
}

/// What is to be noted of who sets this.
async fn noted(
    app: &App,
    caller: &Caller,
    object: Object,
    settings: &Settings,
) -> Result<Deed, Refusal> {
    let mut deed = caller.deed(app, Act::PoliciesSet, object).await?;
    let texts = settings
        .texts()
        .map(|(name, value)| format!("{name}={value}"));
    deed.detail = Some(texts.collect::<Vec<_>>().join(" "));
    Ok(deed)
}
