//! SCIM 2.0 for an organisation's directory (RFC 7644): who belongs to it, and
//! above all who does not any more. What ends with an account ends before the
//! answer goes out.

mod discovery;

use super::App;
use super::guard::bearer;
use super::language::accepted;
use crate::config::MAX_PAGE;
use crate::domain::audit::Deed;
use crate::domain::scim::{Filter, Refused, Said, USER};
use crate::domain::webhook::timestamp;
use crate::leaver::{self, End};
use crate::store::{Listed, StoreError};
use axum::Router;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::http::Language;
use conclave_wire::id::{AccountId, TenantId};
use serde_json::{Value, json};
use std::sync::Arc;
use url::form_urlencoded;

/// Largest body, bytes: directories send more of a person than is kept.
const MAX_BODY: usize = 64 << 10;

const MEDIA_TYPE: &str = "application/scim+json";

/// What the audit log says beside acts of a directory, which has no account.
const DIRECTORY: &str = "scim";

/// Its doors. The interface's document is that of `/api/v1`; these are described
/// by the RFC.
pub(super) fn doors() -> Router<Arc<App>> {
    discovery::doors()
        .route("/scim/v2/Users", get(list).post(create))
        .route(
            "/scim/v2/Users/{user}",
            get(show).put(replace).patch(patch).delete(delete),
        )
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// The directory that asks.
struct Directory {
    tenant: TenantId,
    /// Where it found the service.
    host: String,
    language: Language,
}

/// What is refused, in the words of the RFC (section 3.12).
struct ScimRefusal(Refused, Language);

impl FromRequestParts<Arc<App>> for Directory {
    type Rejection = ScimRefusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ScimRefusal> {
        let language = accepted(&parts.headers);
        let refuse = |code| ScimRefusal(Refused::Other(code), language);
        let token = bearer(&parts.headers).ok_or_else(|| refuse(Code::Unauthorized))?;
        let found = app.rooms.store.directory_by(token.digest()).await;
        let found = found.map_err(|error| refuse(error.into()))?;
        let host = parts.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        Ok(Self {
            tenant: found.ok_or_else(|| refuse(Code::Unauthorized))?,
            host: host.unwrap_or_default().to_owned(),
            language,
        })
    }
}

impl Directory {
    fn refuse(&self, refused: Refused) -> ScimRefusal {
        ScimRefusal(refused, self.language)
    }

    fn failed(&self, error: StoreError) -> ScimRefusal {
        self.refuse(match Code::from(error) {
            Code::NameTaken => Refused::Uniqueness,
            code => Refused::Other(code),
        })
    }

    fn deed(&self, app: &App, act: Act, id: AccountId) -> Deed {
        Deed {
            tenant: self.tenant,
            actor: None,
            at: app.rooms.clock.now(),
            act,
            object: Some(id.0),
            detail: Some(DIRECTORY.to_owned()),
        }
    }

    /// The account in the path.
    async fn user(
        &self,
        app: &App,
        path: Result<Path<String>, PathRejection>,
    ) -> Result<Listed, ScimRefusal> {
        let none = || self.refuse(Refused::Other(Code::NoSuchAccount));
        let Path(id) = path.map_err(|_| none())?;
        let id = id.parse().map_err(|_| none())?;
        self.find(app, id).await
    }

    async fn find(&self, app: &App, id: AccountId) -> Result<Listed, ScimRefusal> {
        let found = app.rooms.store.directory_user((self.tenant, id)).await;
        found.map_err(|error| self.failed(error))
    }

    /// Does what is said of somebody: first whether they may log in at all.
    async fn apply(&self, app: &App, user: &Listed, said: &Said) -> Result<(), ScimRefusal> {
        let (id, rooms) = (user.account, &app.rooms);
        match said.active {
            Some(false) if user.active => {
                let deed = self.deed(app, Act::AccountDisabled, id);
                let ended = leaver::end(rooms, (deed, id), End::Disabled).await;
                ended.map_err(|code| self.refuse(Refused::Other(code)))?;
            }
            Some(false) => {
                let ended = leaver::end_rest(rooms, id).await;
                ended.map_err(|code| self.refuse(Refused::Other(code)))?;
            }
            Some(true) if !user.active => {
                let deed = self.deed(app, Act::AccountEnabled, id);
                let enabled = rooms.store.enable_account(&deed, id).await;
                enabled.map_err(|error| self.failed(error))?;
            }
            Some(true) | None => {}
        }
        let deed = self.deed(app, Act::AccountChanged, id);
        let changed = rooms.store.change_directory_user((&deed, id), said).await;
        changed.map_err(|error| self.failed(error))
    }

    /// RFC 7643 section 4.1.
    fn resource(&self, user: &Listed) -> Value {
        let mut resource = json!({
            "schemas": [USER],
            "id": user.account,
            "userName": user.login,
            "displayName": user.name,
            "name": { "formatted": user.name },
            "active": user.active,
            "meta": {
                "resourceType": "User",
                "created": timestamp(user.created),
                "location": self.location(user.account),
            },
        });
        if let Some(external_id) = &user.external_id {
            resource["externalId"] = external_id.as_str().into();
        }
        resource
    }

    fn location(&self, id: AccountId) -> String {
        self.address(&format!("Users/{id}"))
    }

    fn address(&self, path: &str) -> String {
        format!("https://{}/scim/v2/{path}", self.host)
    }

    fn body(&self, body: Result<Bytes, BytesRejection>) -> Result<Value, ScimRefusal> {
        let body = body.map_err(|rejection| {
            self.refuse(match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Refused::Other(Code::TooLarge),
                _ => Refused::Syntax,
            })
        })?;
        serde_json::from_slice(&body).map_err(|_| self.refuse(Refused::Syntax))
    }
}

