//! Rooms, and the door to a room's socket.

use super::App;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::page::{Wanted, listed, wanted};
use super::people;
use super::problem::Refusal;
use crate::config::{CONSULTATION_PEOPLE, MAX_HOST_NAME, MAX_TITLE, MIN_PEOPLE};
use crate::domain::account::is_text;
use crate::domain::audit::Deed;
use crate::domain::credential::TOKEN_LEN;
use crate::domain::device::is_marking;
use crate::domain::{Digest, Order, Token, policy};
use crate::socket::{self, TRANSPORT_LIMIT};
use crate::store::{NewRoom, Public};
use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::Action;
use conclave_wire::audit::Act;
use conclave_wire::client::SUBPROTOCOL;
use conclave_wire::code::Code;
use conclave_wire::http::{Consultation, RoomCreated, RoomInfo, RoomList, RoomRequest};
use conclave_wire::id::{Blob, RoomId};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What is true now is no answer for later.
pub(super) const NOT_STORED: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// Make a room
#[utoipa::path(
    post, path = "/api/v1/rooms", operation_id = "createRoom", tag = "rooms",
    request_body = Option<RoomRequest>,
    responses((status = 201, description = "The room and its host key, which is given once", body = RoomCreated)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::MakeRoom), &[Code::QuotaReached, Code::Full, Code::PolicyForbids, Code::MarkingUnfit, Code::NoSuchAccount]).command("room create")))),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    caller.may(Action::MakeRoom)?;
    let RoomRequest {
        password,
        scheduled,
        title,
        consultation,
        max_people,
        sharing,
        marking,
        listed,
    } = parse(body)?.unwrap_or_default();
    if let Some(consultation) = &consultation {
        judge(consultation)?;
    }
    // A consultation says itself for how many it is.
    if max_people.is_some_and(|most| most < MIN_PEOPLE || consultation.is_some()) {
        return Err(Refusal(Code::BadMessage));
    }
    // Guests with links of their own and patients have no certificate.
    let can_be_marked = !scheduled && consultation.is_none();
    if marking
        .as_ref()
        .is_some_and(|marking| !can_be_marked || !is_marking(marking))
    {
        return Err(Refusal(Code::MarkingUnfit));
    }
    if listed.is_some() && marking.is_none() {
        return Err(Refusal(Code::MarkingUnfit));
    }
    let listed = people::names(listed).map_err(Refusal)?;
    let password = match password {
        Some(Blob(digest)) => Some(Digest(
            digest.try_into().map_err(|_| Refusal(Code::BadMessage))?,
        )),
        None => None,
    };
    if title
        .as_ref()
        .is_some_and(|title| !is_text(title, MAX_TITLE))
    {
        return Err(Refusal(Code::BadMessage));
    }
    let tenant = caller.acts_in(&app, None).await?;
    let policies = app.rooms.store.policies(tenant, caller.account()).await?;
    let asked = policy::NewRoom {
        maker: caller.role(),
        password: password.is_some(),
        scheduled,
        consultation: consultation.is_some(),
        people: consultation
            .as_ref()
            .map(|of| u32::from(of.people))
            .or(max_people),
    };
    policies.may_make_room(asked).map_err(Refusal)?;
    let room = RoomId::random().map_err(|_| Refusal(Code::Internal))?;
    let mut secret = [0; TOKEN_LEN];
    getrandom::fill(&mut secret).map_err(|_| Refusal(Code::Internal))?;
    let host_key = Token::from_random(secret);
    let made = Object::Of(tenant, Some(room.0));
    let deed = caller.deed(&app, Act::RoomMade, made).await?;
    let new = NewRoom {
        tenant,
        title,
        suite: app.suite,
        host_key: host_key.digest(),
        password,
        scheduled,
        consultation,
        max_people,
        sharing,
        marking,
        listed,
    };
    let store = &app.rooms.store;
    store.create_room(&deed, room, &new).await?;
    let created = RoomCreated {
        room,
        host_key: Blob(host_key.expose().to_vec()),
        password_message: new.password.is_some()
            && store.password_endpoint(tenant).await?.is_some(),
    };
    let headers = [
        (header::LOCATION, format!("/api/v1/rooms/{room}")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::CREATED, headers, Json(created)).into_response())
}

