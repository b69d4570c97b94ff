//! What operators and their staff do about consent: set the texts, hand a
//! guest's link out, note a consent that came by mail, note its withdrawal.

use crate::link::Server;
use crate::rooms::{RoomError, ask, done, make, refused};
use crate::trust::Trust;
use conclave_wire::http::{ConsentRequest, ConsentTexts, ConsentTextsRequest};
use conclave_wire::id::{LinkId, RoomId};
use hyper::http::{Method, StatusCode};

/// Makes the next version of the texts that guests of an organisation consent
/// to.
///
/// # Errors
/// [`RoomError`].
pub async fn set_consent_texts(
    server: &Server,
    token: &str,
    trust: &Trust,
    (tenant, texts): (&str, &ConsentTextsRequest),
) -> Result<ConsentTexts, RoomError> {
    let body = serde_json::to_vec(texts).map_err(|_| RoomError::Protocol)?;
    let path = format!("/api/v1/consent-texts?tenant={tenant}");
    let answer = make(server, token, trust, (&path, body)).await?;
    if answer.status != StatusCode::CREATED {
        return Err(refused(&answer));
    }
    serde_json::from_slice(&answer.body).map_err(|_| RoomError::Protocol)
}

/// A version of those texts, or without one the version that holds.
///
/// # Errors
/// [`RoomError`]; with [`NotFound`](conclave_wire::code::Code::NotFound) when
/// there is none.
pub async fn consent_texts(
    server: &Server,
    token: &str,
    trust: &Trust,
    (tenant, version): (&str, Option<u32>),
) -> Result<ConsentTexts, RoomError> {
    let version = version.map_or("current".to_owned(), |version| version.to_string());
    let path = format!("/api/v1/consent-texts/{version}?tenant={tenant}");
    texts(server, token, trust, &path).await
}

/// The texts that hold for guests of a room.
///
/// # Errors
/// As [`consent_texts`].
pub async fn consent_texts_of(
    server: &Server,
    token: &str,
    trust: &Trust,
    room: RoomId,
) -> Result<ConsentTexts, RoomError> {
    let path = format!("/api/v1/rooms/{room}/consent-texts/current");
    texts(server, token, trust, &path).await
}

async fn texts(
    server: &Server,
    token: &str,
    trust: &Trust,
    path: &str,
) -> Result<ConsentTexts, RoomError> {
    let request = (Method::GET, path, Vec::new());
    let answer = ask(server, token, trust, request).await?;
    if answer.status != StatusCode::OK {
        return Err(refused(&answer));
    }
    serde_json::from_slice(&answer.body).map_err(|_| RoomError::Protocol)
}

/// Hands a guest's link out: from now on its page asks for consent.
///
/// # Errors
/// [`RoomError`].
pub async fn hand_out_link(
    server: &Server,
    token: &str,
    trust: &Trust,
    (room, link): (RoomId, LinkId),
) -> Result<(), RoomError> {
    let path = format!("/api/v1/rooms/{room}/links/{link}/hand-out");
    let request = (Method::POST, path.as_str(), Vec::new());
    done(&ask(server, token, trust, request).await?)
}

/// Notes a consent that came another way than by the page.
///
/// # Errors
/// [`RoomError`]; with
/// [`ConsentOutdated`](conclave_wire::code::Code::ConsentOutdated) when there
/// is no such version.
pub async fn note_consent(
    server: &Server,
    token: &str,
    trust: &Trust,
    (room, link): (RoomId, LinkId),
    consent: ConsentRequest,
) -> Result<(), RoomError> {
    let path = format!("/api/v1/rooms/{room}/links/{link}/consent");
    let body = serde_json::to_vec(&consent).map_err(|_| RoomError::Protocol)?;
    let request = (Method::POST, path.as_str(), body);
    done(&ask(server, token, trust, request).await?)
}

/// Notes that a consent is withdrawn: the link is closed, and who came by it
/// thrown out.
///
/// # Errors
/// [`RoomError`]; with
/// [`ConsentNeeded`](conclave_wire::code::Code::ConsentNeeded) when none was
/// given.
pub async fn withdraw_consent(
    server: &Server,
    token: &str,
    trust: &Trust,
    (room, link): (RoomId, LinkId),
) -> Result<(), RoomError> {
    let path = format!("/api/v1/rooms/{room}/links/{link}/consent");
    let request = (Method::DELETE, path.as_str(), Vec::new());
    done(&ask(server, token, trust, request).await?)
}
