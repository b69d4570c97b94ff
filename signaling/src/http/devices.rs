//! Devices: which one a session is on, its certificate, and revoking it. People
//! do this with their own, administrators with all of their organisation.

use super::App;
use super::accounts::NamedAccount;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::problem::Refusal;
use super::rooms::{NOT_STORED, asked, parse};
use crate::domain::Token;
use crate::domain::account::is_text;
use crate::domain::device::{Subject, ends};
use crate::identity::Holder;
use crate::revocation::{self, Devices};
use crate::store::Signed;
use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use conclave_wire::account::Action;
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::device::{
    CertificateIssued, CertificateRequest, DeviceInfo, DeviceList, DeviceRequest,
};
use conclave_wire::id::{AccountId, Blob, DeviceId};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Longest name of a device, characters.
const MAX_NAME: usize = 64;
/// Characters of a line of PEM (RFC 7468 section 2).
const PEM_LINE: usize = 64;

/// Say on which device the session is
#[utoipa::path(
    put, path = "/api/v1/session/device", operation_id = "noteDevice", tag = "devices",
    request_body = DeviceRequest,
    responses((status = 200, description = "The device, for as long as the session lasts", body = DeviceInfo)),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[Code::FactorNeeded, Code::TooManyDevices])))),
)]
pub(super) async fn note(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let signed = person(&caller)?;
    let request: DeviceRequest = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    if !is_text(&request.name, MAX_NAME) {
        return Err(Refusal(Code::BadMessage));
    }
    let fresh = DeviceId::random().map_err(|_| Refusal(Code::Internal))?;
    let (store, now) = (&app.rooms.store, app.rooms.clock.now());
    let noted = store.note_device((now, signed.token), &request, fresh);
    Ok((NOT_STORED, Json(noted.await?)).into_response())
}

/// Get a certificate for a signature key of the session's device, for one stay
#[utoipa::path(
    post, path = "/api/v1/session/certificate", operation_id = "certify", tag = "devices",
    request_body = CertificateRequest,
    responses((status = 201, description = "The certificate, and the root that signed it", body = CertificateIssued)),
    extensions(("x-terms" = json!(Terms::new(By::LoggedIn, &[Code::FactorNeeded, Code::DeviceNeeded, Code::NoSuchRoom, Code::ProofWrong, Code::Gone, Code::OtherDevice, Code::NoSuchDevice, Code::NotListed, Code::Forbidden])))),
)]
pub(super) async fn certify(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let signed = person(&caller)?;
    let CertificateRequest {
        key,
        proof,
        room,
        participant,
        token,
    } = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let token = Zeroizing::new(token.0);
    let token = Token::parse(&token).ok_or(Refusal(Code::BadMessage))?;
    let device = signed.device.ok_or(Refusal(Code::DeviceNeeded))?;
    let (store, now) = (&app.rooms.store, app.rooms.clock.now());
    if !store.is_room_of(Some(signed.tenant), room).await? {
        return Err(Refusal(Code::NoSuchRoom));
    }
    if !store.is_listed(room, signed.account).await? {
        return Err(Refusal(Code::NotListed));
    }
    let root = app.identity.root(store, (signed.tenant, now)).await;
    let root = root.map_err(Refusal)?;
    let holder = Holder {
        subject: Subject {
            tenant: signed.tenant,
            account: signed.account,
            device,
            participant,
        },
        name: &signed.name,
        organisation: &signed.tenant_name,
    };
    let issued = app
        .identity
        .certify((&root, now), &holder, (&key.0, &proof.0));
    let certificate = issued.map_err(Refusal)?;
    let until = ends(now);
    let stay = (room, participant, token.digest());
    let bound = revocation::certify(&app.rooms, stay, (device, until)).await;
    bound.map_err(Refusal)?;
    let issued = CertificateIssued {
        certificate: Blob(certificate),
        root: Blob(root.certificate),
        until: until.0,
    };
    Ok((StatusCode::CREATED, NOT_STORED, Json(issued)).into_response())
}

/// List the devices of an account
#[utoipa::path(
    get, path = "/api/v1/accounts/{account}/devices", operation_id = "listDevices", tag = "devices",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    responses((status = 200, description = "All of them, oldest first", body = DeviceList)),
    extensions(("x-terms" = json!(Terms::new(By::Somebody, &[]).command("device list")))),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    NamedAccount(account): NamedAccount,
) -> Result<Response, Refusal> {
    manages(&app, &caller, account).await?;
    let devices = app.rooms.store.devices(account).await?;
    Ok((NOT_STORED, Json(DeviceList { devices })).into_response())
}

