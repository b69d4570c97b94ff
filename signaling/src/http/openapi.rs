//! The interface's OpenAPI 3.1 document. Paths, methods and bodies come from the
//! handlers that the router is made of; who may ask and what is refused, each
//! handler says in its [`Terms`], which are written out here.

use super::guard::COOKIE;
use super::once;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use conclave_wire::account::Action;
use conclave_wire::code::Code;
use conclave_wire::http::Problem;
use conclave_wire::webhook::{EventKind, PasswordEvent, WebhookEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::OpenApi as _;

/// Under this extension a handler's attribute hands its [`Terms`] over; the
/// document does not keep it.
const TERMS: &str = "x-terms";

/// Who may ask for something.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum By {
    /// Anyone.
    Anyone,
    /// Anyone; for part of it the operator, or a role that may do this.
    AnyoneOr(Action),
    /// Who is logged in, even if a second factor is still to be set up.
    LoggedIn,
    /// The operator, and who is logged in: for what is theirs.
    Somebody,
    /// The operator, and a session whose role may do this.
    May(Action),
    /// The operator alone.
    Operator,
}

/// What a handler says of itself beyond path, method, parameters and bodies.
#[derive(Serialize, Deserialize)]
pub(super) struct Terms {
    by: By,
    refusals: Vec<Code>,
    command: Option<String>,
}

impl Terms {
    /// Who may ask, and what is refused beside what [all](common) like it refuse.
    pub(super) fn new(by: By, refusals: &[Code]) -> Self {
        let refusals = refusals.to_vec();
        Self {
            by,
            refusals,
            command: None,
        }
    }

    /// The words behind `conclave` that ask for the same.
    pub(super) fn command(mut self, words: &str) -> Self {
        self.command = Some(words.to_owned());
        self
    }
}

/// The document without what the handlers say.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Conclave",
        description = "Rooms, guests' links, accounts and organisations of a Conclave server. \
            Every refusal is a problem detail (RFC 9457) with a stable `code`; what the codes mean, \
            and the protocol of a room's socket, is in docs/protocol.md. Bytes are base64url \
            without padding, times are milliseconds since the Unix epoch.",
        license(name = "AGPL-3.0-only", identifier = "AGPL-3.0-only"),
    ),
    servers((url = "/", description = "The server that gave this document")),
    tags(
        (name = "rooms", description = "Rooms, and the door to a room's socket"),
        (name = "links", description = "Guests' own links of a room"),
        (name = "consent", description = "What guests consent to, and their consent"),
        (name = "texts", description = "What organisations say to everybody: terms of use, privacy notice, imprint"),
        (name = "session", description = "Who is logged in"),
        (name = "accounts", description = "Accounts of an organisation"),
        (name = "devices", description = "What people log in on, and certificates for it"),
        (name = "tenants", description = "Organisations"),
        (name = "audit", description = "What was done to an organisation, and by whom"),
        (name = "policies", description = "What a server, an organisation or an account allows"),
        (name = "webhooks", description = "Endpoints that are told of events"),
        (name = "document", description = "This document"),
    ),
    components(schemas(Problem, WebhookEvent, PasswordEvent)),
)]
struct Base;

/// What the handlers' parts of the document are added to.
pub(super) fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// The document.
pub fn openapi() -> Value {
    let handlers = super::doors().into_openapi();
    // What rustdoc makes links of are names here.
    let text = handlers.to_json().unwrap_or_default();
    let text = text.replace("[`", "`").replace("`]", "`");
    let mut document = serde_json::from_str::<Value>(&text).unwrap_or_default();
    document["components"]["securitySchemes"] = schemes();
    document["webhooks"] = events();
    let paths = document["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                write_terms(operation, path, method);
            }
        }
    }
    document
}

static TEXT: LazyLock<String> = LazyLock::new(|| openapi().to_string());

/// This document
#[utoipa::path(
    get, path = "/api/v1/openapi.json", operation_id = "getDocument", tag = "document",
    responses((status = 200, description = "OpenAPI 3.1", body = Value)),
    extensions(("x-terms" = json!(Terms::new(By::Anyone, &[]).command("openapi"))))
)]
pub(super) async fn document() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, TEXT.as_str()).into_response()
}

fn schemes() -> Value {
    json!({
        "operator": {
            "type": "http", "scheme": "bearer",
            "description": "The operator's token, in the server's data folder.",
        },
        "session": {
            "type": "http", "scheme": "bearer",
            "description": "A session's token, from `POST /api/v1/session` with `kept: token`. \
                What is named with it is the action that the account's role has to allow.",
        },
        "cookie": {
            "type": "apiKey", "in": "cookie", "name": COOKIE,
            "description": "A session's token, kept by a browser. Whatever is not GET or HEAD has \
                to come from a page of the service, by `Origin` or `Sec-Fetch-Site`.",
        },
    })
}

