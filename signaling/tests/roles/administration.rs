//! What is done with an organisation's rooms and accounts: every operation of
//! the OpenAPI document that is not for everybody, asked for by everybody.

use crate::common::Server;
use crate::common::authenticator::{Authenticator, Where};
use crate::common::client::{Client, administrator, read, session, slot};
use crate::common::device::on_device;
use crate::common::receiver::Receiver;
use conclave_signaling::domain::role::{TABLE, check};
use conclave_signaling::openapi;
use conclave_wire::account::{Action, Role};
use conclave_wire::audit::AuditList;
use conclave_wire::code::Code;
use conclave_wire::http::{LinkInfo, RoomCreated};
use conclave_wire::id::Blob;
use conclave_wire::passkey::{PasskeyChallenge, PasskeyInfo};
use conclave_wire::webhook::WebhookMade;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Whom an operation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// Whose role may do this, and the operator.
    May(Action),
    /// Whose it is, and those.
    Owner(Action),
    /// The operator alone.
    Operator,
}

/// Every operation that is not for everybody, by its name in the document and
/// what it is asked besides, in an order in which none takes away what a later
/// one needs. Whoever adds one adds it here.
const OPERATIONS: [(&str, &str, By); 56] = {
    use Action::{
        DeleteRoom, MakeRoom, ManageAccounts, ManageLinks, ManagePolicies, ManageWebhooks,
        ReadAudit, SeeRooms, SetConsentTexts, UnlockRoom,
    };
    use By::{May, Operator, Owner};
    [
        ("listRooms", "", May(SeeRooms)),
        ("createRoom", "", May(MakeRoom)),
        ("getRoomPeople", "", May(MakeRoom)),
        ("setRoomPeople", "", May(MakeRoom)),
        ("unlockRoom", "", May(UnlockRoom)),
        ("listLinks", "", May(ManageLinks)),
        ("createLink", "", May(ManageLinks)),
        ("handOutLink", "", May(ManageLinks)),
        ("giveConsent", "", May(ManageLinks)),
        ("sendPassword", "", May(ManageLinks)),
        ("revokeLink", "", May(ManageLinks)),
        ("deleteRoom", "", May(DeleteRoom)),
        ("listPolicies", "", May(ManagePolicies)),
        ("listPolicies", "of=server", Operator),
        ("setPolicies", "", May(ManagePolicies)),
        ("setPolicies", "of=server", Operator),
        ("exportPolicies", "", May(ManagePolicies)),
        ("importPolicies", "", May(ManagePolicies)),
        ("listAccountPolicies", "", May(ManagePolicies)),
        ("setAccountPolicies", "", May(ManagePolicies)),
        ("listAudit", "", May(ReadAudit)),
        ("listAudit", "of=server", Operator),
        ("setConsentTexts", "", May(SetConsentTexts)),
        ("setPublicText", "", May(SetConsentTexts)),
        ("removePublicText", "", May(SetConsentTexts)),
        ("listWebhooks", "", May(ManageWebhooks)),
        ("createWebhook", "", May(ManageWebhooks)),
        ("getWebhook", "", May(ManageWebhooks)),
        ("changeWebhook", "", May(ManageWebhooks)),
        ("renewWebhookSecret", "", May(ManageWebhooks)),
        ("deleteWebhook", "", May(ManageWebhooks)),
        ("getTenant", "", May(ManageAccounts)),
        ("getProvider", "", May(ManageAccounts)),
        ("listAccounts", "", May(ManageAccounts)),
        ("createAccount", "", May(ManageAccounts)),
        ("changeAccount", "", May(ManageAccounts)),
        ("listPasskeys", "", May(ManageAccounts)),
        ("removePasskey", "", May(ManageAccounts)),
        ("listDevices", "", Owner(ManageAccounts)),
        ("revokeDevice", "", Owner(ManageAccounts)),
        ("revokeDevices", "", Owner(ManageAccounts)),
        ("revokeAllDevices", "", May(ManageAccounts)),
        ("forgetFactor", "", May(ManageAccounts)),
        ("resetPassword", "", May(ManageAccounts)),
        ("disableAccount", "", May(ManageAccounts)),
        ("enableAccount", "", May(ManageAccounts)),
        ("deleteAccount", "", May(ManageAccounts)),
        ("listTenants", "", Operator),
        ("createTenant", "", Operator),
        ("changeTenant", "", Operator),
        ("setProvider", "", Operator),
        ("setDirectory", "", Operator),
        ("getDirectory", "", Operator),
        ("removeDirectory", "", Operator),
        ("removeProvider", "", Operator),
        ("deleteTenant", "", Operator),
    ]
};

