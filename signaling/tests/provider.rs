//! Logging in by an organisation's provider, and everything by which somebody
//! else could.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use common::client::{self, Client, administrator, log_in, now, read};
use common::provider::{CLIENT, Provider, SECRET, encode};
use common::{Answer, Server};
use conclave_wire::account::{AccountList, LoginWays, Role, SessionInfo};
use conclave_wire::audit::{Act, AuditList};
use conclave_wire::code::Code;
use conclave_wire::id::Blob;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use totp_rs::{Builder, Secret};

const LOGIN: &str = "__Host-conclave-login";
const SESSION: &str = "__Host-conclave-session";
const OWN: (&str, &str) = ("origin", "https://localhost");

/// A service whose first organisation has a provider.
async fn start() -> (Server, Provider) {
    let (server, provider) = (Server::start().await, Provider::start().await);
    set(&server, &provider, "default").await;
    (server, provider)
}

async fn set(server: &Server, provider: &Provider, tenant: &str) {
    let request = json!({
        "name": "Praxis Berg", "issuer": provider.issuer, "clientId": CLIENT,
        "clientSecret": SECRET, "roles": { "it": "admin", "doctors": "host" },
    });
    let operator = Client::operator(server);
    let path = format!("tenants/{tenant}/oidc");
    let answer = operator.ask("PUT", &path, request).await;
    assert_eq!(
        answer.status,
        200,
        "{:?}",
        String::from_utf8_lossy(&answer.body)
    );
}

/// A cookie that an answer sets, nothing if it takes it.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let set = answer
        .cookies
        .iter()
        .find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='));
    let (value, attributes) = set?.split_once(';')?;
    assert!(
        attributes.contains("Path=/; Secure; HttpOnly; SameSite="),
        "{attributes}"
    );
    (!value.is_empty()).then(|| value.to_owned())
}

/// A browser that has been sent to its provider.
struct Away {
    cookie: String,
    asked: HashMap<String, String>,
}

async fn begin(server: &Server, tenant: &str) -> Away {
    let answer = server.get(&format!("/oidc/login/{tenant}")).await;
    assert_eq!(answer.status, 303);
    let to = url::Url::parse(&answer.headers["location"]).unwrap();
    Away {
        cookie: cookie(&answer, LOGIN).expect("a cookie"),
        asked: to.query_pairs().into_owned().collect(),
    }
}

