//! Whom a marked room's calls are for.

use super::App;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::problem::Refusal;
use super::rooms::{NOT_STORED, Named, parse};
use crate::config::MAX_LISTED;
use crate::domain::account::login;
use crate::store::People;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::Action;
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::http::RoomPeople;
use conclave_wire::id::RoomId;
use std::sync::Arc;

/// Whom a marked room's calls are for
#[utoipa::path(
    get, path = "/api/v1/rooms/{room}/people", operation_id = "getRoomPeople", tag = "rooms",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
    ),
    responses((status = 200, description = "The list, by name; without one everybody of the organisation may take part", body = RoomPeople)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::MakeRoom), &[Code::MarkingUnfit]).command("room people")))),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    room: Named,
    caller: Caller,
) -> Result<Response, Refusal> {
    let room = caller.may_with(&app, (Action::MakeRoom, room)).await?;
    let listed = app.rooms.store.listed(room).await?;
    Ok((NOT_STORED, Json(RoomPeople { listed })).into_response())
}

/// Put another list in its place
///
/// Who is in a call and not on it any more gets no other certificate for it.
#[utoipa::path(
    put, path = "/api/v1/rooms/{room}/people", operation_id = "setRoomPeople", tag = "rooms",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
    ),
    request_body = RoomPeople,
    responses((status = 200, description = "The list, by name", body = RoomPeople)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::MakeRoom), &[Code::MarkingUnfit, Code::NoSuchAccount]).command("room people")))),
)]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    room: Named,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let room = caller.may_with(&app, (Action::MakeRoom, room)).await?;
    let RoomPeople { listed } = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let listed = names(listed).map_err(Refusal)?;
    let deed = caller.deed(&app, Act::RoomPeopleSet, Object::Room(room));
    let store = &app.rooms.store;
    store.set_listed(&deed.await?, room, &listed).await?;
    let listed = store.listed(room).await?;
    Ok((NOT_STORED, Json(RoomPeople { listed })).into_response())
}

/// The names as accounts have them.
///
/// # Errors
/// [`Code::BadMessage`] for too many, [`Code::NoSuchAccount`] for one that is no
/// name.
pub(super) fn names(listed: People) -> Result<People, Code> {
    let Some(listed) = listed else {
        return Ok(None);
    };
    if listed.len() > MAX_LISTED {
        return Err(Code::BadMessage);
    }
    let names = listed.iter().map(|name| login(name.trim()));
    let names = names.map(|name| name.ok_or(Code::NoSuchAccount));
    names.collect::<Result<_, _>>().map(Some)
}