/// What the document says of an operation.
struct Documented {
    method: String,
    path: String,
    /// Whether it is asked of which organisation.
    of_tenant: bool,
    /// The action that it is for; nothing: the operator alone, or whose it is.
    action: Option<Action>,
    /// Whether sessions are for it, too.
    sessions: bool,
}

/// The operations of the document that the operator may ask for and not
/// everybody who is logged in.
fn documented() -> BTreeMap<String, Documented> {
    let document = openapi();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method, path, operation))
    });
    let restricted = operations.filter_map(|(method, path, operation)| {
        let security = operation["security"].as_array().unwrap();
        let of = |scheme| security.iter().find_map(|it| it.get(scheme));
        of("operator")?;
        let parameters = operation["parameters"].as_array();
        let is_query = |it: &Value| it["in"] == "query" && it["name"] == "tenant";
        let documented = Documented {
            method: method.to_uppercase(),
            path: path.strip_prefix("/api/v1/").unwrap().to_owned(),
            of_tenant: parameters.is_some_and(|all| all.iter().any(is_query)),
            action: of("session").and_then(|actions| {
                let action = actions.get(0)?.clone();
                Some(serde_json::from_value(action).unwrap())
            }),
            sessions: of("session").is_some(),
        };
        let name = operation["operationId"].as_str().unwrap().to_owned();
        Some((name, documented))
    });
    let mut all: BTreeMap<_, _> = restricted.collect();
    // Everybody's own organisation has one.
    all.remove("getRoot").unwrap();
    all
}

#[test]
fn every_operation_that_is_not_for_everybody_and_every_action_is_tried() {
    let documented = documented();
    let known: BTreeSet<_> = documented.keys().map(String::as_str).collect();
    let tried: BTreeSet<_> = OPERATIONS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(known, tried, "each has its line in OPERATIONS");
    for (name, query, by) in OPERATIONS {
        let Documented {
            action, sessions, ..
        } = documented[name];
        // Of the server as a whole it is the operator's, which no scheme says.
        if query == "of=server" {
            continue;
        }
        let said = match (action, sessions) {
            (Some(action), _) => (By::May(action), action),
            (None, true) => (By::Owner(Action::ManageAccounts), Action::ManageAccounts),
            (None, false) => (By::Operator, Action::ManageAccounts),
        };
        assert_eq!(by, said.0, "{name}");
    }
    for (action, _) in TABLE {
        let tried = OPERATIONS.iter().any(|(.., by)| *by == By::May(action));
        assert!(tried, "{action:?}");
    }
}

/// What is there to be done something to.
#[derive(Clone)]
struct Scene {
    tenant: &'static str,
    room: String,
    marked: String,
    link: String,
    login: String,
    account: String,
    device: String,
    passkey: String,
    webhook: String,
}

impl Scene {
    /// In the organisation that is always there.
    async fn new(operator: &Client<'_>, login: &str) -> Self {
        let room = json!({ "scheduled": true, "password": Blob(vec![7; 32]) });
        let room = read::<RoomCreated>(&operator.post("rooms", room).await).room;
        let marked = json!({ "marking": "VS-NfD" });
        let marked: RoomCreated = read(&operator.post("rooms", marked).await);
        let mut draft = slot();
        draft["consent"] = "required".into();
        let draft = operator.post(&format!("rooms/{room}/links"), draft).await;
        let made = operator.account("default", login, Role::Member).await;
        let (person, _) = session(operator.server, "default", &made).await;
        let device = on_device(&person, json!({ "name": "Laptop" })).await;
        let webhook = json!({ "url": "https://his.example/" });
        let webhook: WebhookMade = read(&operator.post("webhooks", webhook).await);
        Self {
            tenant: "default",
            room: room.to_string(),
            marked: marked.room.to_string(),
            link: read::<LinkInfo>(&draft).link.to_string(),
            login: login.to_owned(),
            account: made.account.account.to_string(),
            device: device.device.to_string(),
            passkey: passkey(&person).await,
            webhook: webhook.webhook.webhook.to_string(),
        }
    }

    /// Nowhere.
    fn none() -> Self {
        let none = "A".repeat(22);
        Self {
            tenant: "none",
            room: none.clone(),
            marked: none.clone(),
            link: none.clone(),
            login: "nobody".to_owned(),
            account: none.clone(),
            device: none.clone(),
            passkey: none.clone(),
            webhook: none,
        }
    }

    /// Where it is asked for, of these things.
    fn fill(&self, (path, by): (&str, By)) -> String {
        // Links are of rooms that no marked one is.
        let room = match path.ends_with("/people") {
            true => &self.marked,
            false => &self.room,
        };
        let tenant = match by {
            By::Operator => "spare",
            By::May(_) | By::Owner(_) => self.tenant,
        };
        path.replace("{room}", room)
            .replace("{link}", &self.link)
            .replace("{account}", &self.account)
            .replace("{device}", &self.device)
            .replace("{passkey}", &self.passkey)
            .replace("{webhook}", &self.webhook)
            .replace("{text}", "imprint")
            .replace("{tenant}", tenant)
    }