impl Away {
    fn claims(&self, provider: &Provider, more: &Value) -> Value {
        let mut claims = json!({
            "iss": provider.issuer, "sub": "anna-1", "aud": CLIENT, "exp": now() + 60,
            "iat": now(), "nonce": self.asked["nonce"], "name": "Dr. Anna Berg",
            "preferred_username": "Anna.Berg", "groups": ["doctors"],
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    async fn back(&self, server: &Server, query: &str) -> Answer {
        let path = format!("/oidc/callback?state={}&{query}", self.asked["state"]);
        let cookie = format!("{LOGIN}={}", self.cookie);
        server.http("GET", &path, &[("cookie", &cookie)], &[]).await
    }
}

/// Logs in as the provider says, with some claims changed.
async fn enter(server: &Server, provider: &Provider, more: Value) -> Answer {
    let away = begin(server, "default").await;
    provider.gives(provider.sign(&away.claims(provider, &more)));
    away.back(server, "code=c").await
}

/// The session that a browser has come to.
async fn session(server: &Server, answer: &Answer) -> SessionInfo {
    assert_eq!(answer.headers["location"], "/rooms");
    let kept = cookie(answer, SESSION).expect("a session");
    let kept = format!("{SESSION}={kept}");
    let info = server
        .http("GET", "/api/v1/session", &[("cookie", &kept)], &[])
        .await;
    assert_eq!(info.status, 200);
    serde_json::from_slice(&info.body).unwrap()
}

/// With which problem a browser has come back to the login page.
fn problem(answer: &Answer) -> String {
    assert_eq!(answer.status, 303);
    assert_eq!(cookie(answer, SESSION), None);
    let page = url::Url::parse("https://localhost").unwrap();
    let page = page.join(&answer.headers["location"]).unwrap();
    assert_eq!(page.path(), "/login");
    let mut pairs = page.query_pairs();
    let problem = pairs.find(|(name, _)| name == "problem");
    problem.expect("a problem").1.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_roles_are_the_providers_and_are_renewed_with_each_login() {
    let (server, provider) = start().await;
    let shown: LoginWays = read(&server.get("/api/v1/login/default").await);
    assert_eq!(shown.provider.as_deref(), Some("Praxis Berg"));
    let away = begin(&server, "default").await;
    assert_eq!(away.asked["code_challenge_method"], "S256");
    assert_eq!(
        away.asked["redirect_uri"],
        "https://localhost/oidc/callback"
    );
    assert_eq!(away.asked["scope"], "openid profile");
    provider.gives(provider.sign(&away.claims(&provider, &json!({}))));
    // Whatever a browser adds of itself is not looked at.
    let entered = away
        .back(&server, "code=c&name=Eve&groups=it&role=admin")
        .await;
    let info = session(&server, &entered).await;
    assert_eq!(
        (info.name.as_str(), info.role),
        ("Dr. Anna Berg", Role::Host)
    );
    assert_eq!(info.login, "anna.berg");
    assert!(info.external && !info.factor_needed);
    let challenge = BASE64URL.encode(Sha256::digest(provider.exchanged("code_verifier")));
    assert_eq!(challenge, away.asked["code_challenge"]);

    let groups =
        json!({ "groups": ["guests"], "name": "Dr. Anna Tal", "preferred_username": "tal" });
    let fallen = session(&server, &enter(&server, &provider, groups).await).await;
    assert_eq!(
        (fallen.name.as_str(), fallen.role),
        ("Dr. Anna Tal", Role::Member)
    );
    assert_eq!(
        (fallen.account, fallen.login.as_str()),
        (info.account, "tal")
    );
    let accounts: AccountList = Client::operator(&server).get("accounts").await;
    assert_eq!(accounts.accounts.len(), 1, "one person, one account");
    // The log says that there is another role now, and nothing where all is as it was.
    let again = json!({ "groups": ["guests"], "name": "Dr. Anna Tal" });
    session(&server, &enter(&server, &provider, again).await).await;
    let log: AuditList = Client::operator(&server).get("audit").await;
    let noted = log
        .lines
        .iter()
        .filter(|line| line.object == Some(Blob(info.account.0.to_vec())));
    let noted: Vec<_> = noted.map(|line| (line.act, line.actor)).collect();
    let own = Some(info.account);
    assert_eq!(noted, [(Act::AccountMade, own), (Act::AccountChanged, own)]);
    assert_eq!(
        provider.asked("/.well-known/openid-configuration"),
        1,
        "known for a while"
    );
    assert_eq!(
        server.kept_in(SECRET.as_bytes()),
        [""; 0],
        "its secret is sealed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_did_not_sign_for_this_login_opens_nothing() {
    let (server, provider) = start().await;
    for wrong in [
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "aud": "another" }),
        json!({ "aud": [CLIENT, "another"] }),
        json!({ "iss": "https://another.example" }),
        json!({ "exp": now() - 1 }),
        json!({ "exp": null }),
        json!({ "sub": "" }),
        json!({ "sub": "a".repeat(256) }),
    ] {
        let answer = enter(&server, &provider, wrong.clone()).await;
        assert_eq!(problem(&answer), "login-failed", "{wrong}");
    }

    let away = begin(&server, "default").await;
    let claims = encode(&away.claims(&provider, &json!({})));
    let stranger = Provider::start().await;
    let by_secret = {
        let signed = format!("{}.{claims}", encode(&json!({ "alg": "HS256" })));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
        let tag = BASE64URL.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()));
        format!("{signed}.{tag}")
    };
    for id_token in [
        format!("{}.{claims}.", encode(&json!({ "alg": "none" }))),
        by_secret,
        stranger.sign(&away.claims(&provider, &json!({}))),
        "a.b.c".to_owned(),
    ] {
        let away = &away;
        provider.gives(id_token.clone());
        assert_eq!(
            problem(&away.back(&server, "code=c").await),
            "login-failed",
            "{id_token}"
        );
    }
    let accounts: AccountList = Client::operator(&server).get("accounts").await;
    assert!(accounts.accounts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_of_the_browser_that_began_it_and_of_one_code() {
    let (server, provider) = start().await;
    let (anna, eve) = (
        begin(&server, "default").await,
        begin(&server, "default").await,
    );
    let give = || provider.gives(provider.sign(&anna.claims(&provider, &json!({}))));

    give();
    let state = format!("/oidc/callback?state={}&code=c", anna.asked["state"]);
    let eves = format!("{LOGIN}={}", eve.cookie);
    let first = if anna.cookie.starts_with('A') {
        'B'
    } else {
        'A'
    };
    let changed = format!("{LOGIN}={first}{}", &anna.cookie[1..]);
    for cookie in ["", "a=b", &eves, &changed, &format!("{LOGIN}=")] {
        let answer = server.http("GET", &state, &[("cookie", cookie)], &[]).await;
        assert_eq!(problem(&answer), "login-expired", "{cookie}");
    }
    let other = format!("iss={}&code=c", "https%3A%2F%2Fanother.example");
    assert_eq!(problem(&anna.back(&server, &other).await), "login-failed");
    assert_eq!(
        problem(&anna.back(&server, "error=access_denied").await),
        "login-failed"
    );

    let entered = anna.back(&server, "code=c").await;
    session(&server, &entered).await;
    assert_eq!(cookie(&entered, LOGIN), None, "its browser forgets it");
    let again = anna.back(&server, "code=c").await;
    assert_eq!(problem(&again), "login-failed", "a code is taken once");
    assert_eq!(
        server.get("/oidc/login/none").await.headers["location"],
        "/login?problem=not-found&organisation=none"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_second_factor_is_the_providers_or_ours() {
    let (server, provider) = start().await;
    let admin = |methods: &[&str]| json!({ "groups": ["it"], "amr": methods });
    let strong = session(
        &server,
        &enter(&server, &provider, admin(&["pwd", "mfa"])).await,
    )
    .await;
    assert!(strong.role == Role::Admin && !strong.factor_needed);
    let entered = enter(&server, &provider, admin(&["pwd"])).await;
    assert!(session(&server, &entered).await.factor_needed);

    // One of ours is set up, and asked for from now on.
    let kept = format!("{SESSION}={}", cookie(&entered, SESSION).unwrap());
    let own = [("cookie", kept.as_str()), OWN];
    let enrolment = server
        .http("POST", "/api/v1/session/factor", &own, &[])
        .await;
    let enrolment: Value = serde_json::from_slice(&enrolment.body).unwrap();
    let secret = Secret::try_from_base32(enrolment["secret"].as_str().unwrap()).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    let body = |code: &str| serde_json::to_vec(&json!({ "code": code })).unwrap();
    let current = now();
    let first = totp.generate(current).to_string();
    let done = server
        .http("PUT", "/api/v1/session/factor", &own, &body(&first))
        .await;
    assert_eq!(done.status, 200);

    let waits = enter(&server, &provider, admin(&["pwd"])).await;
    assert_eq!(problem(&waits), "factor-needed");
    let kept = format!("{LOGIN}={}", cookie(&waits, LOGIN).unwrap());
    let give = async |headers: &[(&str, &str)], code: &str| {
        server
            .http("POST", "/api/v1/session/code", headers, &body(code))
            .await
    };
    let own = [("cookie", kept.as_str()), OWN];
    assert_eq!(
        give(&own, &first).await.problem().code,
        Code::FactorWrong,
        "spent"
    );
    let next = totp.generate(current + 30).to_string();
    assert_eq!(give(&own[..1], &next).await.problem().code, Code::Forbidden);
    assert_eq!(give(&[OWN], &next).await.problem().code, Code::LoginExpired);
    // What was sealed before the provider had confirmed anybody is not that.
    let away = format!("{LOGIN}={}", begin(&server, "default").await.cookie);
    let refused = give(&[("cookie", &away), OWN], &next).await;
    assert_eq!(refused.problem().code, Code::LoginExpired);
    let entered = give(&own, &next).await;
    assert_eq!(entered.status, 201);
    assert!(cookie(&entered, SESSION).is_some());
    let strong = enter(&server, &provider, admin(&["otp"])).await;
    assert!(!session(&server, &strong).await.factor_needed);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_account_is_taken_over_and_none_that_ended_comes_back() {
    let (server, provider) = start().await;
    let operator = Client::operator(&server);
    let local = operator.account("default", "anna.berg", Role::Host).await;
    let answer = enter(&server, &provider, json!({})).await;
    assert_eq!(
        problem(&answer),
        "name-taken",
        "a local account is not the provider's"
    );
    let named = json!({ "preferred_username": "berg" });
    let info = session(&server, &enter(&server, &provider, named.clone()).await).await;
    assert_ne!(info.account, local.account.account);

    let path = format!("accounts/{}/password", info.account);
    let password = operator.post(&path, Value::Null).await;
    assert_eq!(password.problem().code, Code::ExternalAccount);
    let path = format!("accounts/{}", info.account);
    let role = operator
        .ask("PATCH", &path, json!({ "role": "admin" }))
        .await;
    assert_eq!(role.problem().code, Code::ExternalAccount);
    let typed = json!({ "login": "berg", "password": "", "kept": "token" });
    assert_eq!(log_in(&server, typed).await.status, 401);

    let path = format!("accounts/{}/disable", info.account);
    assert_eq!(operator.post(&path, Value::Null).await.status, 204);
    let answer = enter(&server, &provider, named.clone()).await;
    assert_eq!(problem(&answer), "login-failed");

    // Another organisation's people are others, whatever their provider calls them.
    operator
        .post("tenants", json!({ "name": "b", "maxAccounts": 1 }))
        .await;
    set(&server, &provider, "b").await;
    for (subject, code) in [("anna-1", None), ("ben-1", Some("quota-reached"))] {
        let away = begin(&server, "b").await;
        let more = json!({ "sub": subject, "preferred_username": subject });
        provider.gives(provider.sign(&away.claims(&provider, &more)));
        let answer = away.back(&server, "code=c").await;
        match code {
            Some(code) => assert_eq!(problem(&answer), code),
            None => assert_eq!(session(&server, &answer).await.tenant, "b"),
        }
    }
    assert_eq!(
        operator
            .ask("DELETE", "tenants/b/oidc", Value::Null)
            .await
            .status,
        204
    );
    // Without one the answer is the same as of no organisation.
    let [none, nobody] = ["b", "nobody"].map(|name| format!("/api/v1/login/{name}"));
    let [none, nobody] = [server.get(&none).await, server.get(&nobody).await];
    assert_eq!(read::<LoginWays>(&none).provider, None);
    assert_eq!(none.body, nobody.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_id_token_leaves_out_is_asked_for_and_is_of_the_same_person() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let bare = json!({ "name": null, "preferred_username": null, "groups": null });
    provider.user_info(json!({
        "sub": "anna-1", "name": "Dr. Anna Berg", "preferred_username": "anna", "groups": ["it", "doctors"],
    }));
    set(&server, &provider, "default").await;
    let info = session(&server, &enter(&server, &provider, bare.clone()).await).await;
    assert_eq!((info.login.as_str(), info.role), ("anna", Role::Host));
    provider.user_info(json!({ "sub": "eve", "groups": ["it"] }));
    assert_eq!(
        problem(&enter(&server, &provider, bare).await),
        "login-failed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_may_sign_with_a_new_key_at_any_time() {
    let (server, provider) = start().await;
    session(&server, &enter(&server, &provider, json!({})).await).await;
    provider.renew_key();
    session(&server, &enter(&server, &provider, json!({})).await).await;
    assert_eq!(provider.asked("/keys"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operator_sets_a_provider_and_nobody_reads_its_secret() {
    let (server, provider) = start().await;
    let operator = Client::operator(&server);
    let shown = operator
        .ask("GET", "tenants/default/oidc", Value::Null)
        .await;
    let shown = String::from_utf8(shown.body).unwrap();
    assert!(
        shown.contains(&provider.issuer) && !shown.contains(SECRET),
        "{shown}"
    );
    for (change, value) in [
        ("issuer", json!("http://login.example")),
        ("issuer", json!("")),
        ("name", json!("")),
        ("clientSecret", json!("")),
        ("scopes", json!(["a b"])),
        ("roles", json!({ "all": "guest" })),
        ("ca", json!("no certificate")),
    ] {
        let mut request = json!({
            "name": "a", "issuer": "https://login.example", "clientId": "a", "clientSecret": "a",
        });
        request[change] = value;
        let refused = operator.ask("PUT", "tenants/default/oidc", request).await;
        assert_eq!(refused.problem().code, Code::BadMessage, "{change}");
    }
    // Administrators see their own organisation's, and change none.
    read::<Value>(&operator.post("tenants", json!({ "name": "other" })).await);
    for (tenant, status) in [("default", 200), ("other", 404)] {
        let made = operator.account(tenant, "admin", Role::Admin).await;
        let admin = administrator(&server, tenant, &made).await;
        let path = "tenants/default/oidc";
        let shown = admin.ask("GET", path, Value::Null).await;
        assert_eq!(shown.status, status, "{tenant}");
        let shown = String::from_utf8(shown.body).unwrap();
        assert!(!shown.contains(SECRET), "{shown}");
        let removed = admin.ask("DELETE", path, Value::Null).await.problem();
        assert_eq!(removed.code, Code::Forbidden, "{tenant}");
    }
    let host = operator.account("default", "host", Role::Host).await;
    let (host, _) = client::session(&server, "default", &host).await;
    let refused = host.ask("GET", "tenants/default/oidc", Value::Null).await;
    assert_eq!(refused.problem().code, Code::Forbidden);
    let unknown = operator.ask("GET", "tenants/none/oidc", Value::Null).await;
    assert_eq!(unknown.problem().code, Code::NoSuchTenant);
    for method in ["GET", "PUT", "DELETE"] {
        let path = "/api/v1/tenants/default/oidc";
        assert_eq!(
            server.http(method, path, &[], b"{}").await.status,
            401,
            "{method}"
        );
    }
}
