//! Guests' links: made, listed and revoked by those who may, and asked after by
//! the page of whoever has one. Asking changes nothing.

use super::App;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::page::{Wanted, listed, wanted};
use super::problem::{Refusal, problem};
use super::rooms::{NOT_STORED, Named, carry_out, existing, parse};
use crate::domain::link::{GuestLink, Slot};
use crate::domain::{Millis, Order};
use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::Action;
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::http::{ConsentRule, LinkInfo, LinkList, LinkRequest, Opening, Problem};
use conclave_wire::id::{LinkId, RoomId};
use std::sync::Arc;

/// Make a guest's own link
#[utoipa::path(
    post, path = "/api/v1/rooms/{room}/links", operation_id = "createLink", tag = "links",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
    ),
    request_body = LinkRequest,
    responses((status = 201, description = "The link, without the room's secret", body = LinkInfo)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageLinks), &[Code::NotScheduled, Code::NoConsentText, Code::Full, Code::PolicyForbids]).command("link create")))),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    room: Named,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let room = caller.may_with(&app, (Action::ManageLinks, room)).await?;
    let LinkRequest {
        from,
        until,
        uses,
        consent,
    } = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let slot = Slot::new(Millis(from), Millis(until)).ok_or(Refusal(Code::BadMessage))?;
    let store = &app.rooms.store;
    let tenant = store.tenant_of_room(room).await?;
    let policies = store.policies(tenant, caller.account()).await?;
    let may = policies.may_make_link(slot, consent == ConsentRule::Required);
    may.map_err(Refusal)?;
    let id = LinkId::random().map_err(|_| Refusal(Code::Internal))?;
    let mut link = GuestLink::new(slot, uses).by(caller.account());
    if consent == ConsentRule::Required {
        let texts = app.rooms.store.consent_texts_of(room, None).await?;
        texts.ok_or(Refusal(Code::NoConsentText))?;
        link = link.draft();
    }
    let deed = caller.deed(&app, Act::LinkMade, Object::Room(room)).await?;
    carry_out(&app, room, (Order::MakeLink { id, link }, Some(deed))).await?;
    // Their account may have ended since they were let ask, and with it the
    // links there were: this one was not among them.
    if let Err(refusal) = caller.is_still_there(&app).await {
        carry_out(&app, room, (Order::RevokeLink(id), None)).await?;
        return Err(refusal);
    }
    let headers = [
        (header::LOCATION, format!("/api/v1/rooms/{room}/links/{id}")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let info = link.info(id, app.rooms.clock.now());
    Ok((StatusCode::CREATED, headers, Json(info)).into_response())
}

/// List a room's links
#[utoipa::path(
    get, path = "/api/v1/rooms/{room}/links", operation_id = "listLinks", tag = "links",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
        ("after" = Option<LinkId>, Query, description = "The link of the last entry of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Most entries; 50 without it"),
    ),
    responses((status = 200, description = "By when they open", body = LinkList,
        headers(("Link" = Option<String>, description = "`rel=next`: the page behind this one")))),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageLinks), &[]).command("link list")))),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    room: Named,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refusal> {
    let room = caller.may_with(&app, (Action::ManageLinks, room)).await?;
    let now = app.rooms.clock.now();
    let Wanted { after, limit } = wanted(&uri)?;
    let (links, more) = app.rooms.store.links_after(room, (after, limit)).await?;
    let last = links.last().filter(|_| more).map(|(id, _)| *id);
    let links = links.iter().map(|(id, link)| link.info(*id, now));
    let links = links.collect();
    Ok(listed(&uri, last, LinkList { links, more }))
}

/// How a link stands
///
/// Asking changes nothing.
#[utoipa::path(
    get, path = "/api/v1/rooms/{room}/links/{link}", operation_id = "getLink", tag = "links",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
        ("link" = LinkId, Path, description = "The link: what stands between `l.` and the next dot behind the # in it"),
    ),
    responses((status = 200, description = "It opens now", body = LinkInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::LinkEarly, Code::LinkDraft, Code::ConsentNeeded, Code::LinkExpired, Code::LinkUsed, Code::LinkRevoked, Code::ConsentWithdrawn]).command("link show")))),
)]
pub(super) async fn info(
    State(app): State<Arc<App>>,
    NamedLink(room, id): NamedLink,
) -> Result<Response, Refusal> {
    existing(&app, room).await?;
    let link = app.rooms.store.link(room, id).await?;
    let link = link.ok_or(Refusal(Code::NoSuchLink))?;
    let now = app.rooms.clock.now();
    match link.opens(now) {
        Ok(()) => Ok((NOT_STORED, Json(link.info(id, now))).into_response()),
        Err(code) => {
            let mut refused = Problem::from(code);
            refused.consent = link.consent;
            refused.opens = (code == Code::LinkEarly).then(|| {
                let at = link.slot.from();
                let wait = at.since(now).as_millis();
                Opening {
                    at: at.0,
                    wait: u64::try_from(wait).unwrap_or(u64::MAX),
                }
            });
            Ok(problem(refused))
        }
    }
}

/// Take a link back
#[utoipa::path(
    delete, path = "/api/v1/rooms/{room}/links/{link}", operation_id = "revokeLink", tag = "links",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
        ("link" = LinkId, Path, description = "The link: what stands between `l.` and the next dot behind the # in it"),
    ),
    responses((status = 204, description = "Who came by it is out")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageLinks), &[]).command("link revoke")))),
)]
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    NamedLink(room, id): NamedLink,
    caller: Caller,
) -> Result<StatusCode, Refusal> {
    let room = caller
        .may_with(&app, (Action::ManageLinks, Named(room)))
        .await?;
    let deed = caller.deed(&app, Act::LinkRevoked, Object::Room(room));
    carry_out(&app, room, (Order::RevokeLink(id), Some(deed.await?))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The room and its link in the path.
pub(super) struct NamedLink(pub(super) RoomId, pub(super) LinkId);

impl<S: Send + Sync> FromRequestParts<S> for NamedLink {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((room, link)) = path.map_err(|_| Refusal(Code::BadMessage))?;
        let room = room.parse().map_err(|_| Refusal(Code::NoSuchRoom))?;
        let link = link.parse().map_err(|_| Refusal(Code::NoSuchLink))?;
        Ok(Self(room, link))
    }
}