/// List the rooms of an organisation
#[utoipa::path(
    get, path = "/api/v1/rooms", operation_id = "listRooms", tag = "rooms",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: in which organisation; without it in `default`"),
        ("after" = Option<RoomId>, Query, description = "The room of the last entry of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Most entries; 50 without it"),
    ),
    responses((status = 200, description = "A page of the rooms, the oldest first", body = RoomList,
        headers(("Link" = Option<String>, description = "`rel=next`: the page behind this one")))),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::SeeRooms), &[]).command("room list")))),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refusal> {
    caller.may(Action::SeeRooms)?;
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let Wanted { after, limit } = wanted(&uri)?;
    let (rooms, more) = app.rooms.store.rooms(tenant, (after, limit)).await?;
    let last = rooms.last().filter(|_| more).map(|last| last.room);
    Ok(listed(&uri, last, RoomList { rooms, more }))
}

/// What anyone may know of a room
#[utoipa::path(
    get, path = "/api/v1/rooms/{room}", operation_id = "getRoom", tag = "rooms",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
    ),
    responses((status = 200, description = "What is public of it", body = RoomInfo)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[]).command("room show")))),
)]
pub(super) async fn info(
    State(app): State<Arc<App>>,
    Named(room): Named,
) -> Result<Response, Refusal> {
    let Public {
        suite,
        password,
        scheduled,
        consultation,
        marking,
    } = existing(&app, room).await?;
    let texts = app.rooms.store.public_texts_of(room).await?;
    let info = RoomInfo {
        suite,
        password,
        scheduled,
        consultation,
        marking,
        texts,
    };
    Ok((NOT_STORED, Json(info)).into_response())
}

/// Open a room's links again, which wrong passwords have locked
#[utoipa::path(
    post, path = "/api/v1/rooms/{room}/unlock", operation_id = "unlockRoom", tag = "rooms",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
    ),
    responses((status = 204, description = "Wrong passwords by any of its links are forgotten")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::UnlockRoom), &[]).command("room unlock")))),
)]
pub(super) async fn unlock(
    State(app): State<Arc<App>>,
    room: Named,
    caller: Caller,
) -> Result<StatusCode, Refusal> {
    let room = caller.may_with(&app, (Action::UnlockRoom, room)).await?;
    let deed = caller.deed(&app, Act::RoomUnlocked, Object::Room(room));
    carry_out(&app, room, (Order::Unlock, Some(deed.await?))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a room
#[utoipa::path(
    delete, path = "/api/v1/rooms/{room}", operation_id = "deleteRoom", tag = "rooms",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
    ),
    responses((status = 204, description = "It is gone, and its call has ended")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::DeleteRoom), &[]).command("room delete")))),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    room: Named,
    caller: Caller,
) -> Result<StatusCode, Refusal> {
    let room = caller.may_with(&app, (Action::DeleteRoom, room)).await?;
    let deed = caller.deed(&app, Act::RoomDeleted, Object::Room(room));
    carry_out(&app, room, (Order::Delete, Some(deed.await?))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has the room do what whoever asks may want; it is written down then, and
/// noted if it is a deed.
pub(super) async fn carry_out(
    app: &App,
    room: RoomId,
    (order, deed): (Order, Option<Deed>),
) -> Result<(), Refusal> {
    existing(app, room).await?;
    app.rooms.order(room, (order, deed)).await.map_err(Refusal)
}

/// The room's socket
///
/// `Origin`, if there, has to be the service's own. What is spoken on it is section 3 of
/// docs/protocol.md.
#[utoipa::path(
    get, path = "/api/v1/rooms/{room}/socket", operation_id = "openSocket", tag = "rooms",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
    ),
    responses((status = 101, description = "A WebSocket with the subprotocol `conclave.v1`")),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[Code::Forbidden, Code::Full]).command("join")))),
)]
pub(super) async fn socket(
    State(app): State<Arc<App>>,
    Named(room): Named,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    if !is_same_origin(&headers) {
        return Err(Refusal(Code::Forbidden));
    }
    existing(&app, room).await?;
    let upgrade = upgrade
        .map_err(|_| Refusal(Code::BadMessage))?
        .protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(Refusal(Code::BadMessage));
    }
    let permit = app
        .sockets
        .clone()
        .try_acquire_owned()
        .map_err(|_| Refusal(Code::Full))?;
    let (rooms, shutdown) = (app.rooms.clone(), app.shutdown.clone());
    Ok(upgrade
        .max_message_size(TRANSPORT_LIMIT)
        .max_frame_size(TRANSPORT_LIMIT)
        .on_upgrade(move |socket| async move {
            socket::serve(socket, room, rooms, shutdown).await;
            drop(permit);
        }))
}

