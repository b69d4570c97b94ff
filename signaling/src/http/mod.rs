//! The HTTP interface: parse, call, render. Every refusal is a problem detail
//! (RFC 9457).

mod accounts;
mod audit;
mod client;
mod consent;
mod devices;
mod directories;
mod guard;
mod headers;
mod health;
mod language;
mod links;
mod media;
mod messages;
mod oidc;
mod once;
mod openapi;
mod page;
mod passkeys;
mod people;
mod policies;
mod problem;
mod rooms;
mod scim;
mod session;
mod tenants;
mod texts;
mod webhooks;

pub use headers::CONTENT_SECURITY_POLICY;
pub use openapi::openapi;

use crate::assets::Assets;
use crate::config::{
    MAX_BODY, MAX_CONSENT_BODY, MAX_PASSKEY_BODY, MAX_POLICY_SHEET, MAX_PROVIDER_BODY,
    MAX_PUBLIC_TEXT_BODY, MAX_ROOM_BODY, REQUEST_LIMIT,
};
use crate::domain::Digest;
use crate::domain::reach::Reach;
use crate::identity::Identity;
use crate::media::{AskTrial, MediaMetrics};
use crate::rooms::Rooms;
use crate::webhooks::{Messages, Sender};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use conclave_wire::code::Code;
use problem::Refusal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{Semaphore, watch};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

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
    /// How far the endpoints of organisations may be reached.
    pub(crate) reach: Reach,
    /// What sends events to them.
    pub(crate) sender: Sender,
    /// Passwords on their way to telephones.
    pub(crate) messages: Messages,
    /// Whether the certificate is one that a browser may be told to insist on.
    pub(crate) strict_transport: bool,
    /// One permit a socket.
    pub(crate) sockets: Arc<Semaphore>,
    pub(crate) media_metrics: Option<MediaMetrics>,
    pub(crate) media_trial: Option<AskTrial>,
    /// Whether the service is soon to shut down, and takes whoever comes
    /// meanwhile.
    pub(crate) draining: AtomicBool,
    /// True once the service shuts down.
    pub(crate) shutdown: watch::Receiver<bool>,
}

/// All the doors.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::from(doors())
        .merge(scim::doors())
        .route("/", get(client::page))
        .route("/r/{room}", get(client::page))
        .route("/login", get(client::page))
        .route("/legal/{text}", get(client::page))
        .route("/rooms", get(client::page))
        .route("/admin", get(client::page))
        .route("/admin/{section}", get(client::page))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/oidc/login/{tenant}", get(oidc::begin))
        .route("/oidc/callback", get(oidc::callback))
        .fallback(client::file)
        .method_not_allowed_fallback(|| async { Refusal(Code::MethodNotAllowed) })
        .layer(middleware::from_fn_with_state(app.clone(), once::once))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(limit_time))
        .layer(middleware::from_fn(problem::put_into_words))
        .layer(middleware::from_fn_with_state(app.clone(), secure))
        .with_state(app)
}

/// Those of the interface for programs. What is routed is what is documented:
/// there is no other place for a path below `/api/`.
fn doors() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(openapi::document))
        .routes(routes!(session::show, session::create, session::delete))
        .routes(routes!(session::change_password))
        .routes(routes!(oidc::code))
        .routes(routes!(session::ways))
        .routes(routes!(passkeys::ask))
        .routes(routes!(passkeys::log_in).layer(DefaultBodyLimit::max(MAX_PASSKEY_BODY)))
        .routes(routes!(passkeys::begin))
        .routes(
            routes!(passkeys::list_own, passkeys::make)
                .layer(DefaultBodyLimit::max(MAX_PASSKEY_BODY)),
        )
        .routes(routes!(passkeys::rename, passkeys::remove_own))
        .routes(routes!(passkeys::list))
        .routes(routes!(passkeys::remove))
        .routes(routes!(session::propose_factor, session::confirm_factor))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::change, accounts::delete))
        .routes(routes!(accounts::disable))
        .routes(routes!(accounts::enable))
        .routes(routes!(accounts::reset_password))
        .routes(routes!(accounts::forget_factor))
        .routes(routes!(audit::list))
        .routes(routes!(devices::note))
        .routes(routes!(devices::certify))
        .routes(routes!(devices::list, devices::revoke_all))
        .routes(routes!(devices::revoke))
        .routes(routes!(devices::revoke_organisation))
        .routes(routes!(devices::root))
        .routes(routes!(policies::list, policies::set))
        .routes(routes!(policies::list_account, policies::set_account))
        .routes(
            routes!(policies::export, policies::import)
                .layer(DefaultBodyLimit::max(MAX_POLICY_SHEET)),
        )
        .routes(routes!(tenants::list, tenants::create))
        .routes(routes!(tenants::show, tenants::change, tenants::delete))
        .routes(
            routes!(oidc::get, oidc::set, oidc::remove)
                .layer(DefaultBodyLimit::max(MAX_PROVIDER_BODY)),
        )
        .routes(routes!(
            directories::get,
            directories::set,
            directories::remove
        ))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::show, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::renew_secret))
        .routes(routes!(rooms::list, rooms::create).layer(DefaultBodyLimit::max(MAX_ROOM_BODY)))
        .routes(routes!(rooms::info, rooms::delete))
        .routes(routes!(rooms::unlock))
        .routes(routes!(messages::send))
        .routes(routes!(people::show, people::set).layer(DefaultBodyLimit::max(MAX_ROOM_BODY)))
        .routes(routes!(media::trial))
        .routes(routes!(rooms::socket))
        .routes(routes!(links::list, links::create))
        .routes(routes!(links::info, links::revoke))
        .routes(
            routes!(texts::show, texts::set, texts::remove)
                .layer(DefaultBodyLimit::max(MAX_PUBLIC_TEXT_BODY)),
        )
        .routes(routes!(texts::show_of_room))
        .routes(routes!(consent::hand_out))
        .routes(routes!(consent::give, consent::withdraw))
        .routes(routes!(consent::texts))
        .routes(routes!(consent::texts_of_room))
        .routes(routes!(consent::set_texts).layer(DefaultBodyLimit::max(MAX_CONSENT_BODY)))
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
