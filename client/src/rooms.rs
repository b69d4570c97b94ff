//! Makes rooms and unlocks them, and makes, lists and revokes guests' links: one
//! HTTP request each, and a link secret and a password that stay here.

use crate::http::{Answer, HttpError, Limits, exchange};
use crate::link::{HostKey, Link, Server};
use crate::trust::Trust;
use conclave_e2ee::{LinkSecret, Password};
use conclave_wire::code::Code;
use conclave_wire::http::{
    Cell, Consultation, LinkInfo, LinkList, LinkRequest, Problem, RoomCreated, RoomRequest, Sharing,
};
use conclave_wire::id::{Blob, LinkId, RoomId};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::http::{Method, Request, StatusCode, header};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// A list of as many links as a room may have takes 200 kB; a table of what may
/// be set for all accounts of an organisation takes most.
const LIMITS: Limits = Limits {
    body: 10 * 1024 * 1024,
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
    /// The server refused a table for what is in one cell of it.
    #[error("line {}, column {}: {}: {code}", cell.line, cell.column, code.as_str())]
    Wrong {
        /// Which.
        cell: Cell,
        /// What is wrong there.
        code: Code,
    },
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

/// What a new room is to be.
#[derive(Default)]
pub struct NewRoom<'a> {
    /// The password of its links, if they are to have one.
    pub password: Option<&'a Password>,
    /// Whether each guest is to come by a link of their own, with a slot.
    pub scheduled: bool,
    /// Whether its calls are to be consultations.
    pub consultation: Option<Consultation>,
    /// For how many people its calls are to be at most, if not for as many as
    /// its organisation's may be.
    pub max_people: Option<u32>,
    /// Who shares a screen in its calls.
    pub sharing: Sharing,
    /// What its calls are to be marked as, if they are to be for certified
    /// devices alone.
    pub marking: Option<String>,
    /// The names to log in with of those whom a marked room's calls are to be
    /// for, if not for everybody of its organisation.
    pub listed: Option<Vec<String>>,
}

/// Makes a room and a link for its host; [`Link::guest`] gives the guests',
/// unless they have links of their own. With a password, the server is told what its proof will be, and no more; that
/// costs a fifth of a second of this thread.
///
/// # Errors
/// [`RoomError`]; with [`Code::Unauthorized`] when the token is not the operator's.
pub async fn create_room(
    server: &Server,
    token: &str,
    trust: &Trust,
    room: NewRoom<'_>,
) -> Result<Link, RoomError> {
    let secret = LinkSecret::generate().map_err(|_| RoomError::Secret)?;
    let is_consultation = room.consultation.is_some();
    let request = RoomRequest {
        scheduled: room.scheduled,
        consultation: room.consultation,
        title: None,
        max_people: room.max_people,
        sharing: room.sharing,
        marking: room.marking,
        listed: room.listed,
        password: match room.password {
            Some(password) => {
                let proof = secret.password_proof(password);
                let proof = proof.map_err(|_| RoomError::Secret)?;
                Some(Blob(Sha256::digest(*proof).to_vec()))
            }
            None => None,
        },
    };
    let body = serde_json::to_vec(&request).map_err(|_| RoomError::Protocol)?;
    let answer = make(server, token, trust, ("/api/v1/rooms", body)).await?;
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
        name: None,
        host_key: Some(host_key),
        password: room.password.is_some(),
        consultation: is_consultation,
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
    let request = (Method::POST, path.as_str(), Vec::new());
    done(&ask(server, token, trust, request).await?)
}

/// Makes a guest's own link of the room that `link` opens, a host's as well as
/// another guest's: the secret is the room's, and the server does not have it.
///
/// # Errors
/// [`RoomError`]; with [`Code::NotScheduled`] when guests come by the room's own
/// link, with [`Code::BadMessage`] when the slot is none, over, or too long.
pub async fn create_link(
    link: Link,
    token: &str,
    trust: &Trust,
    terms: LinkRequest,
) -> Result<Link, RoomError> {
    let path = format!("/api/v1/rooms/{}/links", link.room);
    let body = serde_json::to_vec(&terms).map_err(|_| RoomError::Protocol)?;
    let answer = make(&link.server, token, trust, (&path, body)).await?;
    if answer.status != StatusCode::CREATED {
        return Err(refused(&answer));
    }
    let made: LinkInfo = serde_json::from_slice(&answer.body).map_err(|_| RoomError::Protocol)?;
    Ok(link.named(made.link))
}

