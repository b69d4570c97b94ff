//! Logging in by an organisation's provider. The first two are pages for
//! browsers: whatever goes wrong ends at the login page, with a code that it
//! has a text for.

use super::App;
use super::guard::{Caller, Object, cookie, is_own_page};
use super::openapi::{By, Terms};
use super::problem::Refusal;
use super::rooms::{NOT_STORED, parse};
use super::session::{self, SameSite, info, refuse, set_cookie};
use crate::config::{LOGIN_LIMIT, PROVIDERS_LIMIT};
use crate::identity::{Callback, Entered};
use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::{Action, FactorCode, ProviderInfo, ProviderRequest, SessionInfo};
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::TenantId;
use std::sync::Arc;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// The cookie of a login that is under way. It comes back from the provider's
/// site, so it cannot be `Strict`.
const COOKIE: &str = "__Host-conclave-login";

type Named = Result<Path<String>, PathRejection>;

/// `GET /oidc/login/{tenant}`
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    path: Named,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Path(tenant) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let host = host(&headers).ok_or(Refusal(Code::BadMessage))?;
    let redirect = format!("https://{host}/oidc/callback");
    let now = app.rooms.clock.both();
    let of = (tenant.as_str(), redirect);
    let begun = app.identity.begin_at_provider(&app.rooms.store, now, of);
    let begun = tokio::time::timeout(PROVIDERS_LIMIT, begun).await;
    match begun.unwrap_or(Err(Code::ProviderUnavailable)) {
        Ok(begun) => {
            let mut response = to(&begun.to)?;
            keep(&mut response, Some(&begun.cookie))?;
            Ok(response)
        }
        Err(code) => to_login(code, Some(&tenant)),
    }
}

/// `GET /oidc/callback`
pub(super) async fn callback(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refusal> {
    let mut callback = Callback {
        cookie: cookie(&headers, COOKIE).map(|kept| Zeroizing::new(kept.to_owned())),
        ..Callback::default()
    };
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let value = Some(value.into_owned());
        match &*name {
            "code" => callback.code = value,
            "state" => callback.state = value,
            "iss" => callback.issuer = value,
            _ => {}
        }
    }
    let tenant = app.identity.organisation_of(&callback);
    let now = app.rooms.clock.both();
    let entered = app
        .identity
        .enter_by_provider(&app.rooms.store, now, callback);
    let entered = tokio::time::timeout(PROVIDERS_LIMIT, entered).await;
    match entered.unwrap_or(Err(Code::ProviderUnavailable)) {
        Ok(Entered::Session(token)) => {
            let mut response = to("/rooms")?;
            keep(&mut response, None)?;
            set_cookie(&mut response, Some(&token))?;
            Ok(response)
        }
        Ok(Entered::CodeNeeded(cookie)) => {
            let mut response = to_login(Code::FactorNeeded, tenant.as_deref())?;
            keep(&mut response, Some(&cookie))?;
            Ok(response)
        }
        Err(code) => {
            let mut response = to_login(code, tenant.as_deref())?;
            keep(&mut response, None)?;
            Ok(response)
        }
    }
}

/// End a login by a provider with a code of the second factor
#[utoipa::path(
    post, path = "/api/v1/session/code", operation_id = "giveCode", tag = "session",
    request_body = FactorCode,
    responses((status = 201, description = "Who is logged in, with a cookie", body = SessionInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::FactorWrong, Code::LoginExpired, Code::LoginFailed, Code::Forbidden, Code::TooMany])))),
)]
pub(super) async fn code(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let FactorCode { code } = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    if !is_own_page(&headers) {
        return Err(Refusal(Code::Forbidden));
    }
    let kept = cookie(&headers, COOKIE).ok_or(Refusal(Code::LoginExpired))?;
    let code = Zeroizing::new(code);
    let (store, now) = (&app.rooms.store, app.rooms.clock.both());
    let entered = app
        .identity
        .enter_with_code(store, now, (kept, code.trim()));
    let token = match entered.await {
        Ok(token) => token,
        Err(refused) => return Ok(refuse(refused)),
    };
    let signed = store.session(token.digest()).await?;
    let info = info(signed.ok_or(Refusal(Code::Unauthorized))?);
    let mut response = (StatusCode::CREATED, NOT_STORED, Json(info)).into_response();
    keep(&mut response, None)?;
    set_cookie(&mut response, Some(&token))?;
    Ok(response)
}

