//! Programs that ask a running service for things, as whoever has logged in.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use super::{Answer, Server};
use conclave_wire::account::{AccountMade, Enrolment, Role, SessionInfo};
use conclave_wire::http::{LinkInfo, RoomCreated};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use totp_rs::{Builder, Secret, Totp};

/// A program that asks with a token.
pub(crate) struct Client<'s> {
    pub(crate) server: &'s Server,
    pub(crate) bearer: String,
}

impl<'s> Client<'s> {
    pub(crate) fn operator(server: &'s Server) -> Self {
        let bearer = server.operator();
        Self { server, bearer }
    }

    /// Asks with a body of JSON; a string is sent as it is.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = match body {
            Value::Null => Vec::new(),
            Value::String(text) => text.into_bytes(),
            body => serde_json::to_vec(&body).unwrap(),
        };
        let path = format!("/api/v1/{path}");
        let authorization = [("authorization", self.bearer.as_str())];
        self.server.http(method, &path, &authorization, &body).await
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        read(&self.ask("GET", path, Value::Null).await)
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, body).await
    }

    /// Makes an account of the organisation; its password.
    pub(crate) async fn account(&self, tenant: &str, login: &str, role: Role) -> AccountMade {
        let body = json!({ "login": login, "name": "Anna Berg", "role": role });
        read(&self.post(&format!("accounts?tenant={tenant}"), body).await)
    }

    pub(crate) async fn room(&self) -> RoomCreated {
        read(
            &self
                .post("rooms", json!({ "scheduled": true, "title": "Room" }))
                .await,
        )
    }

    pub(crate) async fn link(&self, room: &RoomCreated) -> LinkInfo {
        read(
            &self
                .post(&format!("rooms/{}/links", room.room), slot())
                .await,
        )
    }
}

pub(crate) fn read<T: DeserializeOwned>(answer: &Answer) -> T {
    let text = String::from_utf8_lossy(&answer.body);
    assert!(
        (200..300).contains(&answer.status),
        "{} {text}",
        answer.status
    );
    serde_json::from_slice(&answer.body).unwrap()
}

pub(crate) fn slot() -> Value {
    let now = now() * 1000;
    json!({ "from": now, "until": now + 3_600_000, "uses": "series" })
}

/// Seconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

pub(crate) async fn log_in(server: &Server, body: Value) -> Answer {
    let body = serde_json::to_vec(&body).unwrap();
    server.http("POST", "/api/v1/session", &[], &body).await
}

/// Logs in to an account as a program does.
pub(crate) async fn session<'s>(
    server: &'s Server,
    tenant: &str,
    made: &AccountMade,
) -> (Client<'s>, SessionInfo) {
    let body = json!({
        "tenant": tenant, "login": made.account.login, "password": made.password, "kept": "token",
    });
    let mut info: SessionInfo = read(&log_in(server, body).await);
    let token = serde_json::to_value(info.token.take().unwrap()).unwrap();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    (Client { server, bearer }, info)
}

/// Logs in to an administrator's account and sets its second factor up.
pub(crate) async fn administrator<'s>(
    server: &'s Server,
    tenant: &str,
    made: &AccountMade,
) -> Client<'s> {
    let (client, _) = session(server, tenant, made).await;
    let enrolment: Enrolment = read(&client.post("session/factor", Value::Null).await);
    let secret = Secret::try_from_base32(&enrolment.secret).unwrap();
    let totp: Totp = Builder::new().with_secret(secret).build().unwrap();
    let code = json!({ "code": totp.generate(now()).to_string() });
    read::<Value>(&client.ask("PUT", "session/factor", code).await);
    client
}
