//! One HTTP/1.1 request to a server, on a connection of its own, with limits
//! on time and length.

use crate::link::Server;
use crate::trust::Trust;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::http::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::time::Duration;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// The server cannot be reached or is not believed.
    Unreachable(std::io::Error),
    /// The server did not answer in time.
    Silent,
    /// What came is not HTTP, breaks off, or is too long.
    Protocol,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body as it came, its content coding not undone.
    pub(crate) body: Bytes,
}

/// What an answer may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Longest body, bytes.
    pub(crate) body: usize,
    /// From the connection's begin to the body's end.
    pub(crate) time: Duration,
}

/// Sends a request and reads the answer. Redirections are answers.
///
/// # Errors
/// [`HttpError`].
pub(crate) async fn exchange(
    server: &Server,
    trust: &Trust,
    request: Request<Full<Bytes>>,
    limits: Limits,
) -> Result<Answer, HttpError> {
    let exchange = unlimited(server, trust, request, limits.body);
    tokio::time::timeout(limits.time, exchange)
        .await
        .map_err(|_| HttpError::Silent)?
}

async fn unlimited(
    server: &Server,
    trust: &Trust,
    request: Request<Full<Bytes>>,
    most: usize,
) -> Result<Answer, HttpError> {
    let stream = trust
        .connect(server)
        .await
        .map_err(HttpError::Unreachable)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| HttpError::Protocol)?;
    let connection = tokio::spawn(connection);
    let answer = async {
        let (head, body) = sender.send_request(request).await.ok()?.into_parts();
        let body = Limited::new(body, most).collect().await.ok()?.to_bytes();
        Some(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    };
    let answer = answer.await;
    connection.abort();
    answer.ok_or(HttpError::Protocol)
}