/// Set an organisation's provider
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/oidc", operation_id = "setProvider", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "The organisation's name"),
    ),
    request_body = ProviderRequest,
    responses((status = 200, description = "The provider, without its secret", body = ProviderInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Operator, &[]).command("tenant oidc set")))),
)]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let tenant = existing(&app, &caller, path).await?;
    let request: ProviderRequest = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let provider = app.identity.provider(tenant, request).map_err(Refusal)?;
    let of = Object::Of(tenant, Some(tenant.0));
    let deed = caller.deed(&app, Act::TenantProviderSet, of).await?;
    app.rooms.store.set_provider(&deed, &provider).await?;
    Ok((NOT_STORED, Json(ProviderInfo::from(provider))).into_response())
}

/// Show an organisation's provider
///
/// Its administrators see their own.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/oidc", operation_id = "getProvider", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "The organisation's name"),
    ),
    responses((status = 200, description = "The provider, without its secret", body = ProviderInfo)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[Code::NotFound]).command("tenant oidc show")))),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Named,
) -> Result<Response, Refusal> {
    let Path(name) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let tenant = caller.acts_in(&app, Some(&name)).await?;
    caller.may(Action::ManageAccounts)?;
    let provider = app.rooms.store.provider(tenant).await?;
    let provider = provider.ok_or(Refusal(Code::NotFound))?;
    Ok((NOT_STORED, Json(ProviderInfo::from(provider))).into_response())
}

/// Forget an organisation's provider
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/oidc", operation_id = "removeProvider", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "The organisation's name"),
    ),
    responses((status = 204, description = "Nobody logs in by it any more")),
    extensions(("x-terms" = json!(Terms::new(By::Operator, &[Code::NotFound]).command("tenant oidc remove")))),
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Named,
) -> Result<StatusCode, Refusal> {
    let tenant = existing(&app, &caller, path).await?;
    let of = Object::Of(tenant, Some(tenant.0));
    let deed = caller.deed(&app, Act::TenantProviderRemoved, of).await?;
    app.rooms.store.remove_provider(&deed).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The organisation in the path, if the operator asks.
async fn existing(app: &App, caller: &Caller, path: Named) -> Result<TenantId, Refusal> {
    caller.is_operator()?;
    let Path(name) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let tenant = app.rooms.store.tenant(&name).await?;
    Ok(tenant.ok_or(Refusal(Code::NoSuchTenant))?.tenant)
}

/// The name by which the browser found the service.
pub(super) fn host(headers: &HeaderMap) -> Option<Authority> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let authority: Authority = host.parse().ok()?;
    (!host.contains('@')).then_some(authority)
}

fn to(address: &str) -> Result<Response, Refusal> {
    let address = HeaderValue::from_str(address).map_err(|_| Refusal(Code::Internal))?;
    let headers = [
        (header::LOCATION, address),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// The login page of an organisation, and what it says.
fn to_login(code: Code, tenant: Option<&str>) -> Result<Response, Refusal> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("problem", code.as_str());
    if let Some(tenant) = tenant {
        query.append_pair("organisation", tenant);
    }
    to(&format!("/login?{}", query.finish()))
}

/// Gives the browser what it keeps of a login that is under way, or takes it.
fn keep(response: &mut Response, login: Option<&str>) -> Result<(), Refusal> {
    let kept = login.map(|login| (login, LOGIN_LIMIT));
    session::keep(response, (COOKIE, SameSite::Lax), kept)
}
