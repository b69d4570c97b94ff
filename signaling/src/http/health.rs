//! For orchestrators and Prometheus.

use super::App;
use super::problem::Refusal;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use conclave_wire::code::Code;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The process lives.
pub(super) async fn live() -> StatusCode {
    StatusCode::OK
}

/// The service can serve: it is not about to shut down and the database answers.
pub(super) async fn ready(State(app): State<Arc<App>>) -> StatusCode {
    let leaving = app.draining.load(Ordering::Relaxed) || *app.shutdown.borrow();
    if !leaving && app.rooms.store.is_ready().await {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// The metrics; to others than this machine there are none.
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
) -> Response {
    if !peer.ip().to_canonical().is_loopback() {
        return Refusal(Code::NotFound).into_response();
    }
    let mut text = app.rooms.metrics.text();
    if let Some(media) = &app.media_metrics {
        media(&mut text);
    }
    let content_type = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (content_type, text).into_response()
}