/// What endpoints are sent (OpenAPI 3.1 section 4.8.1).
fn events() -> Value {
    let header = |name: &str, description: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": { "type": "string" },
        })
    };
    let event = |kind: &EventKind| {
        // Somebody waits for what becomes of a password, and nothing is kept of it.
        let (schema, otherwise) = match kind {
            EventKind::PasswordSend => (
                "PasswordEvent",
                "Whoever sends it is told; it is not sent again",
            ),
            _ => ("WebhookEvent", "It is sent again later"),
        };
        let mut operation = json!({
            "summary": kind.as_str(),
            "parameters": [
                header("webhook-id", "The event's identifier, the same with each attempt"),
                header("webhook-timestamp", "When the attempt was made, seconds since the Unix epoch"),
                header("webhook-signature", "One or two signatures by Standard Webhooks, `v1`"),
            ],
            "requestBody": { "required": true, "content": { "application/json": {
                "schema": { "$ref": format!("#/components/schemas/{schema}") },
            } } },
            "responses": {
                "2XX": { "description": "It has the event" },
                "default": { "description": otherwise },
            },
        });
        if *kind != EventKind::PasswordSend {
            operation["responses"]["410"] =
                json!({ "description": "It wants no more: the endpoint is switched off" });
        }
        (kind.as_str().to_owned(), json!({ "post": operation }))
    };
    Value::Object(EventKind::ALL.iter().map(event).collect())
}

/// Writes out what an operation's handler handed over.
fn write_terms(operation: &mut Map<String, Value>, path: &str, method: &str) {
    let terms = operation.remove(TERMS).unwrap_or_default();
    let Ok(Terms {
        by,
        mut refusals,
        command,
    }) = serde_json::from_value(terms)
    else {
        return;
    };
    if let Some(command) = command {
        operation.insert("x-conclave-cli".to_owned(), command.into());
    }
    operation.insert("security".to_owned(), security(by));
    // A body that may be left out is not one that may be null.
    if let Some(body) = operation.get_mut("requestBody") {
        let schema = body.pointer_mut("/content/application~1json/schema");
        for schema in schema.into_iter() {
            if let Some(one) = schema.pointer("/oneOf/0") {
                *schema = one.clone();
            }
        }
    }
    if method == "post" && once::ROUTES.contains(&path) {
        take_key(operation);
        refusals.extend([Code::KeyReused, Code::KeyInUse, Code::TooMany]);
    }
    refusals.extend(common(operation, path, method, by));
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in refusals {
        let codes = by_status.entry(code.status()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    let refused = by_status
        .into_iter()
        .map(|(status, codes)| (status.to_string(), refused(&codes)));
    if let Some(Value::Object(responses)) = operation.get_mut("responses") {
        responses.extend(refused);
    }
}

/// Says that a request may come with a key, and what its answer says then.
fn take_key(operation: &mut Map<String, Value>) {
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut() {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "1 to 255 visible characters of ASCII. Asked for again under the same \
                key within 24 hours, by the same account, it is not done again, and answered as \
                the first time",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        }));
    }
    let responses = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut);
    for response in responses.into_iter().flat_map(Map::values_mut) {
        response["headers"]["Idempotency-Replayed"] = json!({
            "description": "`true`: this is the answer of the first time",
            "schema": { "type": "string" },
        });
    }
}

/// OpenAPI 3.1 section 4.8.30: one of these is enough, and an empty one needs
/// nothing. Names with a scheme that is not OAuth's are roles that are needed.
fn security(by: By) -> Value {
    let may = |action: Action| {
        [
            json!({ "operator": [] }),
            json!({ "session": [action] }),
            json!({ "cookie": [action] }),
        ]
    };
    match by {
        By::Anyone => json!([{}]),
        By::AnyoneOr(action) => [&[json!({})][..], &may(action)].concat().into(),
        By::LoggedIn => json!([{ "session": [] }, { "cookie": [] }]),
        By::Somebody => json!([{ "operator": [] }, { "session": [] }, { "cookie": [] }]),
        By::May(action) => may(action).to_vec().into(),
        By::Operator => json!([{ "operator": [] }]),
    }
}

/// What is refused because of what an operation is.
fn common(operation: &Map<String, Value>, path: &str, method: &str, by: By) -> Vec<Code> {
    // A request that does not come to its end, and a server that fails.
    let mut codes = vec![Code::BadMessage, Code::Internal];
    match by {
        By::Anyone => {}
        By::LoggedIn if method == "get" => codes.push(Code::Unauthorized),
        By::LoggedIn => codes.extend([Code::Unauthorized, Code::Forbidden]),
        By::AnyoneOr(_) | By::Somebody | By::May(_) | By::Operator => {
            codes.extend([Code::Unauthorized, Code::FactorNeeded, Code::Forbidden]);
        }
    }
    if operation.contains_key("requestBody") {
        codes.push(Code::TooLarge);
    }
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let names = parameters.into_iter().flatten().map(|it| &it["name"]);
    let asks_for_tenant = names.into_iter().any(|name| name == "tenant");
    for (found, code) in [
        (path.contains("{room}"), Code::NoSuchRoom),
        (path.contains("{link}"), Code::NoSuchLink),
        (path.contains("{account}"), Code::NoSuchAccount),
        (path.contains("{device}"), Code::NoSuchDevice),
        (path.contains("{webhook}"), Code::NoSuchWebhook),
        (path.contains("{passkey}"), Code::NoSuchPasskey),
        (asks_for_tenant, Code::NoSuchTenant),
    ] {
        if found {
            codes.push(code);
        }
    }
    codes
}

/// A refusal by one of some codes that share a status.
fn refused(codes: &[Code]) -> Value {
    let lines = codes
        .iter()
        .map(|code| format!("`{}`: {code}", code.as_str()));
    let description = lines.collect::<Vec<_>>().join("; ");
    let example = codes.first().copied().map(Problem::from);
    json!({
        "description": description,
        "content": { "application/problem+json": {
            "schema": { "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                { "type": "object", "properties": { "code": { "enum": codes } } },
            ] },
            "example": example,
        } },
    })
}
