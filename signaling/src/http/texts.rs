//! What an organisation says to everybody, before anybody logs in: its terms of
//! use, its privacy notice, who it is.

use super::App;
use super::consent::is_text;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::problem::Refusal;
use super::rooms::{NOT_STORED, asked, parse};
use crate::config::MAX_PUBLIC_TEXT;
use crate::domain::tenant;
use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::Action;
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::{RoomId, TenantId};
use conclave_wire::text::{PublicText, PublicTextInfo, PublicTextRequest};
use std::sync::Arc;

type Named = Result<Path<String>, PathRejection>;

/// Set what an organisation says to everybody
#[utoipa::path(
    put, path = "/api/v1/texts/{text}", operation_id = "setPublicText", tag = "texts",
    params(
        ("text" = PublicText, Path, description = "Which"),
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
    ),
    request_body = PublicTextRequest,
    responses((status = 200, description = "As it reads from now on", body = PublicTextInfo)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::SetConsentTexts), &[Code::NotFound, Code::TooLarge]).command("text set")))),
)]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    path: Named,
    caller: Caller,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    caller.may(Action::SetConsentTexts)?;
    let text = named(path)?;
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let request: PublicTextRequest = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    for written in [&request.de, &request.en] {
        if written.len() > MAX_PUBLIC_TEXT {
            return Err(Refusal(Code::TooLarge));
        }
        if !is_text(written) {
            return Err(Refusal(Code::BadMessage));
        }
    }
    let of = Object::Of(tenant, None);
    let deed = caller.deed(&app, Act::PublicTextSet, of).await?;
    let store = &app.rooms.store;
    store.set_public_text(&deed, (text, &request)).await?;
    let PublicTextRequest { de, en } = request;
    let since = deed.at.0;
    let own = true;
    let info = PublicTextInfo { de, en, since, own };
    Ok((NOT_STORED, Json(info)).into_response())
}

/// Forget it: that of `default` holds again
#[utoipa::path(
    delete, path = "/api/v1/texts/{text}", operation_id = "removePublicText", tag = "texts",
    params(
        ("text" = PublicText, Path, description = "Which"),
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
    ),
    responses((status = 204, description = "The organisation has none of its own")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::SetConsentTexts), &[Code::NotFound]).command("text remove")))),
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    path: Named,
    caller: Caller,
    uri: Uri,
) -> Result<StatusCode, Refusal> {
    caller.may(Action::SetConsentTexts)?;
    let text = named(path)?;
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let of = Object::Of(tenant, None);
    let deed = caller.deed(&app, Act::PublicTextRemoved, of).await?;
    match app.rooms.store.remove_public_text(&deed, text).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal(Code::NotFound)),
    }
}

/// Read what an organisation says to everybody
///
/// Of the organisation that is named; without a name that of who asks, and of
/// `default` for who is not logged in. Nothing is said of whether there is an
/// organisation of that name: where it has no such text, that of `default` is
/// read.
#[utoipa::path(
    get, path = "/api/v1/texts/{text}", operation_id = "getPublicText", tag = "texts",
    params(
        ("text" = PublicText, Path, description = "Which"),
        ("tenant" = Option<String>, Query, description = "The organisation's name"),
    ),
    responses((status = 200, description = "As it reads now", body = PublicTextInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::NotFound]).command("text show")))),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    path: Named,
    caller: Result<Caller, Refusal>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let text = named(path)?;
    let tenant = match (asked(&uri, "tenant"), caller) {
        (Some(name), _) => {
            let found = app.rooms.store.tenant(name).await?;
            found.map_or(tenant::DEFAULT, |found| found.tenant)
        }
        (None, Ok(caller)) => caller.acts_in(&app, None).await?,
        (None, Err(_)) => tenant::DEFAULT,
    };
    answer(&app, tenant, text).await
}

/// Read what a room's organisation says to everybody
#[utoipa::path(
    get, path = "/api/v1/rooms/{room}/texts/{text}", operation_id = "getPublicTextOfRoom", tag = "texts",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
        ("text" = PublicText, Path, description = "Which"),
    ),
    responses((status = 200, description = "As it reads now", body = PublicTextInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::NotFound]).command("text show")))),
)]
pub(super) async fn show_of_room(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Refusal> {
    let Path((room, text)) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let room = room.parse().map_err(|_| Refusal(Code::NoSuchRoom))?;
    let text = PublicText::parse(&text).ok_or(Refusal(Code::NotFound))?;
    let tenant = app.rooms.store.tenant_of_room(room).await?;
    answer(&app, tenant, text).await
}

fn named(path: Named) -> Result<PublicText, Refusal> {
    let Path(name) = path.map_err(|_| Refusal(Code::BadMessage))?;
    PublicText::parse(&name).ok_or(Refusal(Code::NotFound))
}

async fn answer(app: &App, tenant: TenantId, text: PublicText) -> Result<Response, Refusal> {
    let found = app.rooms.store.public_text(tenant, text).await?;
    let found = found.ok_or(Refusal(Code::NotFound))?;
    Ok((NOT_STORED, Json(found)).into_response())
}
