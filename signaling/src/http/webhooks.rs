//! Endpoints that are told of events: administrators make them for their
//! organisation. What of the past they were told, nobody can read here.

use super::App;
use super::guard::{Caller, Object};
use super::openapi::{By, Terms};
use super::page::{Wanted, listed, wanted};
use super::problem::Refusal;
use super::rooms::{NOT_STORED, asked, parse};
use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use conclave_wire::account::Action;
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::{TenantId, WebhookId};
use conclave_wire::webhook::{
    EventKind, WebhookChange, WebhookInfo, WebhookList, WebhookMade, WebhookRequest,
};
use std::sync::Arc;

type Named = Result<Path<String>, PathRejection>;

/// Make an endpoint that is told of events
#[utoipa::path(
    post, path = "/api/v1/webhooks", operation_id = "createWebhook", tag = "webhooks",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: in which organisation; without it in `default`"),
    ),
    request_body = WebhookRequest,
    responses((status = 201, description = "The endpoint with its secret, which is given once", body = WebhookMade)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageWebhooks), &[Code::WebhookAddress, Code::QuotaReached]).command("webhook create")))),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    caller.may(Action::ManageWebhooks)?;
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let request: WebhookRequest = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    app.reach.endpoint(&request.url).map_err(Refusal)?;
    let id = WebhookId::random().map_err(|_| Refusal(Code::Internal))?;
    let (secret, sealed) = app.identity.draw_webhook_secret(id).map_err(Refusal)?;
    let of = Object::Of(tenant, Some(id.0));
    let deed = caller.deed(&app, Act::WebhookMade, of).await?;
    let webhook = WebhookInfo {
        webhook: id,
        url: request.url,
        events: each_once(request.events),
        created: deed.at.0,
        enabled: true,
        failing_since: None,
        waiting: 0,
        given_up: 0,
    };
    let store = &app.rooms.store;
    store.create_webhook(&deed, &webhook, &sealed).await?;
    let headers = [
        (header::LOCATION, format!("/api/v1/webhooks/{id}")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let secret = secret.to_string();
    let made = WebhookMade { webhook, secret };
    Ok((StatusCode::CREATED, headers, Json(made)).into_response())
}

/// List the endpoints of an organisation
#[utoipa::path(
    get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    params(
        ("tenant" = Option<String>, Query, description = "For the operator: of which organisation; without it of `default`"),
        ("after" = Option<WebhookId>, Query, description = "The last entry of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Most entries; 50 without it"),
    ),
    responses((status = 200, description = "A page of the endpoints, the oldest first", body = WebhookList,
        headers(("Link" = Option<String>, description = "`rel=next`: the page behind this one")))),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageWebhooks), &[]).command("webhook list")))),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refusal> {
    caller.may(Action::ManageWebhooks)?;
    let tenant = caller.acts_in(&app, asked(&uri, "tenant")).await?;
    let Wanted { after, limit } = wanted(&uri)?;
    let store = &app.rooms.store;
    let (webhooks, more) = store.webhooks(tenant, (after, limit)).await?;
    let last = webhooks.last().filter(|_| more).map(|last| last.webhook);
    Ok(listed(&uri, last, WebhookList { webhooks, more }))
}

/// Show an endpoint, without its secret
#[utoipa::path(
    get, path = "/api/v1/webhooks/{webhook}", operation_id = "getWebhook", tag = "webhooks",
    params(
        ("webhook" = WebhookId, Path, description = "The endpoint"),
    ),
    responses((status = 200, description = "The endpoint, and how it stands", body = WebhookInfo)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageWebhooks), &[]).command("webhook show")))),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Named,
) -> Result<Response, Refusal> {
    let (_, webhook) = existing(&app, &caller, path).await?;
    Ok((NOT_STORED, Json(webhook)).into_response())
}

