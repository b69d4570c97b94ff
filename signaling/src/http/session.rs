//! Logging in and out, another password, and the second factor.

use super::App;
use super::guard::{COOKIE, LoggedIn, is_own_page};
use super::openapi::{By, Terms};
use super::problem::{Refusal, problem};
use super::rooms::{NOT_STORED, parse};
use crate::domain::{Token, role, tenant};
use crate::identity::Refused;
use crate::store::Signed;
use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bytes::Bytes;
use conclave_wire::account::{
    BackupCodes, Enrolment, FactorCode, Kept, Login, LoginWays, NewPassword, SessionInfo,
};
use conclave_wire::code::Code;
use conclave_wire::http::Problem;
use conclave_wire::id::Blob;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Show how an organisation's people log in
///
/// Beside a password of this server. Nothing is said of whether there is such an
/// organisation.
#[utoipa::path(
    get, path = "/api/v1/login/{tenant}", operation_id = "getLoginWays", tag = "session",
    params(
        ("tenant" = String, Path, description = "The organisation's name"),
    ),
    responses((status = 200, description = "By their provider, with passkeys, or neither", body = LoginWays)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[])))),
)]
pub(super) async fn ways(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Refusal> {
    let Path(name) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let store = &app.rooms.store;
    let (provider, tenant) = match store.tenant(&name).await? {
        Some(found) => (store.provider(found.tenant).await?, found.tenant),
        None => (None, tenant::DEFAULT),
    };
    let ways = LoginWays {
        provider: provider.map(|provider| provider.name),
        passkeys: app.identity.passkeys_at().map(str::to_owned),
        texts: store.public_texts(tenant).await?,
    };
    Ok((NOT_STORED, Json(ways)).into_response())
}

/// Log in
#[utoipa::path(
    post, path = "/api/v1/session", operation_id = "logIn", tag = "session",
    request_body = Login,
    responses((status = 201, description = "Who is logged in, with the token or a cookie", body = SessionInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::Unauthorized, Code::FactorNeeded, Code::FactorWrong, Code::Forbidden, Code::TooMany])))),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let login: Login = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let kept = login.kept;
    // Nor may a page of another site log its visitor in as somebody else.
    if kept == Kept::Cookie && !is_own_page(&headers) {
        return Err(Refusal(Code::Forbidden));
    }
    let (store, now) = (&app.rooms.store, app.rooms.clock.both());
    let token = match app.identity.log_in(store, now, login).await {
        Ok(token) => token,
        Err(refused) => return Ok(refuse(refused)),
    };
    let signed = store.session(token.digest()).await?;
    let mut info = info(signed.ok_or(Refusal(Code::Unauthorized))?);
    if kept == Kept::Token {
        info.token = Some(Blob(token.expose().to_vec()));
    }
    let mut response = (StatusCode::CREATED, NOT_STORED, Json(info)).into_response();
    if kept == Kept::Cookie {
        set_cookie(&mut response, Some(&token))?;
    }
    Ok(response)
}

/// Who is logged in
#[utoipa::path(
    get, path = "/api/v1/session", operation_id = "getSession", tag = "session",
    responses((status = 200, description = "Who is logged in", body = SessionInfo)),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[])))),
)]
pub(super) async fn show(LoggedIn(signed): LoggedIn) -> Response {
    (NOT_STORED, Json(info(signed))).into_response()
}

/// Log out
#[utoipa::path(
    delete, path = "/api/v1/session", operation_id = "logOut", tag = "session",
    responses((status = 204, description = "The session is over")),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[])))),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    LoggedIn(signed): LoggedIn,
) -> Result<Response, Refusal> {
    app.rooms.store.end_session(signed.token).await?;
    logged_out()
}

/// Change one's password
#[utoipa::path(
    put, path = "/api/v1/session/password", operation_id = "changePassword", tag = "session",
    request_body = NewPassword,
    responses((status = 204, description = "All sessions of the account are over")),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[Code::PasswordUnfit, Code::TooMany])))),
)]
pub(super) async fn change_password(
    State(app): State<Arc<App>>,
    LoggedIn(signed): LoggedIn,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let change: NewPassword = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let (store, now) = (&app.rooms.store, app.rooms.clock.both());
    let changed = app.identity.change_password(store, (now, &signed), change);
    match changed.await {
        Ok(()) => logged_out(),
        Err(refused) => Ok(refuse(refused)),
    }
}

