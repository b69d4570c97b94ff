//! The password of a room's links, which the page and programs alone know, is
//! handed to the organisation's endpoint and sent to a telephone from there. It
//! passes through: what is kept is that it was asked for, and by whom.

use super::App;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::problem::Refusal;
use super::rooms::{Named, existing, parse};
use super::session::refuse;
use crate::domain::message::Message;
use crate::identity::Refused;
use crate::webhooks;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::Action;
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::RoomId;
use conclave_wire::webhook::PasswordMessage;
use std::sync::Arc;

/// Send the password of a room's links to a telephone
///
/// By the organisation's endpoint that is told `password.send`; the answer is its. Neither number
/// nor password is kept, nor anything made of them, so that there is no `Idempotency-Key` for it.
#[utoipa::path(
    post, path = "/api/v1/rooms/{room}/password-message", operation_id = "sendPassword", tag = "rooms",
    params(
        ("room" = RoomId, Path, description = "The room: what stands between /r/ and # in its links"),
    ),
    request_body = PasswordMessage,
    responses((status = 204, description = "The endpoint has it")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageLinks), &[Code::NoPassword, Code::NoPasswordEndpoint, Code::PasswordNotTaken, Code::TooMany]).command("room send-password")))),
)]
pub(super) async fn send(
    State(app): State<Arc<App>>,
    room: Named,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let room = caller.may_with(&app, (Action::ManageLinks, room)).await?;
    let asked: PasswordMessage = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    let message = Message::new(asked).map_err(Refusal)?;
    if !existing(&app, room).await?.password {
        return Err(Refusal(Code::NoPassword));
    }
    let store = &app.rooms.store;
    let deed = caller.deed(&app, Act::RoomPasswordSent, Object::Room(room));
    let deed = deed.await?;
    let endpoint = store.password_endpoint(deed.tenant).await?;
    let endpoint = endpoint.ok_or(Refusal(Code::NoPasswordEndpoint))?;
    let timer = app.rooms.clock.both().timer;
    if let Err(wait) = app.messages.take(timer, caller.account()) {
        return Ok(refuse(Refused::Wait(wait)));
    }
    // Before, and not after: what was sent cannot be taken back for want of a line.
    store.note(&deed).await?;
    let sent = webhooks::send_password(&app, endpoint, message);
    sent.await.map_err(Refusal)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