/// Change an endpoint
#[utoipa::path(
    patch, path = "/api/v1/webhooks/{webhook}", operation_id = "changeWebhook", tag = "webhooks",
    params(
        ("webhook" = WebhookId, Path, description = "The endpoint"),
    ),
    request_body = WebhookChange,
    responses((status = 200, description = "The endpoint as it is now", body = WebhookInfo)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageWebhooks), &[Code::WebhookAddress]).command("webhook change")))),
)]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let (tenant, WebhookInfo { webhook: id, .. }) = existing(&app, &caller, path).await?;
    let mut change: WebhookChange = parse(body)?.ok_or(Refusal(Code::BadMessage))?;
    if let Some(url) = &change.url {
        app.reach.endpoint(url).map_err(Refusal)?;
    }
    change.events = change.events.map(each_once);
    let of = Object::Of(tenant, Some(id.0));
    let deed = caller.deed(&app, Act::WebhookChanged, of).await?;
    let store = &app.rooms.store;
    store.change_webhook(&deed, id, &change).await?;
    let (_, changed) = found(&app, &caller, id).await?;
    Ok((NOT_STORED, Json(changed)).into_response())
}

/// Give an endpoint another secret
///
/// For 24 hours events are signed with the one before it as well.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{webhook}/secret", operation_id = "renewWebhookSecret", tag = "webhooks",
    params(
        ("webhook" = WebhookId, Path, description = "The endpoint"),
    ),
    responses((status = 200, description = "The endpoint with its new secret, which is given once", body = WebhookMade)),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageWebhooks), &[]).command("webhook renew-secret")))),
)]
pub(super) async fn renew_secret(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Named,
) -> Result<Response, Refusal> {
    let (tenant, webhook) = existing(&app, &caller, path).await?;
    let id = webhook.webhook;
    let (secret, sealed) = app.identity.draw_webhook_secret(id).map_err(Refusal)?;
    let of = Object::Of(tenant, Some(id.0));
    let deed = caller.deed(&app, Act::WebhookSecretRenewed, of).await?;
    let store = &app.rooms.store;
    store.renew_webhook_secret(&deed, id, &sealed).await?;
    let secret = secret.to_string();
    Ok((NOT_STORED, Json(WebhookMade { webhook, secret })).into_response())
}

/// Delete an endpoint with what it was still to be told
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{webhook}", operation_id = "deleteWebhook", tag = "webhooks",
    params(
        ("webhook" = WebhookId, Path, description = "The endpoint"),
    ),
    responses((status = 204, description = "It is told nothing more")),
    extensions(("x-terms" = json!(Terms::new(By::May(Action::ManageWebhooks), &[]).command("webhook delete")))),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Named,
) -> Result<StatusCode, Refusal> {
    let (tenant, WebhookInfo { webhook: id, .. }) = existing(&app, &caller, path).await?;
    let of = Object::Of(tenant, Some(id.0));
    let deed = caller.deed(&app, Act::WebhookDeleted, of).await?;
    app.rooms.store.delete_webhook(&deed, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The endpoint in the path, and whose it is. Another organisation's is not
/// there, whatever its administrators may do in their own.
async fn existing(
    app: &App,
    caller: &Caller,
    path: Named,
) -> Result<(TenantId, WebhookInfo), Refusal> {
    let Path(id) = path.map_err(|_| Refusal(Code::BadMessage))?;
    let id = id.parse().map_err(|_| Refusal(Code::NoSuchWebhook))?;
    let found = found(app, caller, id).await?;
    caller.may(Action::ManageWebhooks)?;
    Ok(found)
}

async fn found(
    app: &App,
    caller: &Caller,
    id: WebhookId,
) -> Result<(TenantId, WebhookInfo), Refusal> {
    let found = app.rooms.store.webhook(caller.sees(), id).await?;
    found.ok_or(Refusal(Code::NoSuchWebhook))
}

fn each_once(mut events: Vec<EventKind>) -> Vec<EventKind> {
    events.sort_unstable();
    events.dedup();
    events
}