/// Propose a second factor
#[utoipa::path(
    post, path = "/api/v1/session/factor", operation_id = "proposeFactor", tag = "session",
    responses((status = 201, description = "What an authenticator is to be given", body = Enrolment)),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[Code::FactorSet])))),
)]
pub(super) async fn propose_factor(
    State(app): State<Arc<App>>,
    LoggedIn(signed): LoggedIn,
) -> Result<Response, Refusal> {
    let store = &app.rooms.store;
    let of = (signed.account, signed.login.as_str());
    let enrolment = app.identity.propose_factor(store, of).await;
    let enrolment = enrolment.map_err(Refusal)?;
    Ok((StatusCode::CREATED, NOT_STORED, Json(enrolment)).into_response())
}

/// Confirm the second factor by a code of it
#[utoipa::path(
    put, path = "/api/v1/session/factor", operation_id = "confirmFactor", tag = "session",
    request_body = FactorCode,
    responses((status = 200, description = "The factor counts; ten backup codes, given once", body = BackupCodes)),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[Code::FactorWrong, Code::FactorSet, Code::NotFound, Code::TooMany])))),
)]
pub(super) async fn confirm_factor(
    State(app): State<Arc<App>>,
    LoggedIn(signed): LoggedIn,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let FactorCode { code } = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let (store, now) = (&app.rooms.store, app.rooms.clock.now());
    let given = (now, code.trim());
    let codes = app.identity.confirm_factor(store, &signed, given);
    let codes = codes.await.map_err(Refusal)?;
    Ok((NOT_STORED, Json(codes)).into_response())
}

pub(super) fn info(signed: Signed) -> SessionInfo {
    let Signed {
        session,
        holder,
        limits,
        ..
    } = signed;
    SessionInfo {
        account: signed.account,
        login: signed.login,
        name: signed.name,
        tenant: signed.tenant_name,
        role: holder.role,
        actions: role::actions(holder.role).collect(),
        factor: holder.factor,
        factor_needed: (limits.factor || role::needs_factor(holder.role)) && !session.factor,
        external: signed.external,
        token: None,
    }
}

pub(super) fn refuse(refused: Refused) -> Response {
    match refused {
        Refused::For(code) => Refusal(code).into_response(),
        Refused::Wait(wait) => {
            let mut response = problem(Problem::from(Code::TooMany));
            let seconds = HeaderValue::from(wait.as_secs() + 1);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            response
        }
    }
}

fn logged_out() -> Result<Response, Refusal> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, None)?;
    Ok(response)
}

/// Gives the browser the token, or takes it. It lasts until the browser is
/// closed, and no longer than the session.
pub(super) fn set_cookie(response: &mut Response, token: Option<&Token>) -> Result<(), Refusal> {
    match token.map(|token| Zeroizing::new(BASE64URL.encode(token.expose()))) {
        Some(token) => write_cookie(response, (COOKIE, SameSite::Strict), (&token, None)),
        None => keep(response, (COOKIE, SameSite::Strict), None),
    }
}

/// Whether a browser sends a cookie along when another site's page brings
/// somebody here (RFC 6265bis section 4.1.2.7).
#[derive(Clone, Copy)]
pub(super) enum SameSite {
    Strict,
    Lax,
}

/// Gives the browser something to keep for so long, or takes it.
pub(super) fn keep(
    response: &mut Response,
    cookie: (&str, SameSite),
    kept: Option<(&str, Duration)>,
) -> Result<(), Refusal> {
    let (value, age) = kept.unwrap_or(("", Duration::ZERO));
    write_cookie(response, cookie, (value, Some(age)))
}

fn write_cookie(
    response: &mut Response,
    (name, site): (&str, SameSite),
    (value, age): (&str, Option<Duration>),
) -> Result<(), Refusal> {
    let site = match site {
        SameSite::Strict => "Strict",
        SameSite::Lax => "Lax",
    };
    let age = age.map_or_else(String::new, |age| format!("; Max-Age={}", age.as_secs()));
    let cookie = Zeroizing::new(format!(
        "{name}={value}; Path=/; Secure; HttpOnly; SameSite={site}{age}"
    ));
    let mut value = HeaderValue::from_str(&cookie).map_err(|_| Refusal(Code::Internal))?;
    value.set_sensitive(true);
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}