type Answer = Result<Response, ScimRefusal>;
type Named = Result<Path<String>, PathRejection>;

async fn list(State(app): State<Arc<App>>, directory: Directory, uri: Uri) -> Answer {
    let (mut filter, mut first, mut most) = (Filter::All, 1, MAX_PAGE);
    let bad = || directory.refuse(Refused::Value);
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        // A number below the least counts as the least (RFC 7644 section 3.4.2.4).
        let number = || value.parse::<i64>().map_err(|_| bad());
        match &*name {
            "filter" => {
                filter = Filter::parse(&value).map_err(|refused| directory.refuse(refused))?;
            }
            "startIndex" => first = u32::try_from(number()?.max(1)).map_err(|_| bad())?,
            "count" => most = u32::try_from(number()?.max(0)).map_err(|_| bad())?,
            _ => {}
        }
    }
    let part = (first - 1, most.min(MAX_PAGE));
    let found = app
        .rooms
        .store
        .directory_users(directory.tenant, &filter, part);
    let (users, all) = found.await.map_err(|error| directory.failed(error))?;
    let users = users.iter().map(|user| directory.resource(user)).collect();
    Ok(scim(StatusCode::OK, &listed(users, (first, all))))
}

async fn create(
    State(app): State<Arc<App>>,
    directory: Directory,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let body = directory.body(body)?;
    let said = Said::user(&body).map_err(|refused| directory.refuse(refused))?;
    let id = AccountId::random().map_err(|_| directory.refuse(Refused::Other(Code::Internal)))?;
    let deed = directory.deed(&app, Act::AccountMade, id);
    let made = app.rooms.store.create_directory_user((&deed, id), &said);
    let made = made.await.map_err(|error| directory.failed(error))?;
    let mut response = scim(StatusCode::CREATED, &directory.resource(&made));
    if let Ok(location) = HeaderValue::from_str(&directory.location(id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn show(State(app): State<Arc<App>>, directory: Directory, path: Named) -> Answer {
    let user = directory.user(&app, path).await?;
    Ok(scim(StatusCode::OK, &directory.resource(&user)))
}

async fn replace(
    State(app): State<Arc<App>>,
    directory: Directory,
    path: Named,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let user = directory.user(&app, path).await?;
    let body = directory.body(body)?;
    let said = Said::user(&body).map_err(|refused| directory.refuse(refused))?;
    directory.apply(&app, &user, &said).await?;
    let user = directory.find(&app, user.account).await?;
    Ok(scim(StatusCode::OK, &directory.resource(&user)))
}

async fn patch(
    State(app): State<Arc<App>>,
    directory: Directory,
    path: Named,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let user = directory.user(&app, path).await?;
    let body = directory.body(body)?;
    let said = Said::patch(&body).map_err(|refused| directory.refuse(refused))?;
    directory.apply(&app, &user, &said).await?;
    let user = directory.find(&app, user.account).await?;
    Ok(scim(StatusCode::OK, &directory.resource(&user)))
}

async fn delete(State(app): State<Arc<App>>, directory: Directory, path: Named) -> Answer {
    let user = directory.user(&app, path).await?;
    let deed = directory.deed(&app, Act::AccountDeleted, user.account);
    let ended = leaver::end(&app.rooms, (deed, user.account), End::Deleted).await;
    ended.map_err(|code| directory.refuse(Refused::Other(code)))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Some of `all`, from the `first` on (RFC 7644 section 3.4.2).
fn listed(resources: Vec<Value>, (first, all): (u32, u64)) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": all,
        "startIndex": first,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

fn scim(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, MEDIA_TYPE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body.to_string()).into_response()
}

impl IntoResponse for ScimRefusal {
    fn into_response(self) -> Response {
        let Self(refused, language) = self;
        let code = refused.code();
        let status = StatusCode::from_u16(code.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.as_str(),
            "detail": code.title(language),
        });
        if let Some(scim_type) = refused.scim_type() {
            body["scimType"] = scim_type.into();
        }
        let mut response = scim(status, &body);
        if status == StatusCode::UNAUTHORIZED {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
