//! The consent of guests: the texts, set for each organisation and read by
//! anyone, and what a link's guest says to them.

use super::App;
use super::guard::{Caller, Object};
use super::links::NamedLink;
use super::openapi::{By, Terms};
use super::problem::Refusal;
use super::rooms::{NOT_STORED, Named, asked, carry_out, existing, parse};
use crate::config::MAX_CONSENT_TEXT;
use crate::domain::{Order, tenant};
use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::Action;
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::http::{
    Consent, ConsentRequest, ConsentText, ConsentTexts, ConsentTextsRequest, ConsentWay,
};
use conclave_wire::id::{LinkId, RoomId};
use std::sync::Arc;

/// Set what guests of an organisation consent to
#[utoipa::path(
    post, path = "/api/v1/consent-texts", operation_id = "setConsentTexts", tag = "consent",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
    ),
    request_body = ConsentTextsRequest,
    responses((status = 201, description = "The next version", body = ConsentTexts)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::SetConsentTexts), &[Code::Full]).command("consent-text set")))),
)]
pub(super) async fn set_texts(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    caller.may(Action::SetConsentTexts)?;
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let texts: ConsentTextsRequest = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    for text in [&texts.de, &texts.en] {
        judge(text)?;
    }
    let set = Object::Of(tenant, None);
    let deed = caller.deed(&app, Act::ConsentTextsSet, set).await?;
    let store = &app.rooms.store;
    let version = store.set_consent_texts(&deed, &texts).await?;
    let ConsentTextsRequest { de, en } = texts;
    let headers = [
        (header::LOCATION, format!("/api/v1/consent-texts/{version}")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let made = ConsentTexts { version, de, en };
    Ok((StatusCode::CREATED, headers, Json(made)).into_response())
}

/// A version of what guests of an organisation consent to
///
/// The organisation is that of who asks; for who is not logged in it is
/// `default`.
#[utoipa::path(
    get, path = "/api/v1/consent-texts/{version}", operation_id = "getConsentTexts", tag = "consent",
    params(
        ("version" = String, Path, description = "Its number, or `current`"),
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
    ),
    responses((status = 200, description = "The texts, which never change", body = ConsentTexts)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::NotFound]).command("consent-text show")))),
)]
pub(super) async fn texts(
    State(app): State<Arc<App>>,
    Path(version): Path<String>,
    caller: Result<Caller, Refusal>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let tenant = match caller {
        Ok(caller) => caller.acts_in(&app, asked(&uri, "tenant")).await?,
        Err(_) => tenant::DEFAULT,
    };
    let store = &app.rooms.store;
    answer(store.consent_texts(tenant, number(&version)?).await?)
}

/// A version of what guests of a room consent to
#[utoipa::path(
    get, path = "/api/v1/rooms/{room}/consent-texts/{version}", operation_id = "getConsentTextsOfRoom", tag = "consent",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
        ("version" = String, Path, description = "Its number, or `current`"),
    ),
    responses((status = 200, description = "The texts of the room's organisation, which never change", body = ConsentTexts)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::NotFound]).command("consent-text show")))),
)]
pub(super) async fn texts_of_room(
    State(app): State<Arc<App>>,
    Path((room, version)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let room = room.parse().map_err(|_| Refusal(Code::NoSuchRoom))?;
    existing(&app, room).await?;
    let store = &app.rooms.store;
    answer(store.consent_texts_of(room, number(&version)?).await?)
}

/// Which version a path names; nothing: the one that holds.
fn number(version: &str) -> Result<Option<u32>, Refusal> {
    match version {
        "current" => Ok(None),
        number => match number.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Refusal(Code::NotFound)),
        },
    }
}

fn answer(texts: Option<ConsentTexts>) -> Result<Response, Refusal> {
    let texts = texts.ok_or(Refusal(Code::NotFound))?;
    Ok((NOT_STORED, Json(texts)).into_response())
}

