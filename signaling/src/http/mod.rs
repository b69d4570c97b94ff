//! The HTTP interface: parse, call, render. Every refusal is a problem detail
//! (RFC 9457).

mod accounts;
mod client;
mod consent;
mod guard;
mod headers;
mod health;
mod links;
mod media;
mod problem;
mod rooms;
mod session;
mod tenants;

pub use headers::CONTENT_SECURITY_POLICY;

use crate::assets::Assets;
use crate::config::{MAX_BODY, MAX_CONSENT_BODY, REQUEST_LIMIT};
use crate::domain::Digest;
use crate::identity::Identity;
use crate::media::{AskTrial, MediaMetrics};
use crate::rooms::Rooms;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use conclave_wire::code::Code;
use problem::Refusal;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// What the handlers share.
pub(crate) struct App {
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) assets: Assets,
    /// The operator's token.
    pub(crate) operator: Digest,
    /// Who the others are.
    pub(crate) identity: Identity,
    /// The ciphersuite of new rooms.
    pub(crate) suite: u16,
    /// Whether the certificate is one that a browser may be told to insist on.
    pub(crate) strict_transport: bool,
    /// One permit a socket.
    pub(crate) sockets: Arc<Semaphore>,
    pub(crate) media_metrics: Option<MediaMetrics>,
    pub(crate) media_trial: Option<AskTrial>,
    /// True once the service shuts down.
    pub(crate) shutdown: watch::Receiver<bool>,
}

/// All the doors.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(client::page))
        .route("/r/{room}", get(client::page))
        .route("/login", get(client::page))
        .route("/rooms", get(client::page))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route(
            "/api/v1/session",
            get(session::show)
                .post(session::create)
                .delete(session::delete),
        )
        .route("/api/v1/session/password", put(session::change_password))
        .route(
            "/api/v1/session/factor",
            post(session::propose_factor).put(session::confirm_factor),
        )
        .route(
            "/api/v1/accounts",
            get(accounts::list).post(accounts::create),
        )
        .route("/api/v1/accounts/{account}", delete(accounts::delete))
        .route(
            "/api/v1/accounts/{account}/disable",
            post(accounts::disable),
        )
        .route("/api/v1/accounts/{account}/enable", post(accounts::enable))
        .route(
            "/api/v1/accounts/{account}/password",
            post(accounts::reset_password),
        )
        .route(
            "/api/v1/accounts/{account}/factor",
            delete(accounts::forget_factor),
        )
        .route("/api/v1/tenants", get(tenants::list).post(tenants::create))
        .route("/api/v1/tenants/{tenant}", delete(tenants::delete))
        .route("/api/v1/rooms", get(rooms::list).post(rooms::create))
        .route(
            "/api/v1/rooms/{room}",
            get(rooms::info).delete(rooms::delete),
        )
        .route("/api/v1/rooms/{room}/unlock", post(rooms::unlock))
        .route(
            "/api/v1/rooms/{room}/links",
            get(links::list).post(links::create),
        )
        .route(
            "/api/v1/rooms/{room}/links/{link}",
            get(links::info).delete(links::revoke),
        )
        .route(
            "/api/v1/rooms/{room}/links/{link}/hand-out",
            post(consent::hand_out),
        )
        .route(
            "/api/v1/rooms/{room}/links/{link}/consent",
            post(consent::give).delete(consent::withdraw),
        )
        .route("/api/v1/consent-texts/{version}", get(consent::texts))
        .route(
            "/api/v1/consent-texts",
            post(consent::set_texts).layer(DefaultBodyLimit::max(MAX_CONSENT_BODY)),
        )
        .route("/api/v1/media-trial", get(media::trial))
        .route("/api/v1/rooms/{room}/socket", get(rooms::socket))
        .fallback(client::file)
        .method_not_allowed_fallback(|| async { Refusal(Code::MethodNotAllowed) })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(limit_time))
        .layer(middleware::from_fn_with_state(app.clone(), secure))
        .with_state(app)
}

/// A request that does not come to its end is given up.
async fn limit_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal(Code::BadMessage).into_response(),
    }
}

async fn secure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    headers::secure(response.headers_mut(), app.strict_transport);
    response
}
