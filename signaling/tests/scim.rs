//! An organisation's directory makes accounts and ends them by SCIM 2.0, as Entra
//! ID and Okta write it. What ends with an account is over when it is answered.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::client::{Client, administrator, read, session};
use common::database::{bytes, change};
use common::device::{cannot_resume, certified, is_thrown_out, on_device};
use common::{Answer, Server, call_of_two, commit};
use conclave_wire::account::{AccountInfo, AccountList, Role, SessionInfo};
use conclave_wire::audit::{Act, AuditList};
use conclave_wire::client::{LogEvent, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::Command;
use conclave_wire::directory::DirectoryMade;
use conclave_wire::id::AccountId;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What is promised for a leaver, and for the calls that they are in.
const PROMISE: Duration = Duration::from_secs(60);
const OUT_OF_CALLS: Duration = Duration::from_secs(10);

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A directory that asks with its token.
struct Directory<'s> {
    server: &'s Server,
    token: String,
}

impl<'s> Directory<'s> {
    /// The directory of an organisation that has a provider.
    async fn of(server: &'s Server, tenant: &str) -> Self {
        let operator = Client::operator(server);
        let provider = json!({
            "name": "a", "issuer": "https://a.example", "clientId": "a", "clientSecret": "a",
        });
        let path = format!("tenants/{tenant}/oidc");
        read::<Value>(&operator.ask("PUT", &path, provider).await);
        let path = format!("tenants/{tenant}/scim");
        let made: DirectoryMade = read(&operator.ask("PUT", &path, Value::Null).await);
        let token = made.token;
        Self { server, token }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/scim+json"),
        ];
        let body = match body {
            Value::Null => Vec::new(),
            body => serde_json::to_vec(&body).unwrap(),
        };
        let path = format!("/scim/v2/{path}");
        self.server.http(method, &path, &headers, &body).await
    }

    async fn get(&self, path: &str) -> Value {
        scim(&self.ask("GET", path, Value::Null).await, 200)
    }

    /// Makes somebody as Entra ID does; what it is told.
    async fn make(&self, login: &str) -> Value {
        let user = json!({
            "schemas": [
                "urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            ],
            "externalId": format!("of {login}"), "userName": login, "active": true,
            "displayName": "Anna Berg",
            "emails": [{ "primary": true, "type": "work", "value": "anna@praxis.example" }],
            "meta": { "resourceType": "User" },
            "name": { "formatted": "Berg, Anna", "familyName": "Berg", "givenName": "Anna" },
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "x" },
        });
        scim(&self.ask("POST", "Users", user).await, 201)
    }

    async fn patch(&self, id: &str, operation: Value) -> Answer {
        let body = json!({ "schemas": [PATCH], "Operations": [operation] });
        self.ask("PATCH", &format!("Users/{id}"), body).await
    }
}

fn scim(answer: &Answer, status: u16) -> Value {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{text}");
    assert_eq!(answer.headers["content-type"], "application/scim+json");
    serde_json::from_slice(&answer.body).unwrap()
}

fn refused(answer: &Answer, (status, kind): (u16, Option<&str>)) {
    let error = scim(answer, status);
    let schema = "urn:ietf:params:scim:api:messages:2.0:Error";
    assert_eq!(error["schemas"], json!([schema]));
    assert_eq!(error["status"], status.to_string());
    assert_eq!(error["scimType"].as_str(), kind);
    assert!(!error["detail"].as_str().unwrap().is_empty());
}

