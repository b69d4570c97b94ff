//! Passkeys: made, listed, called something else and removed by their person,
//! logged in with by whoever has one, listed and removed by administrators.

use super::App;
use super::accounts::{NamedAccount, existing};
use super::guard::{Caller, Object, cookie, is_own_page};
use super::oidc::host;
use super::openapi::{By, Terms};
use super::problem::Refusal;
use super::rooms::{NOT_STORED, parse};
use super::session::{SameSite, info, keep, refuse, set_cookie};
use crate::config::PASSKEY_LIMIT;
use crate::identity::{Ceremony, check_name};
use crate::store::Signed;
use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::{Action, SessionInfo};
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, PasskeyId};
use conclave_wire::passkey::{
    PasskeyChallenge, PasskeyInfo, PasskeyList, PasskeyLogin, PasskeyName, PasskeyRequest,
};
use std::sync::Arc;

/// The cookie of a ceremony that is under way.
const COOKIE: &str = "__Host-conclave-passkey";

type Body = Result<Bytes, BytesRejection>;

/// Ask for a passkey to log in with
#[utoipa::path(
    post, path = "/api/v1/session/passkey/challenge", operation_id = "askForPasskey", tag = "session",
    responses((status = 200, description = "What the authenticator is asked, with a cookie", body = PasskeyChallenge)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::PasskeysElsewhere, Code::Forbidden])))),
)]
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !is_own_page(&headers) {
        return Err(Refusal(Code::Forbidden));
    }
    let host = host(&headers).ok_or(Refusal(Code::BadMessage))?;
    let now = app.rooms.clock.now();
    let ceremony = app.identity.ask_for_passkey(now, host.host());
    begun(ceremony.map_err(Refusal)?)
}

/// Log in with a passkey
#[utoipa::path(
    post, path = "/api/v1/session/passkey", operation_id = "logInWithPasskey", tag = "session",
    request_body = PasskeyLogin,
    responses((status = 201, description = "Who is logged in, with a cookie", body = SessionInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::PasskeyRefused, Code::PasskeysElsewhere, Code::LoginExpired, Code::Forbidden, Code::TooMany])))),
)]
pub(super) async fn log_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let PasskeyLogin { credential } = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    if !is_own_page(&headers) {
        return Err(Refusal(Code::Forbidden));
    }
    let kept = cookie(&headers, COOKIE).ok_or(Refusal(Code::LoginExpired))?;
    let (store, now) = (&app.rooms.store, app.rooms.clock.both());
    let entered = app
        .identity
        .enter_by_passkey(store, now, (kept, credential));
    let token = match entered.await {
        Ok(token) => token,
        Err(refused) => return Ok(refuse(refused)),
    };
    let signed = store.session(token.digest()).await?;
    let info = info(signed.ok_or(Refusal(Code::Unauthorized))?);
    let mut response = (StatusCode::CREATED, NOT_STORED, Json(info)).into_response();
    ended(&mut response)?;
    set_cookie(&mut response, Some(&token))?;
    Ok(response)
}

/// Ask for another passkey
#[utoipa::path(
    post, path = "/api/v1/session/passkeys/challenge", operation_id = "beginPasskey", tag = "session",
    responses((status = 200, description = "What the authenticator is asked, with a cookie", body = PasskeyChallenge)),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[Code::FactorNeeded, Code::LoginNotRecent, Code::PasskeysElsewhere, Code::ExternalAccount, Code::TooManyPasskeys])))),
)]
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let signed = person(&caller)?;
    let host = host(&headers).ok_or(Refusal(Code::BadMessage))?;
    let (store, now) = (&app.rooms.store, app.rooms.clock.now());
    let ceremony = app
        .identity
        .begin_passkey(store, (now, signed), host.host());
    begun(ceremony.await.map_err(Refusal)?)
}

/// Keep the passkey that was made
#[utoipa::path(
    post, path = "/api/v1/session/passkeys", operation_id = "makePasskey", tag = "session",
    request_body = PasskeyRequest,
    responses((status = 201, description = "The passkey", body = PasskeyInfo)),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[Code::FactorNeeded, Code::PasskeyRefused, Code::PasskeysElsewhere, Code::LoginExpired, Code::TooManyPasskeys])))),
)]
pub(super) async fn make(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let signed = person(&caller)?;
    let PasskeyRequest { name, credential } = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let kept = cookie(&headers, COOKIE).ok_or(Refusal(Code::LoginExpired))?;
    let (store, now) = (&app.rooms.store, app.rooms.clock.now());
    let made = app
        .identity
        .make_passkey(store, (now, signed), kept, (&name, credential));
    let made = made.await.map_err(Refusal)?;
    let mut response = (StatusCode::CREATED, NOT_STORED, Json(made)).into_response();
    ended(&mut response)?;
    Ok(response)
}

