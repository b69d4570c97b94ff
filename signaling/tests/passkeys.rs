//! Logging in with passkeys, and everything by which somebody else could.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::authenticator::{Authenticator, Where};
use common::client::{Client, log_in, read, session};
use common::database::{change, count};
use common::{Answer, Server};
use conclave_wire::account::{AccountMade, LoginWays, Role, SessionInfo};
use conclave_wire::audit::{Act, AuditList};
use conclave_wire::code::Code;
use conclave_wire::passkey::{PasskeyChallenge, PasskeyInfo, PasskeyList};
use serde_json::{Value, json};

const SESSION: &str = "__Host-conclave-session";
const CEREMONY: &str = "__Host-conclave-passkey";
const OWN: (&str, &str) = ("origin", "https://localhost");

/// A browser: what it keeps, and nothing but that.
#[derive(Default, Clone)]
struct Browser {
    kept: Vec<(String, String)>,
}

impl Browser {
    fn kept(&self, name: &str) -> Option<&str> {
        let found = self.kept.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    async fn ask(&mut self, server: &Server, (method, path): (&str, &str), body: Value) -> Answer {
        let cookies = self
            .kept
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let body = match body {
            Value::Null => Vec::new(),
            body => serde_json::to_vec(&body).unwrap(),
        };
        let path = format!("/api/v1/{path}");
        let headers = [OWN, ("cookie", cookies.as_str())];
        let answer = server.http(method, &path, &headers, &body).await;
        for set in &answer.cookies {
            let (pair, attributes) = set.split_once(';').unwrap();
            let hard = "Path=/; Secure; HttpOnly; SameSite=Strict";
            assert!(attributes.contains(hard), "{attributes}");
            let (name, value) = pair.split_once('=').unwrap();
            self.kept.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.kept.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// Logs in to an account with its password.
    async fn enter(&mut self, server: &Server, made: &AccountMade) {
        let body = json!({ "login": made.account.login, "password": made.password });
        let answer = self.ask(server, ("POST", "session"), body).await;
        read::<SessionInfo>(&answer);
    }

    async fn asked(&mut self, server: &Server, path: &str) -> Value {
        let answer = self.ask(server, ("POST", path), Value::Null).await;
        read::<PasskeyChallenge>(&answer).public_key
    }

    /// Makes a passkey as told.
    async fn make(&mut self, server: &Server, at: &Where) -> (Authenticator, Answer) {
        let asked = self.asked(server, "session/passkeys/challenge").await;
        let (made, credential) = Authenticator::make(&asked, at);
        let body = json!({ "name": "Anna's telephone", "credential": credential });
        let answer = self.ask(server, ("POST", "session/passkeys"), body).await;
        (made, answer)
    }

    /// Logs in with a passkey, as told.
    async fn show(&mut self, server: &Server, passkey: &Authenticator, at: &Where) -> Answer {
        let asked = self.asked(server, "session/passkey/challenge").await;
        self.give(server, passkey.show(&asked, at)).await
    }

    async fn give(&mut self, server: &Server, credential: Value) -> Answer {
        let body = json!({ "credential": credential });
        self.ask(server, ("POST", "session/passkey"), body).await
    }
}

/// A server, an account with a passkey on it, and the browser it was made in.
async fn with_passkey(role: Role) -> (Server, AccountMade, Browser, Authenticator, PasskeyInfo) {
    let server = Server::start().await;
    let made = Client::operator(&server)
        .account("default", "anna", role)
        .await;
    let mut browser = Browser::default();
    browser.enter(&server, &made).await;
    let (passkey, answer) = browser.make(&server, &Where::default()).await;
    assert_eq!(answer.status, 201);
    (server, made, browser, passkey, read(&answer))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_that_was_made_logs_in_without_a_name_and_stands_for_both_factors() {
    let (server, made, mut browser, passkey, info) = with_passkey(Role::Host).await;
    assert_eq!((info.name.as_str(), info.used), ("Anna's telephone", None));
    assert!(browser.kept(CEREMONY).is_none(), "the ceremony is over");
    let mut other = Browser::default();
    let answer = other.show(&server, &passkey, &Where::default()).await;
    assert_eq!(answer.status, 201);
    let who: SessionInfo = read(&answer);
    assert_eq!(who.account, made.account.account);
    assert!(!who.factor_needed && who.token.is_none());
    assert!(other.kept(SESSION).is_some() && other.kept(CEREMONY).is_none());
    let answer = browser.ask(&server, ("GET", "session/passkeys"), Value::Null);
    let list: PasskeyList = read(&answer.await);
    assert_eq!(list.passkeys.len(), 1);
    assert!(list.passkeys[0].used.is_some());

    // Whoever administers needs no other second factor then.
    let path = format!("accounts/{}", made.account.account);
    let operator = Client::operator(&server);
    operator
        .ask("PATCH", &path, json!({ "role": "admin" }))
        .await;
    let answer = other.show(&server, &passkey, &Where::default()).await;
    assert!(!read::<SessionInfo>(&answer).factor_needed);
    let answer = other.ask(&server, ("GET", "accounts"), Value::Null).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_is_asked_for_a_key_it_finds_itself_and_to_verify_its_user() {
    let (server, made, mut browser, passkey, _) = with_passkey(Role::Host).await;
    let asked = browser.asked(&server, "session/passkeys/challenge").await;
    assert_eq!(asked["rp"]["id"], "localhost");
    assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(
        asked["authenticatorSelection"]["userVerification"],
        "required"
    );
    assert_eq!(asked["user"]["name"], "anna");
    let user = serde_json::to_value(made.account.account).unwrap();
    assert_eq!(asked["user"]["id"], user);
    let excluded = asked["excludeCredentials"].as_array().unwrap();
    let credential = passkey.show(&json!({ "challenge": "" }), &Where::default());
    assert_eq!(excluded.len(), 1);
    assert_eq!(excluded[0]["id"], credential["id"]);
    let asked = browser.asked(&server, "session/passkey/challenge").await;
    assert_eq!(asked["rpId"], "localhost");
    assert_eq!(asked["userVerification"], "required");
    assert_eq!(asked["allowCredentials"], json!([]), "nobody is named");
}

/// What is wrong with an answer, and what is said of it.
fn wrong() -> Vec<(&'static str, Where)> {
    let right = Where::default;
    vec![
        (
            "another origin",
            Where {
                origin: "https://evil.example".to_owned(),
                ..right()
            },
        ),
        (
            "a subdomain",
            Where {
                origin: "https://a.localhost".to_owned(),
                ..right()
            },
        ),
        (
            "no TLS",
            Where {
                origin: "http://localhost".to_owned(),
                ..right()
            },
        ),
        (
            "another party",
            Where {
                party: "evil.example".to_owned(),
                ..right()
            },
        ),
        (
            "no user verified",
            Where {
                verified: false,
                ..right()
            },
        ),
        (
            "another challenge",
            Where {
                challenge: Some("A".repeat(43)),
                ..right()
            },
        ),
        (
            "another ceremony",
            Where {
                ceremony: Some("payment.get"),
                ..right()
            },
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_that_was_made_elsewhere_or_without_its_user_is_not_kept() {
    let (server, _, mut browser, ..) = with_passkey(Role::Host).await;
    for (what, at) in wrong() {
        let (_, answer) = browser.make(&server, &at).await;
        assert_eq!(answer.problem().code, Code::PasskeyRefused, "{what}");
    }
    let answer = browser.ask(&server, ("GET", "session/passkeys"), Value::Null);
    assert_eq!(read::<PasskeyList>(&answer.await).passkeys.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_that_is_shown_elsewhere_or_without_its_user_logs_nobody_in() {
    let (server, _, _, passkey, _) = with_passkey(Role::Host).await;
    let mut browser = Browser::default();
    for (what, at) in wrong() {
        let answer = browser.show(&server, &passkey, &at).await;
        assert_eq!(answer.problem().code, Code::PasskeyRefused, "{what}");
        assert!(browser.kept(SESSION).is_none(), "{what}");
        let good = browser.show(&server, &passkey, &Where::default()).await;
        assert_eq!(good.status, 201, "and right it is right: {what}");
        browser = Browser::default();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_once_and_none_after_a_later_one() {
    let (server, _, _, passkey, _) = with_passkey(Role::Host).await;
    let right = Where::default();
    let mut first = Browser::default();
    let asked = first.asked(&server, "session/passkey/challenge").await;
    let before = first.clone();
    let credential = passkey.show(&asked, &right);
    // A browser that was there before answers after this one.
    let mut early = Browser::default();
    let early_asked = early.asked(&server, "session/passkey/challenge").await;
    let mut late = Browser::default();
    assert_eq!(first.give(&server, credential.clone()).await.status, 201);
    let answer = before.clone().give(&server, credential).await;
    assert_eq!(answer.problem().code, Code::LoginExpired, "the same again");
    assert_eq!(late.show(&server, &passkey, &right).await.status, 201);
    let answer = early
        .give(&server, passkey.show(&early_asked, &right))
        .await;
    assert_eq!(answer.problem().code, Code::LoginExpired, "it is older");
    // Nor without what the browser kept, nor with what is another ceremony's.
    let asked = late.asked(&server, "session/passkey/challenge").await;
    let credential = passkey.show(&asked, &right);
    let answer = Browser::default().give(&server, credential.clone()).await;
    assert_eq!(answer.problem().code, Code::LoginExpired);
    late.asked(&server, "session/passkeys/challenge").await;
    let answer = late.give(&server, credential).await;
    assert_eq!(answer.problem().code, Code::LoginExpired);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_that_counts_backwards_was_copied() {
    let (server, _, _, mut passkey, _) = with_passkey(Role::Host).await;
    let (right, mut browser) = (Where::default(), Browser::default());
    for (counter, status) in [(7, 201), (7, 401), (6, 401), (8, 201)] {
        passkey.counter = counter;
        let answer = browser.show(&server, &passkey, &right).await;
        assert_eq!(answer.status, status, "{counter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_with_anothers_passkey_or_an_unknown_one() {
    let (server, _, mut browser, mut passkey, _) = with_passkey(Role::Host).await;
    let operator = Client::operator(&server);
    let ben = operator.account("default", "ben", Role::Host).await;
    let hers = passkey.user.clone();
    passkey.user = serde_json::from_value(json!(ben.account.account)).unwrap();
    let answer = browser.show(&server, &passkey, &Where::default()).await;
    assert_eq!(answer.problem().code, Code::PasskeyRefused);
    let asked = browser.asked(&server, "session/passkeys/challenge").await;
    let (mut unknown, _) = Authenticator::make(&asked, &Where::default());
    let answer = browser.show(&server, &unknown, &Where::default()).await;
    assert_eq!(answer.problem().code, Code::PasskeyRefused);
    // Another key under the same name signs nothing that counts.
    unknown.id.clone_from(&passkey.id);
    let answer = browser.show(&server, &unknown, &Where::default()).await;
    assert_eq!(answer.problem().code, Code::PasskeyRefused);
    passkey.user = hers;
    let answer = browser.show(&server, &passkey, &Where::default()).await;
    assert_eq!(answer.status, 201);

    // What was asked of one account makes no passkey of another's.
    let asked = browser.asked(&server, "session/passkeys/challenge").await;
    let mut bens = Browser::default();
    bens.enter(&server, &ben).await;
    let ceremony = browser.kept(CEREMONY).unwrap().to_owned();
    bens.kept.push((CEREMONY.to_owned(), ceremony));
    let (_, credential) = Authenticator::make(&asked, &Where::default());
    let body = json!({ "name": "x", "credential": credential });
    let answer = bens.ask(&server, ("POST", "session/passkeys"), body).await;
    assert_eq!(answer.problem().code, Code::LoginExpired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_that_is_known_is_not_kept_again_and_ten_are_enough() {
    let (server, _, mut browser, ..) = with_passkey(Role::Host).await;
    let asked = browser.asked(&server, "session/passkeys/challenge").await;
    let (_, credential) = Authenticator::make(&asked, &Where::default());
    let again = browser.clone();
    let body = json!({ "name": "x", "credential": credential });
    let make = ("POST", "session/passkeys");
    assert_eq!(browser.ask(&server, make, body.clone()).await.status, 201);
    let answer = again.clone().ask(&server, make, body).await;
    assert_eq!(answer.problem().code, Code::PasskeyRefused);
    for _ in 2..9 {
        let (_, answer) = browser.make(&server, &Where::default()).await;
        assert_eq!(answer.status, 201);
    }
    // Two ceremonies at once, and room for one.
    let mut second = browser.clone();
    let asked = second.asked(&server, "session/passkeys/challenge").await;
    let (_, answer) = browser.make(&server, &Where::default()).await;
    assert_eq!(answer.status, 201);
    let (_, credential) = Authenticator::make(&asked, &Where::default());
    let body = json!({ "name": "x", "credential": credential });
    let answer = second.ask(&server, make, body).await;
    assert_eq!(answer.problem().code, Code::TooManyPasskeys);
    let begin = ("POST", "session/passkeys/challenge");
    let answer = browser.ask(&server, begin, Value::Null).await;
    assert_eq!(answer.problem().code, Code::TooManyPasskeys);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_called_something_else_and_ends_with_the_other_sessions() {
    let (server, made, mut browser, passkey, info) = with_passkey(Role::Host).await;
    let path = format!("session/passkeys/{}", info.passkey);
    let mut rename = async |name: &str| {
        let body = json!({ "name": name });
        browser.ask(&server, ("PATCH", &path), body).await
    };
    let renamed: PasskeyInfo = read(&rename("The key in the safe").await);
    assert_eq!(renamed.name, "The key in the safe");
    for name in ["", "  ", "a\nb", &"ä".repeat(65)] {
        assert_eq!(
            rename(name).await.problem().code,
            Code::BadMessage,
            "{name}"
        );
    }
    let mut other = Browser::default();
    other.show(&server, &passkey, &Where::default()).await;
    let (program, _) = session(&server, "default", &made).await;
    let mut strange = Browser::default();
    let asked = strange.asked(&server, "session/passkey/challenge").await;
    let answer = browser.ask(&server, ("DELETE", &path), Value::Null).await;
    assert_eq!(answer.status, 204);
    for (method, body) in [("DELETE", Value::Null), ("PATCH", json!({ "name": "x" }))] {
        let answer = browser.ask(&server, (method, &path), body).await;
        assert_eq!(answer.problem().code, Code::NoSuchPasskey, "{method}");
    }
    let answer = strange
        .give(&server, passkey.show(&asked, &Where::default()))
        .await;
    assert_eq!(
        answer.problem().code,
        Code::PasskeyRefused,
        "it was removed"
    );
    let answer = other.ask(&server, ("GET", "session"), Value::Null).await;
    assert_eq!(answer.problem().code, Code::Unauthorized);
    let answer = program.ask("GET", "session", Value::Null).await;
    assert_eq!(answer.problem().code, Code::Unauthorized);
    let answer = browser.ask(&server, ("GET", "session"), Value::Null).await;
    assert_eq!(answer.status, 200, "whoever removes it stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_administers_sees_and_removes_passkeys_of_their_organisation_and_no_other() {
    let (server, made, mut browser, passkey, info) = with_passkey(Role::Host).await;
    let operator = Client::operator(&server);
    operator.post("tenants", json!({ "name": "b" })).await;
    let account = made.account.account;
    let (list, one) = (
        format!("accounts/{account}/passkeys"),
        format!("accounts/{account}/passkeys/{}", info.passkey),
    );
    let bens = operator.account("default", "ben", Role::Host).await;
    let (ben, _) = session(&server, "default", &bens).await;
    for (method, path) in [("GET", &list), ("DELETE", &one)] {
        let answer = ben.ask(method, path, Value::Null).await;
        assert_eq!(answer.problem().code, Code::Forbidden, "{method}");
    }
    // Of another organisation it is not there, whatever they may in their own.
    let (chris, by_passkey) = administrator(&server, "b", "chris").await;
    for (method, path) in [("GET", &list), ("DELETE", &one)] {
        let answer = chris
            .clone()
            .ask(&server, (method, path), Value::Null)
            .await;
        assert_eq!(answer.problem().code, Code::NoSuchAccount, "{method}");
    }
    // Nor does one account's passkey go by another account's address.
    let (mut dora, _) = administrator(&server, "default", "dora").await;
    let others = format!(
        "accounts/{}/passkeys/{}",
        bens.account.account, info.passkey
    );
    let answer = dora.ask(&server, ("DELETE", &others), Value::Null).await;
    assert_eq!(answer.problem().code, Code::NoSuchPasskey);
    let answer = browser
        .ask(
            &server,
            ("DELETE", &format!("session/passkeys/{by_passkey}")),
            Value::Null,
        )
        .await;
    assert_eq!(answer.problem().code, Code::NoSuchPasskey);
    let answer = dora.ask(&server, ("GET", &list), Value::Null).await;
    assert_eq!(
        read::<PasskeyList>(&answer).passkeys[0].passkey,
        info.passkey
    );
    let answer = dora.ask(&server, ("DELETE", &one), Value::Null).await;
    assert_eq!(answer.status, 204);
    let answer = browser.ask(&server, ("GET", "session"), Value::Null).await;
    assert_eq!(
        answer.problem().code,
        Code::Unauthorized,
        "sessions are over"
    );
    let answer = browser.show(&server, &passkey, &Where::default()).await;
    assert_eq!(answer.problem().code, Code::PasskeyRefused);
}

/// Somebody who administers, logged in with a passkey; which.
async fn administrator(server: &Server, tenant: &str, login: &str) -> (Browser, String) {
    let operator = Client::operator(server);
    let made = operator.account(tenant, login, Role::Host).await;
    let mut browser = Browser::default();
    let body = json!({ "login": login, "password": made.password, "tenant": tenant });
    let answer = browser.ask(server, ("POST", "session"), body).await;
    assert_eq!(answer.status, 201);
    let (passkey, answer) = browser.make(server, &Where::default()).await;
    let info: PasskeyInfo = read(&answer);
    let path = format!("accounts/{}", made.account.account);
    let changed = operator
        .ask("PATCH", &path, json!({ "role": "admin" }))
        .await;
    assert_eq!(changed.status, 200);
    let answer = browser.show(server, &passkey, &Where::default()).await;
    assert_eq!(answer.status, 201);
    (browser, info.passkey.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn passkeys_end_with_their_account() {
    let (server, made, _, passkey, _) = with_passkey(Role::Host).await;
    let operator = Client::operator(&server);
    let path = format!("accounts/{}", made.account.account);
    let mut browser = Browser::default();
    let disable = format!("{path}/disable");
    operator.ask("POST", &disable, Value::Null).await;
    let answer = browser.show(&server, &passkey, &Where::default()).await;
    assert_eq!(answer.problem().code, Code::PasskeyRefused);
    let enable = format!("{path}/enable");
    operator.ask("POST", &enable, Value::Null).await;
    let answer = browser.show(&server, &passkey, &Where::default()).await;
    assert_eq!(answer.status, 201);
    operator.ask("DELETE", &path, Value::Null).await;
    let answer = browser.show(&server, &passkey, &Where::default()).await;
    assert_eq!(answer.problem().code, Code::PasskeyRefused);
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    assert_eq!(count(dir.path(), "passkeys").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_made_within_ten_minutes_of_a_login_and_by_accounts_of_this_server() {
    let (server, made, mut browser, passkey, _) = with_passkey(Role::Host).await;
    let asked = browser.asked(&server, "session/passkeys/challenge").await;
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    // As if ten minutes had passed.
    let earlier = "UPDATE sessions SET ends_at = ends_at - 600000".to_owned();
    change(dir.path(), &[earlier]).await;
    let server = Server::start_in(dir).await;
    let begin = ("POST", "session/passkeys/challenge");
    let answer = browser.clone().ask(&server, begin, Value::Null).await;
    assert_eq!(answer.problem().code, Code::LoginNotRecent);
    let (_, credential) = Authenticator::make(&asked, &Where::default());
    let body = json!({ "name": "begun in time", "credential": credential });
    let answer = browser
        .ask(&server, ("POST", "session/passkeys"), body)
        .await;
    assert_eq!(answer.status, 201);

    // An account that becomes a provider's has none.
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    let id = common::database::bytes(&made.account.account.0);
    let external = format!(
        "UPDATE accounts SET issuer = 'https://login.example', subject = 'anna' WHERE id = {id}"
    );
    let recent = "UPDATE sessions SET ends_at = ends_at + 600000".to_owned();
    change(dir.path(), &[external, recent]).await;
    let server = Server::start_in(dir).await;
    let answer = browser.ask(&server, begin, Value::Null).await;
    assert_eq!(answer.problem().code, Code::ExternalAccount);
    let answer = browser.show(&server, &passkey, &Where::default()).await;
    assert_eq!(answer.problem().code, Code::PasskeyRefused);
}

#[tokio::test(flavor = "multi_thread")]
async fn passkeys_are_used_by_the_servers_own_pages_under_its_name_only() {
    let (server, _, browser, ..) = with_passkey(Role::Host).await;
    let cookies = format!("{SESSION}={}", browser.kept(SESSION).unwrap());
    for path in [
        "/api/v1/session/passkey/challenge",
        "/api/v1/session/passkey",
        "/api/v1/session/passkeys/challenge",
        "/api/v1/session/passkeys",
    ] {
        for page in [
            &[][..],
            &[("origin", "https://evil.example")],
            &[OWN, ("sec-fetch-site", "cross-site")],
        ] {
            let headers = [&[("cookie", cookies.as_str())], page].concat();
            let body = b"{\"name\":\"x\",\"credential\":{}}";
            let body = if path.ends_with("passkey") {
                &b"{\"credential\":{}}"[..]
            } else {
                body
            };
            let answer = server.http("POST", path, &headers, body).await;
            assert_eq!(answer.problem().code, Code::Forbidden, "{path} {page:?}");
        }
    }
    // By an address no browser would ask an authenticator.
    for path in ["session/passkey/challenge", "session/passkeys/challenge"] {
        let request = format!(
            "POST /api/v1/{path} HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: https://127.0.0.1\r\n\
             cookie: {cookies}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        let answer = server.raw(request.as_bytes()).await;
        assert_eq!(answer.problem().code, Code::PasskeysElsewhere, "{path}");
    }
    let ways: LoginWays = read(&server.get("/api/v1/login/default").await);
    assert_eq!(ways.passkeys.as_deref(), Some("localhost"));
    let named = Server::start_at("https://192.0.2.7").await;
    let ways: LoginWays = read(&named.get("/api/v1/login/default").await);
    assert_eq!(ways.passkeys, None, "an address is no name");
    let answer = Browser::default()
        .ask(&named, ("POST", "session/passkey/challenge"), Value::Null)
        .await;
    assert_eq!(answer.problem().code, Code::PasskeysElsewhere);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_wrong_answers_has_to_wait_and_keeps_nobody_else_out() {
    let (server, _, mut browser, passkey, _) = with_passkey(Role::Host).await;
    let (other, answer) = browser.make(&server, &Where::default()).await;
    assert_eq!(answer.status, 201);
    let evil = Where {
        verified: false,
        ..Where::default()
    };
    let mut stranger = Browser::default();
    for _ in 0..5 {
        let answer = stranger.show(&server, &passkey, &evil).await;
        assert_eq!(answer.problem().code, Code::PasskeyRefused);
    }
    let answer = stranger.show(&server, &passkey, &evil).await;
    assert_eq!(answer.problem().code, Code::TooMany);
    assert!(answer.headers.contains_key("retry-after"));
    let answer = stranger.show(&server, &other, &Where::default()).await;
    assert_eq!(answer.status, 201, "by another passkey of the account");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_of_an_authenticator_is_refused() {
    let (server, _, mut browser, passkey, _) = with_passkey(Role::Host).await;
    let asked = browser.asked(&server, "session/passkey/challenge").await;
    let credential = passkey.show(&asked, &Where::default());
    let deep = (0..100).fold(json!(1), |deep, _| json!([deep]));
    for bad in [json!(null), json!(7), json!([]), json!({}), deep] {
        let answer = browser.give(&server, bad).await;
        assert_eq!(answer.problem().code, Code::BadMessage);
    }
    for (field, value) in [
        ("signature", json!("")),
        ("signature", json!("AAAA")),
        ("authenticatorData", json!("")),
        ("authenticatorData", json!("AAAA")),
        ("clientDataJSON", json!("e30")),
        ("clientDataJSON", json!("")),
        ("userHandle", json!(null)),
        ("userHandle", json!("AAAA")),
    ] {
        let mut server_side = Browser::default();
        let asked = server_side
            .asked(&server, "session/passkey/challenge")
            .await;
        let mut wrong = passkey.show(&asked, &Where::default());
        wrong["response"][field] = value.clone();
        let answer = server_side.give(&server, wrong).await;
        let code = answer.problem().code;
        let refused = [Code::PasskeyRefused, Code::BadMessage, Code::TooMany];
        assert!(refused.contains(&code), "{field} {value}: {code:?}");
    }
    let long = json!("A".repeat(17_000));
    assert_eq!(
        browser.give(&server, long).await.problem().code,
        Code::TooLarge
    );
    let asked = browser.asked(&server, "session/passkeys/challenge").await;
    let (_, mut made) = Authenticator::make(&asked, &Where::default());
    for object in ["", "AAAA", "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVg"] {
        made["response"]["attestationObject"] = object.into();
        let body = json!({ "name": "x", "credential": made });
        let answer = browser
            .ask(&server, ("POST", "session/passkeys"), body)
            .await;
        assert_eq!(answer.problem().code, Code::PasskeyRefused, "{object}");
    }
    assert_eq!(credential["type"], "public-key");
}

#[tokio::test(flavor = "multi_thread")]
async fn making_renaming_and_removing_a_passkey_is_noted_and_logging_in_is_not() {
    let (server, made, mut browser, passkey, info) = with_passkey(Role::Host).await;
    let path = format!("session/passkeys/{}", info.passkey);
    let body = json!({ "name": "another" });
    browser.ask(&server, ("PATCH", &path), body).await;
    browser.ask(&server, ("DELETE", &path), Value::Null).await;
    let (second, answer) = browser.make(&server, &Where::default()).await;
    let info: PasskeyInfo = read(&answer);
    browser.show(&server, &second, &Where::default()).await;
    browser.show(&server, &passkey, &Where::default()).await;
    let operator = Client::operator(&server);
    let account = made.account.account;
    let path = format!("accounts/{account}/passkeys/{}", info.passkey);
    assert_eq!(operator.ask("DELETE", &path, Value::Null).await.status, 204);
    let log: AuditList = operator.get("audit?tenant=default").await;
    let acts: Vec<_> = log
        .lines
        .iter()
        .map(|line| (line.act, line.actor))
        .collect();
    let hers = Some(account);
    assert_eq!(
        acts,
        [
            (Act::AccountMade, None),
            (Act::AccountPasskeyMade, hers),
            (Act::AccountPasskeyRenamed, hers),
            (Act::AccountPasskeyRemoved, hers),
            (Act::AccountPasskeyMade, hers),
            (Act::AccountPasskeyRemoved, None),
        ]
    );
    let of = log.lines.iter().map(|line| line.object.clone().unwrap());
    assert!(of.into_iter().all(|object| object.0 == account.0));
    // Log in with the password still works: a passkey is beside it.
    let body = json!({ "login": "anna", "password": made.password, "kept": "token" });
    assert_eq!(log_in(&server, body).await.status, 201);
}