async fn accounts(server: &Server) -> Vec<AccountInfo> {
    let operator = Client::operator(server);
    operator.get::<AccountList>("accounts").await.accounts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_makes_finds_changes_and_forgets_people() {
    let server = Server::start().await;
    let directory = Directory::of(&server, "default").await;
    let config = directory.get("ServiceProviderConfig").await;
    assert_eq!(config["patch"]["supported"], true);

    let none = directory.get("Users?filter=userName+eq+%22anna%22").await;
    assert_eq!(
        (&none["totalResults"], &none["Resources"]),
        (&json!(0), &json!([]))
    );
    let made = directory.make("Anna@praxis.example").await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["userName"], "anna@praxis.example");
    assert_eq!(made["externalId"], "of Anna@praxis.example");
    assert_eq!(
        (&made["active"], &made["displayName"]),
        (&json!(true), &json!("Anna Berg"))
    );
    let location = format!("https://localhost/scim/v2/Users/{id}");
    assert_eq!(made["meta"]["location"], location);
    let account = &accounts(&server).await[0];
    assert_eq!(account.account.to_string(), id);
    assert!(account.external && account.role == Role::Member);
    refused(
        &directory
            .ask(
                "POST",
                "Users",
                json!({ "userName": "ANNA@praxis.example" }),
            )
            .await,
        (409, Some("uniqueness")),
    );

    for filter in [
        "userName+eq+%22ANNA@praxis.example%22",
        "externalId%20eq%20%22of%20Anna@praxis.example%22",
    ] {
        let found = directory.get(&format!("Users?filter={filter}")).await;
        assert_eq!(found["totalResults"], 1, "{filter}");
        assert_eq!(found["Resources"][0]["id"], id);
    }
    for login in ["ben", "cem"] {
        directory.make(login).await;
    }
    let page = directory.get("Users?startIndex=2&count=1").await;
    assert_eq!(
        (&page["totalResults"], &page["itemsPerPage"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(page["Resources"][0]["userName"], "ben");
    refused(
        &directory
            .ask("GET", "Users?filter=title+eq+%22a%22", Value::Null)
            .await,
        (400, Some("invalidFilter")),
    );

    let path = format!("Users/{id}");
    let user = json!({ "userName": "anna.tal", "displayName": "Anna Tal", "active": true });
    let changed = scim(&directory.ask("PUT", &path, user).await, 200);
    assert_eq!(
        (&changed["userName"], &changed["displayName"]),
        (&json!("anna.tal"), &json!("Anna Tal"))
    );
    let renamed = json!({ "op": "replace", "path": "displayName", "value": "Anna Berg" });
    let renamed = scim(&directory.patch(id, renamed).await, 200);
    assert_eq!(renamed["displayName"], "Anna Berg");
    refused(
        &directory
            .patch(
                id,
                json!({ "op": "replace", "path": "userName", "value": "ben" }),
            )
            .await,
        (409, Some("uniqueness")),
    );

    let gone = directory.ask("DELETE", &path, Value::Null).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    refused(&directory.ask("GET", &path, Value::Null).await, (404, None));
    assert_eq!(accounts(&server).await.len(), 2);
    let operator = Client::operator(&server);
    let log: AuditList = operator.get("audit?limit=100").await;
    let lines = log.lines.iter();
    let by_directory = lines.filter(|line| line.detail.as_deref() == Some("scim"));
    let acts: Vec<_> = by_directory.map(|line| line.act).collect();
    assert_eq!(
        acts,
        [
            Act::AccountMade,
            Act::AccountMade,
            Act::AccountMade,
            Act::AccountChanged,
            Act::AccountChanged,
            Act::AccountDeleted
        ]
    );
}

/// Has an account be the provider's, as if its person had logged in there.
async fn of_provider(server: Server, account: AccountId) -> Server {
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    let of_provider = format!(
        "UPDATE accounts SET issuer = 'https://a.example', subject = '1' WHERE id = {}",
        bytes(account.as_bytes())
    );
    change(dir.path(), &[of_provider]).await;
    Server::start_in(dir).await
}

/// A leaver, as a directory says it, who has a session, a device and a link, and
/// is in a call.
async fn leaves(say: impl AsyncFn(&Directory<'_>, &str)) {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "anna", Role::Host).await;
    let account = made.account.account;
    let (anna, _) = session(&server, "default", &made).await;
    let bearer = anna.bearer.clone();
    let room = anna.room().await;
    let link = anna.link(&room).await.link;
    drop(anna);
    let mut server = of_provider(server, account).await;
    let (call, mut host, mut member);
    {
        let anna = Client {
            server: &server,
            bearer,
        };
        let info: SessionInfo = anna.get("session").await;
        let device = on_device(&anna, json!({ "name": "Anna's" })).await;
        call = server.create_room().await;
        (host, member) = call_of_two(&server, &call).await;
        certified((&anna, &info, &device), (&call, &member)).await;
        let directory = Directory::of(&server, "default").await;
        let found = directory.get("Users?filter=userName+eq+%22anna%22").await;
        assert_eq!(found["Resources"][0]["active"], true);

        let asked = Instant::now();
        say(&directory, &account.to_string()).await;
        is_thrown_out(&mut member).await;
        cannot_resume(&server, &call, &member).await;
        let who = member.id();
        host.until(|frame| match frame {
            ServerFrame::Entry(entry) => {
                (entry.event == LogEvent::Left { participant: who }).then_some(())
            }
            _ => None,
        })
        .await;
        assert!(asked.elapsed() < OUT_OF_CALLS, "{:?}", asked.elapsed());
        host.done(commit(call.room, 1, &[], &[who], b"removal"))
            .await;
        let refused = anna.ask("GET", "session", Value::Null).await;
        assert_eq!(refused.problem().code, Code::Unauthorized);
        let path = format!("/api/v1/rooms/{}/links/{link}", room.room);
        assert_eq!(server.get(&path).await.problem().code, Code::LinkRevoked);
        assert!(asked.elapsed() < PROMISE, "{:?}", asked.elapsed());
    }
    let cut_off = Command::Disconnect {
        participant: member.id(),
    };
    while server.command().await != cut_off {}
    let server = server.restart().await;
    cannot_resume(&server, &call, &member).await;
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    assert_eq!(common::database::count(dir.path(), "devices").await, 0);
    assert_eq!(common::database::count(dir.path(), "sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leavers_login_devices_links_and_calls_are_over_as_entra_id_says_it() {
    leaves(async |directory, id| {
        let op = json!({ "op": "Replace", "path": "active", "value": "False" });
        let user = scim(&directory.patch(id, op).await, 200);
        assert_eq!(user["active"], false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leavers_login_devices_links_and_calls_are_over_as_okta_says_it() {
    leaves(async |directory, id| {
        let op = json!({ "op": "replace", "value": { "active": false } });
        assert_eq!(scim(&directory.patch(id, op).await, 200)["active"], false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leavers_login_devices_links_and_calls_are_over_when_they_are_replaced_or_deleted() {
    leaves(async |directory, id| {
        let user = json!({ "userName": "anna", "active": false });
        let path = format!("Users/{id}");
        scim(&directory.ask("PUT", &path, user).await, 200);
    })
    .await;
    leaves(async |directory, id| {
        let path = format!("Users/{id}");
        assert_eq!(
            directory.ask("DELETE", &path, Value::Null).await.status,
            204
        );
    })
    .await;
}

/// Whoever leaves loses what they had, also who was the last to administer; the
/// operator can always make another.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_is_a_leaver_too_and_the_operator_makes_another() {
    for says in ["PATCH", "DELETE"] {
        let server = Server::start().await;
        let operator = Client::operator(&server);
        let made = operator.account("default", "anna", Role::Admin).await;
        let anna = administrator(&server, "default", &made).await;
        let account = made.account.account;
        let path = format!("accounts/{account}");
        let by_themselves = anna.ask("DELETE", &path, Value::Null).await;
        assert_eq!(by_themselves.problem().code, Code::LastAdministrator);
        let bearer = anna.bearer.clone();
        drop(anna);
        let server = of_provider(server, account).await;
        let anna = Client {
            server: &server,
            bearer,
        };
        anna.get::<AccountList>("accounts").await;

        let directory = Directory::of(&server, "default").await;
        let off = json!({ "op": "replace", "path": "active", "value": false });
        let body = match says {
            "PATCH" => json!({ "schemas": [PATCH], "Operations": [off] }),
            _ => Value::Null,
        };
        let answer = directory.ask(says, &format!("Users/{account}"), body).await;
        assert!(answer.status < 300, "{says}: {}", answer.status);
        let refused = anna.ask("GET", "accounts", Value::Null).await;
        assert_eq!(refused.problem().code, Code::Unauthorized, "{says}");
        let is_admin = |it: &AccountInfo| it.role == Role::Admin && !it.disabled;
        assert!(!accounts(&server).await.iter().any(is_admin), "{says}");
        // It does not go unseen.
        let operator = Client::operator(&server);
        let log: AuditList = operator.get("audit?limit=100").await;
        let last = log.lines.last().unwrap();
        let act = match says {
            "PATCH" => Act::AccountDisabled,
            _ => Act::AccountDeleted,
        };
        assert_eq!((last.act, last.detail.as_deref()), (act, Some("scim")));

        let made = operator.account("default", "ben", Role::Admin).await;
        let ben = administrator(&server, "default", &made).await;
        ben.get::<AccountList>("accounts").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_directory_finds_out_is_what_holds() {
    let server = Server::start().await;
    let directory = Directory::of(&server, "default").await;
    let address = |path: &str| format!("https://localhost/scim/v2/{path}");
    let config = directory.get("ServiceProviderConfig").await;
    assert_eq!(config["meta"]["location"], address("ServiceProviderConfig"));
    let is = |part: &str| config[part]["supported"].as_bool().unwrap();
    assert_eq!((is("patch"), is("filter")), (true, true));
    assert!(!is("bulk") && !is("sort") && !is("etag") && !is("changePassword"));

    // One type of resources, of one schema, in the list as alone.
    let types = directory.get("ResourceTypes").await;
    let user_type = directory.get("ResourceTypes/User").await;
    assert_eq!(types["Resources"], json!([user_type]));
    assert_eq!(
        (&types["totalResults"], &types["startIndex"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (
            &user_type["endpoint"],
            &user_type["schema"],
            &user_type["schemaExtensions"]
        ),
        (&json!("/Users"), &json!(USER), &json!([]))
    );
    let schemas = directory.get("Schemas").await;
    let schema = directory.get(&format!("Schemas/{USER}")).await;
    assert_eq!(schemas["Resources"], json!([schema]));
    assert_eq!(schema["id"], USER);
    for (resource, path) in [
        (&user_type, "ResourceTypes/User".to_owned()),
        (&schema, format!("Schemas/{USER}")),
    ] {
        assert_eq!(resource["meta"]["location"], address(&path));
    }

    // What the schema says of a user is what becomes of one.
    let full = json!({
        "userName": "anna", "displayName": "Anna Berg", "active": false,
        "name": { "formatted": "Anna Berg", "givenName": "Anna", "familyName": "Berg" },
    });
    let made = scim(&directory.ask("POST", "Users", full.clone()).await, 201);
    let mut seen = 0;
    let mut agrees = |attribute: &Value, (said, kept): (&Value, &Value)| {
        let name = attribute["name"].as_str().unwrap();
        let (said, kept) = (&said[name], &kept[name]);
        let kind = match said {
            Value::Bool(_) => "boolean",
            Value::Object(_) => "complex",
            _ => "string",
        };
        assert_eq!(attribute["type"], kind, "{name}");
        match attribute["returned"].as_str().unwrap() {
            "never" => assert_eq!(
                (&attribute["mutability"], kept),
                (&json!("writeOnly"), &Value::Null),
                "{name}"
            ),
            _ if kind == "complex" => assert!(kept.is_object(), "{name}"),
            _ => assert_eq!(kept, said, "{name}"),
        }
        seen += 1;
    };
    let attributes = schema["attributes"].as_array().unwrap();
    for attribute in attributes {
        agrees(attribute, (&full, &made));
        let parts = attribute["subAttributes"].as_array().into_iter().flatten();
        for part in parts {
            agrees(part, (&full["name"], &made["name"]));
        }
        // What is required cannot be left out, and nothing else need be there.
        let name = attribute["name"].as_str().unwrap();
        let mut without = full.clone();
        without["userName"] = format!("without.{name}").to_lowercase().into();
        without.as_object_mut().unwrap().remove(name);
        let status = if attribute["required"] == true {
            400
        } else {
            201
        };
        scim(&directory.ask("POST", "Users", without).await, status);
    }
    assert_eq!(seen, 7);
    // Beside the attributes that every resource has (RFC 7643 section 3.1).
    let known = |name: &str| {
        attributes
            .iter()
            .any(|attribute| attribute["name"] == *name)
    };
    let others: Vec<_> = made
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| !known(name))
        .collect();
    assert_eq!(others, ["id", "meta", "schemas"]);

    for (path, status) in [
        ("ResourceTypes?filter=name+eq+%22User%22", 403),
        ("Schemas?filter=id+sw+%22a%22", 403),
        ("ResourceTypes/Group", 404),
        ("Schemas/urn:ietf:params:scim:schemas:core:2.0:Group", 404),
    ] {
        refused(
            &directory.ask("GET", path, Value::Null).await,
            (status, None),
        );
    }
    let nobody = Directory {
        server: &server,
        token: String::new(),
    };
    for path in [
        "ServiceProviderConfig",
        "ResourceTypes",
        "ResourceTypes/User",
        "Schemas",
        "Schemas/a",
    ] {
        refused(&nobody.ask("GET", path, Value::Null).await, (401, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_may_log_in_again_and_nothing_is_noted_twice() {
    let server = Server::start().await;
    let directory = Directory::of(&server, "default").await;
    let made = directory.make("anna").await;
    let id = made["id"].as_str().unwrap();
    for (active, expected) in [
        ("False", true),
        ("False", true),
        ("True", false),
        ("True", false),
    ] {
        let op = json!({ "op": "Replace", "value": { "active": active } });
        scim(&directory.patch(id, op).await, 200);
        assert_eq!(accounts(&server).await[0].disabled, expected);
    }
    let operator = Client::operator(&server);
    let log: AuditList = operator.get("audit?limit=100").await;
    let count = |act| log.lines.iter().filter(|line| line.act == act).count();
    assert_eq!(
        (count(Act::AccountDisabled), count(Act::AccountEnabled)),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_of_one_organisation_and_sees_its_providers_accounts_alone() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    read::<Value>(&operator.post("tenants", json!({ "name": "b" })).await);
    let none = operator.ask("PUT", "tenants/b/scim", Value::Null).await;
    assert_eq!(none.problem().code, Code::NotFound, "it has no provider");
    let own = Directory::of(&server, "default").await;
    let others = Directory::of(&server, "b").await;
    let made = own.make("anna").await;
    let path = format!("Users/{}", made["id"].as_str().unwrap());
    let local = operator.account("default", "local", Role::Admin).await;
    let locals = format!("Users/{}", local.account.account);
    let off = json!({ "schemas": [PATCH], "Operations": [{ "op": "replace", "path": "active", "value": false }] });
    for (directory, path) in [(&others, &path), (&own, &locals)] {
        for (method, body) in [
            ("GET", Value::Null),
            ("PUT", json!({ "userName": "x" })),
            ("PATCH", off.clone()),
            ("DELETE", Value::Null),
        ] {
            refused(&directory.ask(method, path, body).await, (404, None));
        }
    }
    assert_eq!(others.get("Users").await["totalResults"], 0);
    assert_eq!(own.get("Users").await["totalResults"], 1);
    let taken = json!({ "userName": "local" });
    refused(
        &own.ask("POST", "Users", taken).await,
        (409, Some("uniqueness")),
    );
    others.make("anna").await;

    // No other token opens it, nor this one anything else.
    let operators = server.operator();
    let operators = operators.strip_prefix("Bearer ").unwrap().to_owned();
    for token in [String::new(), "a".to_owned(), operators] {
        let nobody = Directory {
            server: &server,
            token,
        };
        let answer = nobody.ask("GET", "Users", Value::Null).await;
        refused(&answer, (401, None));
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    let program = Client {
        server: &server,
        bearer: format!("Bearer {}", own.token),
    };
    let refused_there = program.ask("GET", "accounts", Value::Null).await;
    assert_eq!(refused_there.problem().code, Code::Unauthorized);
    assert_eq!(server.kept_in(own.token.as_bytes()), Vec::<String>::new());

    // Nor one that was taken back.
    let renewed: DirectoryMade = read(
        &operator
            .ask("PUT", "tenants/default/scim", Value::Null)
            .await,
    );
    refused(&own.ask("GET", "Users", Value::Null).await, (401, None));
    let own = Directory {
        server: &server,
        token: renewed.token,
    };
    own.get("Users").await;
    let removed = operator
        .ask("DELETE", "tenants/default/scim", Value::Null)
        .await;
    assert_eq!(removed.status, 204);
    refused(&own.ask("GET", "Users", Value::Null).await, (401, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_scim_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let directory = Directory::of(&server, "default").await;
    let made = directory.make("anna").await;
    let id = made["id"].as_str().unwrap();
    for (op, kind) in [
        (
            json!({ "op": "replace", "path": "active", "value": "perhaps" }),
            "invalidValue",
        ),
        (json!({ "op": "remove", "path": "active" }), "invalidValue"),
        (
            json!({ "op": "move", "path": "active", "value": false }),
            "invalidSyntax",
        ),
    ] {
        refused(&directory.patch(id, op).await, (400, Some(kind)));
    }
    for body in [json!([]), json!("a"), Value::Null] {
        refused(
            &directory.ask("POST", "Users", body).await,
            (400, Some("invalidSyntax")),
        );
    }
    let nameless = json!({ "displayName": "Anna" });
    refused(
        &directory.ask("POST", "Users", nameless).await,
        (400, Some("invalidValue")),
    );
    let big = json!({ "userName": "ben", "title": "a".repeat(70_000) });
    refused(&directory.ask("POST", "Users", big).await, (413, None));
    refused(
        &directory.ask("GET", "Users/nobody", Value::Null).await,
        (404, None),
    );
    assert!(!accounts(&server).await[0].disabled);
}
