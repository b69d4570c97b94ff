//! Makes rooms and unlocks them: one HTTP request each, and a link secret and a
//! password that stay here.

use crate::http::{Answer, HttpError, Limits, exchange};
use crate::link::{HostKey, Link, Server};
use crate::trust::Trust;
use conclave_e2ee::{LinkSecret, Password};
use conclave_wire::code::Code;
use conclave_wire::http::{Problem, RoomCreated, RoomRequest};
use conclave_wire::id::{Blob, RoomId};
use http_body_util::Full;
use hyper::http::{Method, Request, StatusCode, header};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// A room's description has some hundred bytes.
const LIMITS: Limits = Limits {
    body: 16 * 1024,
    time: Duration::from_secs(10),
};

/// Why the server did not do it.
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
    /// The system gives no randomness, or no memory for the password's key.
    #[error("the link secret or the password's proof cannot be made")]
    Secret,
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

/// Makes a room and a link for its host; [`Link::guest`] gives the guests'. With
/// a password, the server is told what its proof will be, and no more; that
/// costs a fifth of a second of this thread.
///
/// # Errors
/// [`RoomError`]; with [`Code::Unauthorized`] when the token is not the operator's.
pub async fn create_room(
    server: &Server,
    token: &str,
    trust: &Trust,
    password: Option<&Password>,
) -> Result<Link, RoomError> {
    let secret = LinkSecret::generate().map_err(|_| RoomError::Secret)?;
    let request = RoomRequest {
        password: match password {
            Some(password) => {
                let proof = secret.password_proof(password);
                let proof = proof.map_err(|_| RoomError::Secret)?;
                Some(Blob(Sha256::digest(*proof).to_vec()))
            }
            None => None,
        },
    };
    let body = serde_json::to_vec(&request).map_err(|_| RoomError::Protocol)?;
    let answer = post(server, token, trust, ("/api/v1/rooms", body)).await?;
    if answer.status != StatusCode::CREATED {
        return Err(refused(&answer));
    }
    let mut created: RoomCreated =
        serde_json::from_slice(&answer.body).map_err(|_| RoomError::Protocol)?;
    let host_key = HostKey::from_bytes(&created.host_key.0).ok_or(RoomError::Protocol)?;
    created.host_key.0.zeroize();
    Ok(Link {
        server: server.clone(),
        room: created.room,
        secret,
        host_key: Some(host_key),
        password: password.is_some(),
    })
}

/// Opens both links of a room again, which wrong passwords have locked.
///
/// # Errors
/// [`RoomError`]; with [`Code::Unauthorized`] when the token is not the
/// operator's, with [`Code::NoSuchRoom`] when there is no such room.
pub async fn unlock_room(
    server: &Server,
    token: &str,
    trust: &Trust,
    room: RoomId,
) -> Result<(), RoomError> {
    let path = format!("/api/v1/rooms/{room}/unlock");
    let answer = post(server, token, trust, (&path, Vec::new())).await?;
    if answer.status == StatusCode::NO_CONTENT {
        Ok(())
    } else {
        Err(refused(&answer))
    }
}

/// Asks for something as the operator.
async fn post(
    server: &Server,
    token: &str,
    trust: &Trust,
    (path, body): (&str, Vec<u8>),
) -> Result<Answer, RoomError> {
    let bearer = Zeroizing::new(format!("Bearer {token}"));
    let mut authorization = header::HeaderValue::from_str(&bearer).map_err(|_| RoomError::Token)?;
    authorization.set_sensitive(true);
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, server.authority())
        .header(header::AUTHORIZATION, authorization)
        .header(header::CONTENT_LENGTH, body.len())
        .body(Full::from(body))
        .map_err(|_| RoomError::Token)?;
    Ok(exchange(server, trust, request, LIMITS).await?)
}

fn refused(answer: &Answer) -> RoomError {
    match serde_json::from_slice::<Problem>(&answer.body) {
        Ok(problem) => RoomError::Refused(problem.code),
        Err(_) => RoomError::Protocol,
    }
}