    /// A body with which it is done.
    fn body(&self, name: &str) -> Value {
        let text = json!({ "notice": "a notice", "consent": "a text" });
        match name {
            "createRoom" => json!({ "title": "A room" }),
            "setRoomPeople" => json!({ "listed": [self.login] }),
            "createLink" => slot(),
            "giveConsent" => json!({ "version": 1, "language": "de", "way": "mail" }),
            "sendPassword" => {
                json!({ "to": "+4915123456789", "password": "k7dm-4xqz-w2pa", "language": "de" })
            }
            "setPolicies" | "setAccountPolicies" => {
                json!({ "policies": { "session-hours": "11" } })
            }
            "importPolicies" => json!("account,policy,value\r\n,session-hours,10\r\n"),
            "setConsentTexts" => json!({ "de": text, "en": text }),
            "setPublicText" => json!({ "de": "ein Text", "en": "a text" }),
            "createWebhook" => json!({ "url": "https://hers.example/" }),
            "changeWebhook" => json!({ "events": ["room.made"] }),
            "createAccount" => {
                let login = format!("{}.2", self.login);
                json!({ "login": login, "name": "Cem", "role": "host" })
            }
            "changeAccount" => json!({ "name": "Ben Berg" }),
            "createTenant" => json!({ "name": "spare" }),
            "changeTenant" => json!({ "maxRooms": 1 }),
            "setProvider" => provider(),
            _ => Value::Null,
        }
    }
}

fn provider() -> Value {
    json!({ "name": "a", "issuer": "https://a.example", "clientId": "a", "clientSecret": "a" })
}

/// Somebody makes a passkey.
async fn passkey(person: &Client<'_>) -> String {
    let (server, bearer) = (person.server, ("authorization", person.bearer.as_str()));
    let path = "/api/v1/session/passkeys";
    let asked = server
        .http("POST", &format!("{path}/challenge"), &[bearer], &[])
        .await;
    let challenge: PasskeyChallenge = read(&asked);
    let (_, credential) = Authenticator::make(&challenge.public_key, &Where::default());
    let body = json!({ "name": "Telephone", "credential": credential });
    let body = serde_json::to_vec(&body).unwrap();
    let cookie = ("cookie", asked.cookies[0].split(';').next().unwrap());
    let made = server.http("POST", path, &[bearer, cookie], &body).await;
    read::<PasskeyInfo>(&made).passkey.to_string()
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Operator,
    /// A role in the organisation.
    Role(Role),
    /// Who says nothing of themselves: a guest.
    Guest,
    /// Who has a token that was never given.
    Forger,
    /// An administrator of the organisation without a second factor.
    Half,
    /// An administrator of another organisation.
    Stranger,
}

/// With what a request is refused; nothing: it is done.
fn refusal(who: Who, (name, by): (&str, By), documented: &Documented) -> Option<Code> {
    let Documented {
        path, of_tenant, ..
    } = documented;
    match (who, by) {
        (Who::Operator, _) => None,
        (Who::Guest | Who::Forger, _) => Some(Code::Unauthorized),
        (Who::Half, _) => Some(Code::FactorNeeded),
        (Who::Role(_) | Who::Stranger, By::Operator) => Some(Code::Forbidden),
        (Who::Role(role), By::May(action) | By::Owner(action)) => match check(role, action) {
            Ok(()) => None,
            // Nor does it show which devices others have.
            Err(_) if name == "revokeDevice" => Some(Code::NoSuchDevice),
            Err(code) => Some(code),
        },
        // What is there is not there for them: never 403.
        (Who::Stranger, _) => [
            (path.contains("{room}"), Code::NoSuchRoom),
            (path.contains("{account}"), Code::NoSuchAccount),
            (path.contains("{device}"), Code::NoSuchDevice),
            (path.contains("{webhook}"), Code::NoSuchWebhook),
            (path.contains("{tenant}") || *of_tenant, Code::NoSuchTenant),
        ]
        .into_iter()
        .find_map(|(is_named, code)| is_named.then_some(code)),
    }
}