/// Revoke all devices of an account
#[utoipa::path(
    delete, path = "/api/v1/accounts/{account}/devices", operation_id = "revokeDevices", tag = "devices",
    params(
        ("account" = AccountId, Path, description = "The account"),
    ),
    responses((status = 204, description = "They are gone, and the sessions on them and the stays they are certified for are over")),
    extensions(("x-terms" = json!(Terms::new(By::Somebody, &[]).command("device revoke")))),
)]
pub(super) async fn revoke_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    NamedAccount(account): NamedAccount,
) -> Result<StatusCode, Refusal> {
    manages(&app, &caller, account).await?;
    let of = Object::Account(account);
    let deed = caller.deed(&app, Act::AccountDevicesRevoked, of).await?;
    let devices = (deed, Devices::Account(account));
    revocation::revoke(&app.rooms, devices)
        .await
        .map_err(Refusal)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revoke a device
#[utoipa::path(
    delete, path = "/api/v1/devices/{device}", operation_id = "revokeDevice", tag = "devices",
    params(
        ("device" = DeviceId, Path, description = "The device"),
    ),
    responses((status = 204, description = "It is gone, and the sessions on it and the stays it is certified for are over")),
    extensions(("x-terms" = json!(Terms::new(By::Somebody, &[]).command("device revoke")))),
)]
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Refusal> {
    let Path(device) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let device: DeviceId = device.parse().map_err(|_| Refusal(Code::NoSuchDevice))?;
    let found = app.rooms.store.holder_of(caller.sees(), device).await?;
    let (account, tenant) = found.ok_or(Refusal(Code::NoSuchDevice))?;
    if !is_own(&caller, account) && caller.may(Action::ManageAccounts).is_err() {
        // Nor does it show which devices others have.
        return Err(Refusal(Code::NoSuchDevice));
    }
    let of = Object::Of(tenant, Some(device.0));
    let deed = caller.deed(&app, Act::DeviceRevoked, of).await?;
    let devices = (deed, Devices::One(device));
    revocation::revoke(&app.rooms, devices)
        .await
        .map_err(Refusal)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revoke all devices of an organisation
#[utoipa::path(
    delete, path = "/api/v1/devices", operation_id = "revokeAllDevices", tag = "devices",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
    ),
    responses((status = 204, description = "They are gone, and the sessions on them and the stays they are certified for are over")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageAccounts), &[]).command("device revoke-all")))),
)]
pub(super) async fn revoke_organisation(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<StatusCode, Refusal> {
    caller.may(Action::ManageAccounts)?;
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let of = Object::Of(tenant, None);
    let deed = caller.deed(&app, Act::TenantDevicesRevoked, of).await?;
    let devices = (deed, Devices::Organisation(tenant));
    revocation::revoke(&app.rooms, devices)
        .await
        .map_err(Refusal)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get the certificate of an organisation's root
#[utoipa::path(
    get, path = "/api/v1/root", operation_id = "getRoot", tag = "devices",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
    ),
    responses((status = 200, description = "The certificate, PEM", body = String, content_type = "application/pem-certificate-chain")),
    extensions(("x-terms" = json!(Terms::new(By::Somebody, &[]).command("tenant root")))),
)]
pub(super) async fn root(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refusal> {
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let (store, now) = (&app.rooms.store, app.rooms.clock.now());
    let root = app.identity.root(store, (tenant, now)).await;
    let headers = [
        (header::CONTENT_TYPE, "application/pem-certificate-chain"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let root = root.map_err(Refusal)?;
    Ok((headers, pem(&root.certificate)).into_response())
}

/// RFC 7468 section 5.
fn pem(certificate: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (at, letter) in BASE64.encode(certificate).chars().enumerate() {
        if at > 0 && at % PEM_LINE == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text
}

/// Devices are people's: the operator has none.
fn person(caller: &Caller) -> Result<&Signed, Refusal> {
    match caller {
        Caller::Account(signed) => Ok(signed),
        Caller::Operator => Err(Refusal(Code::Forbidden)),
    }
}

fn is_own(caller: &Caller, account: AccountId) -> bool {
    matches!(caller, Caller::Account(signed) if signed.account == account)
}

/// Whether they may see and revoke the account's devices.
async fn manages(app: &App, caller: &Caller, account: AccountId) -> Result<(), Refusal> {
    if is_own(caller, account) {
        return Ok(());
    }
    let found = app.rooms.store.account(caller.sees(), account).await?;
    found.ok_or(Refusal(Code::NoSuchAccount))?;
    caller.may(Action::ManageAccounts)
}
