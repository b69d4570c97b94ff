//! What a directory finds out of the service before it says anything of people
//! (RFC 7644 section 4): what is supported, and nothing that is not.

use super::{Answer, Directory, Named, listed, scim};
use crate::config::MAX_PAGE;
use crate::domain::scim::{Refused, USER};
use crate::http::App;
use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use conclave_wire::code::Code;
use serde_json::{Value, json};
use std::sync::Arc;
use url::form_urlencoded;

/// The one type of resource there is: what it is called.
const USER_TYPE: &str = "User";

pub(super) fn doors() -> Router<Arc<App>> {
    Router::new()
        .route("/scim/v2/ServiceProviderConfig", get(config))
        .route("/scim/v2/ResourceTypes", get(resource_types))
        .route("/scim/v2/ResourceTypes/{name}", get(resource_type))
        .route("/scim/v2/Schemas", get(schemas))
        .route("/scim/v2/Schemas/{name}", get(schema))
}

/// RFC 7643 section 5.
async fn config(directory: Directory) -> Response {
    let no = json!({ "supported": false });
    let config = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MAX_PAGE },
        "changePassword": no,
        "sort": no,
        "etag": no,
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "The token that the operator was given for the organisation",
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": directory.address("ServiceProviderConfig"),
        },
    });
    scim(StatusCode::OK, &config)
}

async fn resource_types(directory: Directory, uri: Uri) -> Answer {
    all(&directory, &uri, user_type(&directory))
}

async fn resource_type(directory: Directory, name: Named) -> Answer {
    one(&directory, (name, USER_TYPE), user_type(&directory))
}

async fn schemas(directory: Directory, uri: Uri) -> Answer {
    all(&directory, &uri, user_schema(&directory))
}

async fn schema(directory: Directory, name: Named) -> Answer {
    one(&directory, (name, USER), user_schema(&directory))
}

/// The list of what there is one of. A filter is refused: whoever filters would
/// take what is left for what fits.
fn all(directory: &Directory, uri: &Uri, resource: Value) -> Answer {
    let mut asked = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    if asked.any(|(name, _)| name == "filter") {
        return Err(directory.refuse(Refused::Other(Code::Forbidden)));
    }
    Ok(scim(StatusCode::OK, &listed(vec![resource], (1, 1))))
}

fn one(directory: &Directory, (name, known): (Named, &str), resource: Value) -> Answer {
    match name {
        Ok(Path(name)) if name == known => Ok(scim(StatusCode::OK, &resource)),
        _ => Err(directory.refuse(Refused::Other(Code::NotFound))),
    }
}

/// RFC 7643 section 6.
fn user_type(directory: &Directory) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": USER_TYPE,
        "name": USER_TYPE,
        "description": "An account of the organisation's provider",
        "endpoint": "/Users",
        "schema": USER,
        "schemaExtensions": [],
        "meta": {
            "resourceType": "ResourceType",
            "location": directory.address(&format!("ResourceTypes/{USER_TYPE}")),
        },
    })
}

/// RFC 7643 section 7. `id`, `externalId` and `meta` are every resource's and
/// stand in no schema (section 3.1).
fn user_schema(directory: &Directory) -> Value {
    let mut user_name = text(
        "userName",
        "The name to log in with, as the provider has it",
    );
    user_name["required"] = true.into();
    user_name["uniqueness"] = "server".into();
    let mut name = attribute("name", "complex", "The person's name");
    let formatted = text("formatted", "The whole name: the same as displayName");
    let part = |part| {
        let mut part = text(part, "A part of it, where the whole is not said");
        part["mutability"] = "writeOnly".into();
        part["returned"] = "never".into();
        part
    };
    name["subAttributes"] = json!([formatted, part("givenName"), part("familyName")]);
    let active = "Whether they may log in: if not, all that ends with an account is over";
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": USER,
        "name": USER_TYPE,
        "description": "An account of the organisation's provider",
        "attributes": [
            user_name,
            name,
            text("displayName", "The person's name as others read it; goes before name"),
            attribute("active", "boolean", active),
        ],
        "meta": {
            "resourceType": "Schema",
            "location": directory.address(&format!("Schemas/{USER}")),
        },
    })
}

fn text(name: &str, description: &str) -> Value {
    let mut text = attribute(name, "string", description);
    text["caseExact"] = false.into();
    text["uniqueness"] = "none".into();
    text
}

fn attribute(name: &str, kind: &str, description: &str) -> Value {
    json!({
        "name": name,
        "type": kind,
        "multiValued": false,
        "description": description,
        "required": false,
        "mutability": "readWrite",
        "returned": "default",
    })
}