/// Hand a draft out
#[utoipa::path(
    post, path = "/api/v1/rooms/{room}/links/{link}/hand-out", operation_id = "handOutLink", tag = "consent",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
        ("link" = LinkId, Path, description = "The link: what stands between `l.` and the next dot behind the # in it"),
    ),
    responses((status = 204, description = "Its page asks for consent from now on")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageLinks), &[]).command("link hand-out")))),
)]
pub(super) async fn hand_out(
    State(app): State<Arc<App>>,
    NamedLink(room, id): NamedLink,
    caller: Caller,
) -> Result<StatusCode, Refusal> {
    let wanted = (Action::ManageLinks, Named(room));
    let room = caller.may_with(&app, wanted).await?;
    let deed = caller.deed(&app, Act::LinkHandedOut, Object::Room(room));
    carry_out(&app, room, (Order::HandOutLink(id), Some(deed.await?))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Consent, with `way: page`, or note a consent that came by mail
///
/// Who knows the link's name has the link: that is what consents on a page.
#[utoipa::path(
    post, path = "/api/v1/rooms/{room}/links/{link}/consent", operation_id = "giveConsent", tag = "consent",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
        ("link" = LinkId, Path, description = "The link: what stands between `l.` and the next dot behind the # in it"),
    ),
    request_body = ConsentRequest,
    responses((status = 204, description = "The consent is kept")),
    extensions(("x-terms" = json!(Terms::new(By::AnyoneOr(Action::ManageLinks), &[Code::ConsentOutdated, Code::LinkDraft, Code::NoConsentNeeded, Code::LinkRevoked, Code::ConsentWithdrawn, Code::LinkExpired, Code::LinkUsed]).command("link consent")))),
)]
pub(super) async fn give(
    State(app): State<Arc<App>>,
    NamedLink(room, id): NamedLink,
    caller: Result<Caller, Refusal>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Refusal> {
    let ConsentRequest {
        version,
        language,
        way,
    } = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    // A guest's own consent is nobody's deed but theirs.
    let deed = match way {
        ConsentWay::Page => None,
        ConsentWay::Mail => {
            let caller = caller?;
            let wanted = (Action::ManageLinks, Named(room));
            let room = caller.may_with(&app, wanted).await?;
            let noted = Act::LinkConsentNoted;
            Some(caller.deed(&app, noted, Object::Room(room)).await?)
        }
    };
    let store = &app.rooms.store;
    // A page shows the text that holds; a mail may answer an earlier one.
    let known = match way {
        ConsentWay::Page => store.consent_texts_of(room, None).await,
        ConsentWay::Mail => store.consent_texts_of(room, Some(version)).await,
    };
    if known?.is_none_or(|texts| texts.version != version) {
        return Err(Refusal(Code::ConsentOutdated));
    }
    let consent = Consent {
        version,
        language,
        at: app.rooms.clock.now().0,
        way,
    };
    carry_out(&app, room, (Order::Consent { id, consent }, deed)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withdraw the consent, for whoever has the link
#[utoipa::path(
    delete, path = "/api/v1/rooms/{room}/links/{link}/consent", operation_id = "withdrawConsent", tag = "consent",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
        ("link" = LinkId, Path, description = "The link: what stands between `l.` and the next dot behind the # in it"),
    ),
    responses((status = 204, description = "The link is closed, and who came by it is out")),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::ConsentNeeded, Code::LinkDraft, Code::NoConsentNeeded]).command("link withdraw")))),
)]
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    NamedLink(room, id): NamedLink,
) -> Result<StatusCode, Refusal> {
    carry_out(&app, room, (Order::WithdrawConsent(id), None)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a text can be read: not empty, not endless, and lines and nothing
/// else.
fn judge(text: &ConsentText) -> Result<(), Refusal> {
    for part in [&text.notice, &text.consent] {
        if part.len() > MAX_CONSENT_TEXT {
            return Err(Refusal(Code::TooLarge));
        }
        if !is_text(part) {
            return Err(Refusal(Code::BadMessage));
        }
    }
    Ok(())
}

/// Whether there is something to read, and lines and nothing else.
pub(super) fn is_text(text: &str) -> bool {
    let strange = |letter: char| letter.is_control() && letter != '\n';
    !text.trim().is_empty() && !text.contains(strange)
}