/// The newest line of each log that what is done to the organisation, and to
/// organisations, would be in.
async fn noted(operator: &Client<'_>) -> [(u64, Vec<u8>); 2] {
    let log = async |of: &str| {
        let list: AuditList = operator.get(&format!("audit?{of}&limit=1")).await;
        (list.last, list.head.0)
    };
    [log("tenant=default").await, log("of=server").await]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_is_done_for_whom_the_table_says_and_refused_to_all_others() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let tenant = json!({ "name": "other" });
    assert_eq!(operator.post("tenants", tenant).await.status, 201);
    let texts = Scene::none().body("setConsentTexts");
    assert_eq!(operator.post("consent-texts", texts).await.status, 201);
    let set = operator.ask("PUT", "tenants/default/oidc", provider());
    assert_eq!(set.await.status, 200);
    // Passwords are sent by the organisation's own endpoint.
    let receiver = Receiver::start().await;
    let sms = json!({ "url": receiver.url, "events": ["password.send"] });
    assert_eq!(operator.post("webhooks", sms).await.status, 201);

    let by_token = |bearer: &str| Client {
        server: &server,
        bearer: bearer.to_owned(),
    };
    let mut askers = vec![
        (Who::Operator, Client::operator(&server)),
        (Who::Guest, by_token("")),
        (Who::Forger, by_token(&format!("Bearer {}", "A".repeat(43)))),
    ];
    for role in Role::ALL {
        if role == Role::Guest {
            // Guests have no account: who asks as one is nobody.
            let body = json!({ "login": "guest", "name": "Eve", "role": role });
            let refused = operator.post("accounts", body).await;
            assert_eq!(refused.problem().code, Code::BadMessage);
            assert!(
                TABLE
                    .iter()
                    .all(|(action, _)| check(role, *action).is_err())
            );
            continue;
        }
        let made = operator.account("default", role.as_str(), role).await;
        let asker = match role {
            Role::Admin => administrator(&server, "default", &made).await,
            _ => session(&server, "default", &made).await.0,
        };
        askers.push((Who::Role(role), asker));
    }
    let half = operator.account("default", "half", Role::Admin).await;
    let (half, _) = session(&server, "default", &half).await;
    let stranger = operator.account("other", "stranger", Role::Admin).await;
    let stranger = administrator(&server, "other", &stranger).await;
    askers.extend([(Who::Half, half), (Who::Stranger, stranger)]);

    let documented = documented();
    let ask = async |(who, client): &(Who, Client<'_>), scene: &Scene, row: (&str, &str, By)| {
        let (name, query, by) = row;
        let Documented {
            method,
            path,
            of_tenant,
            ..
        } = &documented[name];
        let mut target = scene.fill((path, by));
        let tenant = format!("tenant={}", scene.tenant);
        let query = match *who == Who::Stranger && *of_tenant && query.is_empty() {
            true => &tenant,
            false => query,
        };
        if !query.is_empty() {
            target = format!("{target}?{query}");
        }
        client.ask(method, &target, scene.body(name)).await
    };

    let mut cells = 0;
    let (scene, nowhere) = (Scene::new(&operator, "victim").await, Scene::none());
    let before = noted(&operator).await;
    for asker in &askers {
        for row @ (name, query, by) in OPERATIONS {
            let at = format!("{:?} {name} {query}", asker.0);
            let expected = refusal(asker.0, (name, by), &documented[name]);
            if expected.is_none() && asker.0 != Who::Stranger {
                continue;
            }
            let answer = ask(asker, &scene, row).await;
            match expected {
                Some(code) => assert_eq!(answer.problem().code, code, "{at}"),
                // In their own organisation.
                None => assert!(answer.status < 300, "{at}: {}", answer.status),
            }
            if asker.0 == Who::Stranger && expected.is_some_and(|code| code.status() == 404) {
                let other = ask(asker, &nowhere, row).await;
                assert_eq!(
                    (answer.status, answer.body),
                    (other.status, other.body),
                    "{at}"
                );
            }
            cells += 1;
        }
    }
    assert_eq!(noted(&operator).await, before, "a refusal changes nothing");

    for asker in &askers {
        let allowed = |(name, _, by): &(&str, &str, By)| {
            let expected = refusal(asker.0, (name, *by), &documented[*name]);
            expected.is_none() && asker.0 != Who::Stranger
        };
        let rows: Vec<_> = OPERATIONS.into_iter().filter(allowed).collect();
        if rows.is_empty() {
            continue;
        }
        let login = format!("{:?}", asker.0).to_lowercase();
        let login = login.replace(['(', ')'], ".").trim_matches('.').to_owned();
        let scene = Scene::new(&operator, &format!("of.{login}")).await;
        for row in rows {
            let answer = ask(asker, &scene, row).await;
            let text = String::from_utf8_lossy(&answer.body);
            let at = format!("{:?} {} {}", asker.0, row.0, row.1);
            assert!(answer.status < 300, "{at}: {} {text}", answer.status);
            cells += 1;
        }
    }
    assert_eq!(cells, askers.len() * OPERATIONS.len());
}