/// The guests' links of a room, by when they open.
///
/// # Errors
/// [`RoomError`].
pub async fn list_links(
    server: &Server,
    token: &str,
    trust: &Trust,
    room: RoomId,
) -> Result<Vec<LinkInfo>, RoomError> {
    let mut links: Vec<LinkInfo> = Vec::new();
    loop {
        let mut path = format!("/api/v1/rooms/{room}/links?limit=100");
        if let Some(last) = links.last() {
            path += &format!("&after={}", last.link);
        }
        let request = (Method::GET, path.as_str(), Vec::new());
        let answer = ask(server, token, trust, request).await?;
        if answer.status != StatusCode::OK {
            return Err(refused(&answer));
        }
        let list: LinkList =
            serde_json::from_slice(&answer.body).map_err(|_| RoomError::Protocol)?;
        let more = list.more && !list.links.is_empty();
        links.extend(list.links);
        if !more {
            return Ok(links);
        }
    }
}

/// Takes a guest's link back: who came by it is thrown out.
///
/// # Errors
/// [`RoomError`]; with [`Code::NoSuchLink`] when the room has no such link.
pub async fn revoke_link(
    server: &Server,
    token: &str,
    trust: &Trust,
    (room, link): (RoomId, LinkId),
) -> Result<(), RoomError> {
    let path = format!("/api/v1/rooms/{room}/links/{link}");
    let request = (Method::DELETE, path.as_str(), Vec::new());
    done(&ask(server, token, trust, request).await?)
}

pub(crate) fn done(answer: &Answer) -> Result<(), RoomError> {
    if answer.status == StatusCode::NO_CONTENT {
        Ok(())
    } else {
        Err(refused(answer))
    }
}

/// Asks for something as the operator.
pub(crate) async fn ask(
    server: &Server,
    token: &str,
    trust: &Trust,
    asked: (Method, &str, Vec<u8>),
) -> Result<Answer, RoomError> {
    let request = request(server, token, asked, None)?;
    Ok(exchange(server, trust, request, LIMITS).await?)
}

/// Asks for something to be made, as the operator. If no answer comes, it is
/// asked for once more, under the same key: it is not made twice.
pub(crate) async fn make(
    server: &Server,
    token: &str,
    trust: &Trust,
    (path, body): (&str, Vec<u8>),
) -> Result<Answer, RoomError> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|_| RoomError::Secret)?;
    let key = format!("{:032x}", u128::from_be_bytes(key));
    let first = request(server, token, (Method::POST, path, body), Some(&key))?;
    match exchange(server, trust, first.clone(), LIMITS).await {
        Err(HttpError::Silent | HttpError::Protocol) => {
            Ok(exchange(server, trust, first, LIMITS).await?)
        }
        answered => Ok(answered?),
    }
}

fn request(
    server: &Server,
    token: &str,
    (method, path, body): (Method, &str, Vec<u8>),
    key: Option<&str>,
) -> Result<Request<Full<Bytes>>, RoomError> {
    let bearer = Zeroizing::new(format!("Bearer {token}"));
    let mut authorization = header::HeaderValue::from_str(&bearer).map_err(|_| RoomError::Token)?;
    authorization.set_sensitive(true);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, server.authority())
        .header(header::AUTHORIZATION, authorization)
        .header(header::CONTENT_LENGTH, body.len());
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let request = request.body(Full::from(body));
    request.map_err(|_| RoomError::Token)
}

pub(crate) fn refused(answer: &Answer) -> RoomError {
    match serde_json::from_slice::<Problem>(&answer.body) {
        Ok(Problem {
            code,
            cell: Some(cell),
            ..
        }) => RoomError::Wrong { cell, code },
        Ok(problem) => RoomError::Refused(problem.code),
        Err(_) => RoomError::Protocol,
    }
}