/// The room in the path. A path that cannot be a room's names none.
pub(super) struct Named(pub(super) RoomId);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(room) = path.map_err(|_| Refusal(Code::BadMessage))?;
        room.parse()
            .map(Self)
            .map_err(|_| Refusal(Code::NoSuchRoom))
    }
}

/// Whether a consultation is one.
fn judge(consultation: &Consultation) -> Result<(), Refusal> {
    let name = consultation.host_name.as_deref();
    let is_name = name.is_none_or(|name| {
        let length = name.chars().count();
        (1..=MAX_HOST_NAME).contains(&length)
            && name.trim() == name
            && !name.chars().any(char::is_control)
    });
    if is_name && CONSULTATION_PEOPLE.contains(&consultation.people) {
        Ok(())
    } else {
        Err(Refusal(Code::BadMessage))
    }
}

/// What is public of a room that must be there.
pub(super) async fn existing(app: &App, room: RoomId) -> Result<Public, Refusal> {
    let public = app.rooms.store.public(room).await?;
    public.ok_or(Refusal(Code::NoSuchRoom))
}

/// What a request's query says of something. Names and identifiers need no
/// percent-encoding, and what has any names nothing.
pub(super) fn asked<'u>(uri: &'u Uri, key: &str) -> Option<&'u str> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(name, value)| (name == key).then_some(value))
}

/// What the request's body says, if there is one.
pub(super) fn parse<T: DeserializeOwned>(
    body: Result<Bytes, BytesRejection>,
) -> Result<Option<T>, Refusal> {
    let body = taken(body)?;
    if body.is_empty() {
        return Ok(None);
    }
    // An object: serde would take a list of its fields as well.
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&body)
        .and_then(|object| serde_json::from_value(object.into()).map(Some))
        .map_err(|_| Refusal(Code::BadMessage))
}

/// The request's body, if it came whole and is not too large.
pub(super) fn taken(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Refusal> {
    body.map_err(|rejection| {
        Refusal(match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            _ => Code::BadMessage,
        })
    })
}

/// A page of another site may not open sockets in the name of its visitors.
/// Programs send no `Origin`.
pub(super) fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_ascii_lowercase);
    match (headers.get(header::ORIGIN), headers.get(header::HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => match (text(origin), text(host)) {
            (Some(origin), Some(host)) => origin.strip_prefix("https://") == Some(host.as_str()),
            _ => false,
        },
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_services_own_pages_and_programs_open_sockets() {
        let verdict = |origin: Option<&'static str>, host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            is_same_origin(&headers)
        };
        assert!(verdict(None, "a.example"));
        assert!(verdict(Some("https://a.example"), "a.example"));
        assert!(verdict(Some("https://A.example:8443"), "a.example:8443"));
        for origin in [
            "https://b.example",
            "http://a.example",
            "https://a.example:1",
            "null",
            "",
        ] {
            assert!(!verdict(Some(origin), "a.example"), "{origin}");
        }
    }
}