/// List one's passkeys
#[utoipa::path(
    get, path = "/api/v1/session/passkeys", operation_id = "listOwnPasskeys", tag = "session",
    responses((status = 200, description = "All of them, oldest first", body = PasskeyList)),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[Code::FactorNeeded, Code::Forbidden])))),
)]
pub(super) async fn list_own(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    listed(&app, person(&caller)?.account).await
}

/// Call a passkey something else
#[utoipa::path(
    patch, path = "/api/v1/session/passkeys/{passkey}", operation_id = "renamePasskey", tag = "session",
    params(
        ("passkey" = PasskeyId, Path, description = "The passkey"),
    ),
    request_body = PasskeyName,
    responses((status = 200, description = "The passkey as it is now", body = PasskeyInfo)),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[Code::FactorNeeded])))),
)]
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Response, Refusal> {
    let signed = person(&caller)?;
    let Path(passkey) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let passkey = named(&passkey)?;
    let PasskeyName { name } = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    check_name(&name).map_err(Refusal)?;
    let deed = signed.own_deed(app.rooms.clock.now(), Act::AccountPasskeyRenamed);
    let of = (&deed, signed.account);
    let renamed = app.rooms.store.rename_passkey(of, (passkey, &name)).await?;
    Ok((NOT_STORED, Json(renamed)).into_response())
}

/// Remove one of one's passkeys
#[utoipa::path(
    delete, path = "/api/v1/session/passkeys/{passkey}", operation_id = "removeOwnPasskey", tag = "session",
    params(
        ("passkey" = PasskeyId, Path, description = "The passkey"),
    ),
    responses((status = 204, description = "Nobody logs in with it any more; other sessions of the account are over")),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[Code::FactorNeeded])))),
)]
pub(super) async fn remove_own(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Refusal> {
    let signed = person(&caller)?;
    let Path(passkey) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let passkey = named(&passkey)?;
    let deed = signed.own_deed(app.rooms.clock.now(), Act::AccountPasskeyRemoved);
    let (of, but) = ((&deed, signed.account), Some(signed.token));
    app.rooms.store.remove_passkey(of, (passkey, but)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the passkeys of an account
#[utoipa::path(
    get, path = "/api/v1/accounts/{account}/passkeys", operation_id = "listPasskeys", tag = "accounts",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    responses((status = 200, description = "All of them, oldest first", body = PasskeyList)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[]).command("account passkey list")))),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    NamedAccount(account): NamedAccount,
) -> Result<Response, Refusal> {
    existing(&app, &caller, account).await?;
    listed(&app, account).await
}

/// Remove a passkey of an account
#[utoipa::path(
    delete, path = "/api/v1/accounts/{account}/passkeys/{passkey}", operation_id = "removePasskey", tag = "accounts",
    params(
        ("account" = AccountId, Path, description = "The account"),
        ("passkey" = PasskeyId, Path, description = "The passkey"),
    ),
    responses((status = 204, description = "Nobody logs in with it any more; the account's sessions are over")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[]).command("account passkey remove")))),
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Refusal> {
    let Path((account, passkey)) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let account = account.parse().map_err(|_| Refusal(Code::NoSuchAccount))?;
    existing(&app, &caller, account).await?;
    let passkey = named(&passkey)?;
    let of = Object::Account(account);
    let deed = caller.deed(&app, Act::AccountPasskeyRemoved, of).await?;
    let store = &app.rooms.store;
    store
        .remove_passkey((&deed, account), (passkey, None))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn listed(app: &App, account: AccountId) -> Result<Response, Refusal> {
    let passkeys = app.rooms.store.passkeys(account).await?;
    Ok((NOT_STORED, Json(PasskeyList { passkeys })).into_response())
}

/// Passkeys are people's: the operator has none.
fn person(caller: &Caller) -> Result<&Signed, Refusal> {
    match caller {
        Caller::Account(signed) => Ok(signed),
        Caller::Operator => Err(Refusal(Code::Forbidden)),
    }
}

fn named(passkey: &str) -> Result<PasskeyId, Refusal> {
    passkey.parse().map_err(|_| Refusal(Code::NoSuchPasskey))
}

fn begun(ceremony: Ceremony) -> Result<Response, Refusal> {
    let mut response = (NOT_STORED, Json(ceremony.challenge)).into_response();
    let kept = Some((ceremony.cookie.as_str(), PASSKEY_LIMIT));
    keep(&mut response, (COOKIE, SameSite::Strict), kept)?;
    Ok(response)
}

/// Takes back from the browser what it kept of a ceremony.
fn ended(response: &mut Response) -> Result<(), Refusal> {
    keep(response, (COOKIE, SameSite::Strict), None)
}
