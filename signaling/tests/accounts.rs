//! Who has logged in, and that nobody sees anything of another organisation.
//! What they may do: `roles/`.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::Server;
use common::client::{Client, log_in, now, read, session};
use conclave_wire::account::{
    AccountInfo, AccountMade, BackupCodes, Enrolment, Role, SessionInfo, TenantInfo,
};
use conclave_wire::code::Code;
use conclave_wire::http::RoomList;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

fn authenticator(enrolment: &Enrolment) -> Totp {
    let secret = Secret::try_from_base32(&enrolment.secret).unwrap();
    Builder::new().with_secret(secret).build().unwrap()
}

/// Sets a second factor up.
async fn enrol(client: &Client<'_>) -> (Totp, BackupCodes) {
    let enrolment: Enrolment = read(&client.post("session/factor", Value::Null).await);
    assert!(
        enrolment.uri.contains(&enrolment.secret),
        "{}",
        enrolment.uri
    );
    let totp = authenticator(&enrolment);
    let code = json!({ "code": totp.generate(now()).to_string() });
    let codes = read(&client.ask("PUT", "session/factor", code).await);
    (totp, codes)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_does_nothing_without_a_second_factor() {
    let server = Server::start().await;
    let made = Client::operator(&server)
        .account("default", "Anna", Role::Admin)
        .await;
    let (other, _) = session(&server, "default", &made).await;
    let (anna, info) = session(&server, "default", &made).await;
    assert!(info.factor_needed && !info.factor);
    for (method, path) in [
        ("GET", "rooms"),
        ("POST", "rooms"),
        ("GET", "accounts"),
        ("GET", "tenants"),
        ("DELETE", "rooms/AAAAAAAAAAAAAAAAAAAAAA"),
    ] {
        let problem = anna.ask(method, path, Value::Null).await.problem();
        assert_eq!(
            (problem.status, problem.code),
            (401, Code::FactorNeeded),
            "{method} {path}"
        );
    }
    let unproposed = anna
        .ask("PUT", "session/factor", json!({ "code": "000000" }))
        .await;
    assert_eq!(unproposed.problem().code, Code::NotFound);

    let enrolment: Enrolment = read(&anna.post("session/factor", Value::Null).await);
    let totp = authenticator(&enrolment);
    let current = now();
    let right = totp.generate(current).to_string();
    let wrong = if right == "000000" {
        "000001"
    } else {
        "000000"
    };
    let confirm = async |code: &str| {
        anna.ask("PUT", "session/factor", json!({ "code": code }))
            .await
    };
    assert_eq!(confirm(wrong).await.problem().code, Code::FactorWrong);
    assert_eq!(anna.ask("GET", "rooms", Value::Null).await.status, 401);
    let codes: BackupCodes = read(&confirm(&right).await);
    assert_eq!(codes.codes.len(), 10);
    assert_eq!(confirm(&right).await.problem().code, Code::FactorSet);
    assert_eq!(
        anna.post("session/factor", Value::Null)
            .await
            .problem()
            .code,
        Code::FactorSet
    );

    let info: SessionInfo = anna.get("session").await;
    assert!(info.factor && !info.factor_needed);
    anna.get::<RoomList>("rooms").await;
    let ended = other.ask("GET", "session", Value::Null).await.problem();
    assert_eq!(
        ended.code,
        Code::Unauthorized,
        "sessions from before it are over"
    );

    let attempt = async |code: Option<&str>| {
        let body = json!({
            "login": "anna", "password": made.password, "code": code, "kept": "token",
        });
        log_in(&server, body).await
    };
    assert_eq!(attempt(None).await.problem().code, Code::FactorNeeded);
    assert_eq!(
        attempt(Some(&right)).await.problem().code,
        Code::FactorWrong,
        "spent"
    );
    let next = totp.generate(current + 30).to_string();
    assert_eq!(attempt(Some(&next)).await.status, 201);
    assert_eq!(
        attempt(Some(&next)).await.problem().code,
        Code::FactorWrong,
        "spent"
    );
    let backup = codes.codes[0].to_uppercase().replace('-', " ");
    assert_eq!(attempt(Some(&backup)).await.status, 201);
    assert_eq!(
        attempt(Some(&backup)).await.problem().code,
        Code::FactorWrong,
        "spent"
    );

    for secret in [
        enrolment.secret.as_bytes(),
        made.password.as_bytes(),
        codes.codes[1].as_bytes(),
    ] {
        assert_eq!(server.kept_in(secret), [""; 0], "none is kept in clear");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_logins_with_one_code_at_once_one_succeeds() {
    let server = Server::start().await;
    let made = Client::operator(&server)
        .account("default", "anna", Role::Host)
        .await;
    let (anna, _) = session(&server, "default", &made).await;
    let (_, codes) = enrol(&anna).await;
    let attempt = || {
        let body = json!({
            "login": "anna", "password": made.password, "code": codes.codes[0], "kept": "token",
        });
        log_in(&server, body)
    };
    let (one, other) = tokio::join!(attempt(), attempt());
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_another_organisation_is_not_there() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    for name in ["a", "b"] {
        assert_eq!(
            operator
                .post("tenants", json!({ "name": name }))
                .await
                .status,
            201
        );
    }
    let host = operator.account("a", "anna", Role::Host).await;
    let (host, _) = session(&server, "a", &host).await;
    let (room, account) = (
        host.room().await,
        operator.account("a", "arne", Role::Member).await,
    );
    let link = host.link(&room).await.link;
    let (room, account) = (room.room, account.account.account);

    for role in [Role::Admin, Role::Host, Role::Member] {
        // The same name as in the other organisation is another account.
        let made = operator.account(
            "b",
            if role == Role::Host {
                "anna"
            } else {
                role.as_str()
            },
            role,
        );
        let made = made.await;
        let (client, info) = session(&server, "b", &made).await;
        assert_eq!(info.tenant, "b");
        if role == Role::Admin {
            enrol(&client).await;
        }
        for (method, path, code) in [
            ("GET", format!("rooms/{room}/links"), Code::NoSuchRoom),
            ("POST", format!("rooms/{room}/links"), Code::NoSuchRoom),
            (
                "DELETE",
                format!("rooms/{room}/links/{link}"),
                Code::NoSuchRoom,
            ),
            ("POST", format!("rooms/{room}/unlock"), Code::NoSuchRoom),
            ("DELETE", format!("rooms/{room}"), Code::NoSuchRoom),
            (
                "POST",
                format!("accounts/{account}/disable"),
                Code::NoSuchAccount,
            ),
            (
                "POST",
                format!("accounts/{account}/enable"),
                Code::NoSuchAccount,
            ),
            (
                "POST",
                format!("accounts/{account}/password"),
                Code::NoSuchAccount,
            ),
            (
                "DELETE",
                format!("accounts/{account}/factor"),
                Code::NoSuchAccount,
            ),
            ("GET", "rooms?tenant=a".to_owned(), Code::NoSuchTenant),
        ] {
            let problem = client.ask(method, &path, Value::Null).await.problem();
            assert_eq!(
                (problem.status, problem.code),
                (404, code),
                "{role:?} {method} {path}"
            );
        }
        let rooms: RoomList = client.get(&format!("rooms?after={room}")).await;
        assert_eq!(rooms.rooms, [], "{role:?}");
    }
    let rooms: RoomList = host.get("rooms").await;
    assert_eq!(rooms.rooms.len(), 1);
    let default: RoomList = operator.get("rooms").await;
    assert_eq!(
        default.rooms,
        [],
        "the operator's own list is the first organisation's"
    );
    let named: RoomList = operator.get("rooms?tenant=a").await;
    assert_eq!(named.rooms[0].title.as_deref(), Some("Room"));
    assert_eq!(
        operator
            .ask("DELETE", &format!("rooms/{room}"), Value::Null)
            .await
            .status,
        204
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_has_no_more_than_its_quotas_and_goes_when_it_is_empty() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let request = json!({ "name": "a", "maxRooms": 1, "maxAccounts": 1 });
    assert_eq!(operator.post("tenants", request.clone()).await.status, 201);
    assert_eq!(
        operator.post("tenants", request).await.problem().code,
        Code::NameTaken
    );
    let many = json!({ "name": "many", "maxRooms": 1_000_000 });
    assert_eq!(
        operator.post("tenants", many).await.problem().code,
        Code::BadMessage
    );

    let made = operator.account("a", "anna", Role::Host).await;
    let body = json!({ "login": "ANNA", "name": "A", "role": "host" });
    let taken = operator.post("accounts?tenant=a", body).await;
    assert_eq!(taken.problem().code, Code::NameTaken);
    let body = json!({ "login": "ben", "name": "B", "role": "host" });
    let full = operator.post("accounts?tenant=a", body.clone()).await;
    assert_eq!(full.problem().code, Code::QuotaReached);
    assert_eq!(
        operator.post("accounts", body).await.status,
        201,
        "others have theirs"
    );

    let (anna, _) = session(&server, "a", &made).await;
    let room = anna.room().await;
    let full = anna.post("rooms", Value::Null).await.problem();
    assert_eq!((full.status, full.code), (409, Code::QuotaReached));
    assert_eq!(
        operator.post("rooms", Value::Null).await.status,
        201,
        "others have theirs"
    );

    let delete = async |name: &str| {
        operator
            .ask("DELETE", &format!("tenants/{name}"), Value::Null)
            .await
    };
    assert_eq!(delete("a").await.problem().code, Code::TenantInUse);
    assert_eq!(delete("default").await.problem().code, Code::TenantInUse);
    assert_eq!(delete("c").await.problem().code, Code::NoSuchTenant);
    assert_eq!(
        anna.ask("DELETE", &format!("rooms/{}", room.room), Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(delete("a").await.status, 204);
    let gone = anna.ask("GET", "session", Value::Null).await;
    assert_eq!(
        gone.problem().code,
        Code::Unauthorized,
        "with its accounts and sessions"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_with_logout_a_new_password_and_a_disabled_account() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut made = operator.account("default", "anna", Role::Host).await;
    let id = made.account.account;
    let over = async |client: &Client<'_>| {
        let answer = client.ask("GET", "session", Value::Null).await;
        answer.status == 401 && answer.problem().code == Code::Unauthorized
    };

    let (one, _) = session(&server, "default", &made).await;
    let (other, _) = session(&server, "default", &made).await;
    assert_eq!(one.ask("DELETE", "session", Value::Null).await.status, 204);
    assert!(over(&one).await && !over(&other).await);

    let change = async |client: &Client<'_>, current: &str, password: &str| {
        let body = json!({ "current": current, "password": password });
        client.ask("PUT", "session/password", body).await
    };
    let (one, _) = session(&server, "default", &made).await;
    let refused = change(&one, &made.password, "elf Zeichen").await;
    assert_eq!(refused.problem().code, Code::PasswordUnfit);
    let refused = change(&one, "another one!", "twelve chars or more").await;
    assert_eq!(refused.problem().code, Code::Unauthorized);
    assert!(!over(&one).await);
    assert_eq!(
        change(&one, &made.password, "twelve chars or more")
            .await
            .status,
        204
    );
    assert!(over(&one).await && over(&other).await);
    made.password = "twelve chars or more".to_owned();

    let (one, _) = session(&server, "default", &made).await;
    assert_eq!(
        operator
            .post(&format!("accounts/{id}/disable"), Value::Null)
            .await
            .status,
        204
    );
    assert!(over(&one).await);
    let credentials = json!({ "login": "anna", "password": made.password, "kept": "token" });
    let disabled = log_in(&server, credentials.clone()).await;
    let unknown = json!({ "login": "nobody", "password": made.password, "kept": "token" });
    let unknown = log_in(&server, unknown).await;
    assert_eq!(
        (disabled.status, disabled.body),
        (unknown.status, unknown.body),
        "told alike"
    );
    assert_eq!(
        operator
            .post(&format!("accounts/{id}/enable"), Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(log_in(&server, credentials).await.status, 201);

    let (one, _) = session(&server, "default", &made).await;
    let reset = operator
        .post(&format!("accounts/{id}/password"), Value::Null)
        .await;
    let reset: AccountMade = read(&reset);
    assert!(over(&one).await);
    let (one, _) = session(&server, "default", &reset).await;
    enrol(&one).await;
    let factor = format!("accounts/{id}/factor");
    assert_eq!(
        operator.ask("DELETE", &factor, Value::Null).await.status,
        204
    );
    assert!(over(&one).await);
    session(&server, "default", &reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_has_to_wait_whether_or_not_there_is_such_an_account() {
    let server = Server::start().await;
    let made = Client::operator(&server)
        .account("default", "anna", Role::Host)
        .await;
    for login in ["anna", "nobody"] {
        let wrong = json!({ "login": login, "password": "wrong", "kept": "token" });
        for _ in 0..5 {
            let answer = log_in(&server, wrong.clone()).await;
            assert_eq!(answer.problem().code, Code::Unauthorized, "{login}");
        }
        let body = json!({ "login": login, "password": made.password, "kept": "token" });
        let answer = log_in(&server, body).await;
        assert_eq!(
            answer.problem().code,
            Code::TooMany,
            "{login}: not even the right one"
        );
        let wait: u64 = answer.headers["retry-after"].parse().unwrap();
        assert!((1..=2).contains(&wait), "{wait} s");
    }
    let wrong = json!({ "login": "anna", "password": "x", "kept": "token", "tenant": "b" });
    let answer = log_in(&server, wrong).await;
    assert_eq!(
        answer.problem().code,
        Code::Unauthorized,
        "of another organisation"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browsers_session_is_a_cookie_that_other_sites_cannot_use() {
    let server = Server::start().await;
    let made = Client::operator(&server)
        .account("default", "anna", Role::Host)
        .await;
    let body = json!({ "login": "anna", "password": made.password });
    let body = serde_json::to_vec(&body).unwrap();
    let own = ("origin", "https://localhost");
    let foreign = ("origin", "https://evil.example");
    for headers in [&[][..], &[foreign]] {
        let answer = server.http("POST", "/api/v1/session", headers, &body).await;
        assert_eq!(
            answer.problem().code,
            Code::Forbidden,
            "nobody is logged in from elsewhere"
        );
    }
    let answer = server.http("POST", "/api/v1/session", &[own], &body).await;
    assert_eq!(answer.status, 201);
    assert!(
        !String::from_utf8_lossy(&answer.body).contains("token"),
        "no script sees it"
    );
    let set = &answer.headers["set-cookie"];
    let (cookie, attributes) = set.split_once("; ").unwrap();
    assert!(cookie.starts_with("__Host-conclave-session="), "{set}");
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Strict");

    let cookie = ("cookie", cookie);
    let answer = server.http("GET", "/api/v1/session", &[cookie], &[]).await;
    assert_eq!(answer.status, 200);
    let make = async |headers: &[(&str, &str)]| {
        server
            .http("POST", "/api/v1/rooms", headers, &[])
            .await
            .status
    };
    assert_eq!(make(&[cookie]).await, 403);
    assert_eq!(make(&[cookie, foreign]).await, 403);
    assert_eq!(
        make(&[cookie, own, ("sec-fetch-site", "cross-site")]).await,
        403
    );
    assert_eq!(make(&[cookie, own]).await, 201);
    assert_eq!(
        make(&[cookie, ("sec-fetch-site", "same-origin")]).await,
        201
    );
    let answer = server
        .http("DELETE", "/api/v1/session", &[cookie, own], &[])
        .await;
    assert!(answer.headers["set-cookie"].contains("Max-Age=0"));
    assert_eq!(make(&[cookie, own]).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_sessions_and_factors_outlive_a_restart() {
    let server = Server::start().await;
    let made = Client::operator(&server)
        .account("default", "anna", Role::Admin)
        .await;
    let (bearer, totp) = {
        let (anna, _) = session(&server, "default", &made).await;
        let (totp, _) = enrol(&anna).await;
        (anna.bearer, totp)
    };
    let server = server.restart().await;
    let anna = Client {
        server: &server,
        bearer,
    };
    let info: SessionInfo = anna.get("session").await;
    assert_eq!((info.login.as_str(), info.factor_needed), ("anna", false));
    // The step after this one: the present one is spent.
    let code = totp.generate(now() + 30).to_string();
    let body = json!({ "login": "anna", "password": made.password, "code": code, "kept": "token" });
    assert_eq!(log_in(&server, body).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_and_leave_nothing_out() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut made = Vec::new();
    for _ in 0..52 {
        made.push(operator.room().await.room);
    }
    let first: RoomList = operator.get("rooms").await;
    assert_eq!((first.rooms.len(), first.more), (50, true));
    let last = first.rooms[49].room;
    let second: RoomList = operator.get(&format!("rooms?after={last}")).await;
    assert_eq!((second.rooms.len(), second.more), (2, false));
    let mut listed: Vec<_> = first
        .rooms
        .iter()
        .chain(&second.rooms)
        .map(|room| room.room)
        .collect();
    listed.sort_unstable();
    made.sort_unstable();
    assert_eq!(listed, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_change_accounts_and_the_last_one_stays() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "anna", Role::Admin).await;
    let ben = operator.account("default", "ben", Role::Host).await.account;
    let (anna, _) = session(&server, "default", &made).await;
    enrol(&anna).await;
    let own = format!("accounts/{}", made.account.account);
    let bens = format!("accounts/{}", ben.account);

    let named = anna.ask("PATCH", &bens, json!({ "name": "Ben Ost" })).await;
    let named: AccountInfo = read(&named);
    assert_eq!((named.name.as_str(), named.role), ("Ben Ost", Role::Host));
    for bad in [
        json!({ "role": "guest" }),
        json!({ "name": "" }),
        json!({ "login": "x" }),
        Value::Null,
    ] {
        let refused = anna.ask("PATCH", &bens, bad).await.problem();
        assert_eq!(refused.code, Code::BadMessage);
    }
    let demoted = json!({ "role": "host" });
    for (method, path, body) in [
        ("PATCH", own.clone(), demoted.clone()),
        ("POST", format!("{own}/disable"), Value::Null),
        ("DELETE", own.clone(), Value::Null),
    ] {
        let refused = anna.ask(method, &path, body).await.problem();
        assert_eq!(
            (refused.status, refused.code),
            (409, Code::LastAdministrator),
            "{method}"
        );
    }
    let unchanged = anna
        .ask("PATCH", &own, json!({ "name": "Anna B.", "role": "admin" }))
        .await;
    assert_eq!(read::<AccountInfo>(&unchanged).name, "Anna B.");

    let promoted = anna.ask("PATCH", &bens, json!({ "role": "admin" })).await;
    assert_eq!(read::<AccountInfo>(&promoted).role, Role::Admin);
    let left = anna.ask("PATCH", &own, demoted.clone()).await;
    assert_eq!(read::<AccountInfo>(&left).role, Role::Host);
    let over = anna.ask("PATCH", &bens, demoted.clone()).await.problem();
    assert_eq!(over.code, Code::Forbidden, "the role counts at once");
    let by_operator = operator.ask("PATCH", &bens, demoted).await;
    assert_eq!(read::<AccountInfo>(&by_operator).role, Role::Host);

    operator.post("tenants", json!({ "name": "other" })).await;
    let made = operator.account("other", "eve", Role::Admin).await;
    let (eve, _) = session(&server, "other", &made).await;
    enrol(&eve).await;
    let foreign = eve
        .ask("PATCH", &bens, json!({ "role": "member" }))
        .await
        .problem();
    assert_eq!((foreign.status, foreign.code), (404, Code::NoSuchAccount));
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_change_but_not_below_what_there_is() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    operator.post("tenants", json!({ "name": "praxis" })).await;
    operator.account("praxis", "anna", Role::Host).await;
    operator.account("praxis", "ben", Role::Host).await;
    let change = async |body: Value| operator.ask("PATCH", "tenants/praxis", body).await;
    let refused = change(json!({ "maxAccounts": 1 })).await.problem();
    assert_eq!((refused.status, refused.code), (409, Code::QuotaReached));
    for bad in [
        json!({ "maxParticipants": 0 }),
        json!({ "maxRooms": 4_000_000 }),
        json!({ "name": "x" }),
    ] {
        assert_eq!(change(bad).await.problem().code, Code::BadMessage);
    }
    let changed: TenantInfo =
        read(&change(json!({ "maxAccounts": 2, "maxParticipants": 9 })).await);
    assert_eq!(
        (
            changed.max_accounts,
            changed.max_participants,
            changed.accounts
        ),
        (2, 9, 2)
    );
    assert_eq!(changed.max_rooms, 10_000, "the rest stays");
    let full = operator
        .post(
            "accounts?tenant=praxis",
            json!({ "login": "c", "name": "C", "role": "host" }),
        )
        .await;
    assert_eq!(full.problem().code, Code::QuotaReached);
    let missing = operator
        .ask("PATCH", "tenants/none", json!({}))
        .await
        .problem();
    assert_eq!(missing.code, Code::NoSuchTenant);
    let anna = operator.account("default", "carl", Role::Admin).await;
    let (anna, _) = session(&server, "default", &anna).await;
    enrol(&anna).await;
    let forbidden = anna
        .ask("PATCH", "tenants/praxis", json!({}))
        .await
        .problem();
    assert_eq!(forbidden.code, Code::Forbidden);
}
