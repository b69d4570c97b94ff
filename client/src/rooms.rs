//! Makes rooms: one HTTP request, and a link secret that stays here.

use crate::http::{HttpError, Limits, exchange};
use crate::link::{HostKey, Link, Server};
use crate::trust::Trust;
use conclave_e2ee::LinkSecret;
use conclave_wire::code::Code;
use conclave_wire::http::{Problem, RoomCreated};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::http::{Method, Request, StatusCode, header};
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// A room's description has some hundred bytes.
const LIMITS: Limits = Limits {
    body: 16 * 1024,
    time: Duration::from_secs(10),
};

/// Why no room was made.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The server cannot be reached or is not believed.
    #[error("the server cannot be reached")]
    Unreachable(#[source] std::io::Error),
    /// The server did not answer in time.
    #[error("the server does not answer")]
    Silent,
    /// The server refused.
    #[error("refused: {0}")]
    Refused(Code),
    /// The answer is not the protocol's.
    #[error("the server's answer is not one of the protocol's")]
    Protocol,
    /// The token holds characters that cannot stand in a header.
    #[error("the token is not valid")]
    Token,
    /// The link secret could not be drawn.
    #[error("no randomness")]
    Random,
}

impl From<HttpError> for RoomError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Unreachable(error) => Self::Unreachable(error),
            HttpError::Silent => Self::Silent,
            HttpError::Protocol => Self::Protocol,
        }
    }
}

/// Makes a room and a link for its host; [`Link::guest`] gives the guests'.
///
/// # Errors
/// [`RoomError`]; with [`Code::Unauthorized`] when the token is not the operator's.
pub async fn create_room(server: &Server, token: &str, trust: &Trust) -> Result<Link, RoomError> {
    let bearer = Zeroizing::new(format!("Bearer {token}"));
    let mut authorization = header::HeaderValue::from_str(&bearer).map_err(|_| RoomError::Token)?;
    authorization.set_sensitive(true);
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/rooms")
        .header(header::HOST, server.authority())
        .header(header::AUTHORIZATION, authorization)
        .header(header::CONTENT_LENGTH, 0)
        .body(Empty::<Bytes>::new())
        .map_err(|_| RoomError::Token)?;

    let answer = exchange(server, trust, request, LIMITS).await?;
    if answer.status != StatusCode::CREATED {
        let problem: Problem =
            serde_json::from_slice(&answer.body).map_err(|_| RoomError::Protocol)?;
        return Err(RoomError::Refused(problem.code));
    }
    let mut created: RoomCreated =
        serde_json::from_slice(&answer.body).map_err(|_| RoomError::Protocol)?;
    let host_key = HostKey::from_bytes(&created.host_key.0).ok_or(RoomError::Protocol)?;
    created.host_key.0.zeroize();
    Ok(Link {
        server: server.clone(),
        room: created.room,
        secret: LinkSecret::generate().map_err(|_| RoomError::Random)?,
        host_key: Some(host_key),
    })
}
