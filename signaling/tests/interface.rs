//! The OpenAPI document and the doors are the same: whatever is in one is in
//! the other.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::Server;
use conclave_signaling::openapi;
use conclave_wire::code::Code;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Operations of the document: method, path, and what it says.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, it)| (method.to_uppercase(), path.clone(), it))
    });
    operations.collect()
}

/// The codes that an operation says it may refuse with.
fn refusals(operation: &Value) -> BTreeSet<&str> {
    let responses = operation["responses"].as_object().unwrap().values();
    let schemas =
        responses.map(|response| &response["content"]["application/problem+json"]["schema"]);
    let codes = schemas.filter_map(|schema| schema.pointer("/allOf/1/properties/code/enum"));
    let codes = codes.flat_map(|codes| codes.as_array().unwrap());
    codes.map(|code| code.as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_gives_its_document() {
    let server = Server::start().await;
    let answer = server.get("/api/v1/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let given: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(given, openapi());
    assert_eq!(given["openapi"], "3.1.0");
}

/// Each with a room, a link, an account and an organisation that are not
/// there, without a body and without a token: a door that is missing would be
/// answered as a file that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_document_has_a_door_that_refuses_as_it_says() {
    let server = Server::start().await;
    let document = openapi();
    let operations = operations(&document);
    assert!(operations.len() > 30, "only {}", operations.len());
    let operator = server.operator();
    for (method, path, operation) in operations {
        let nothing = "A".repeat(22);
        let mut target = path.clone();
        for name in ["{room}", "{link}", "{account}"] {
            target = target.replace(name, &nothing);
        }
        let target = target
            .replace("{tenant}", "none")
            .replace("{version}", "current");
        for headers in [&[][..], &[("authorization", operator.as_str())]] {
            let answer = server.http(&method, &target, headers, &[]).await;
            let at = format!("{method} {path}: {}", answer.status);
            if answer.status < 400 {
                let said = &operation["responses"][answer.status.to_string()];
                assert!(said.is_object(), "{at} is not said");
                continue;
            }
            let code = answer.problem().code;
            assert_ne!(code, Code::MethodNotAllowed, "{at}");
            assert!(
                refusals(operation).contains(code.as_str()),
                "{at} {} is not said",
                code.as_str()
            );
        }
    }
}

#[test]
fn every_operation_says_who_may_ask_what_it_answers_and_what_it_is_called() {
    let document = openapi();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let at = format!("{method} {path}");
        let security = operation["security"].as_array();
        for requirement in security.unwrap_or_else(|| panic!("{at} has no security")) {
            for scheme in requirement.as_object().unwrap().keys() {
                let known = &document["components"]["securitySchemes"][scheme];
                assert!(known.is_object(), "{at}: {scheme}");
            }
        }
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} is called so twice");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{at}");
        let tag = &operation["tags"][0];
        let tags = document["tags"].as_array().unwrap();
        assert!(tags.iter().any(|it| it["name"] == *tag), "{at}: {tag}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|status| status < &"400".to_owned()),
            "{at}"
        );
        for code in refusals(operation) {
            let known = serde_json::from_value::<Code>(json!(code)).unwrap();
            assert!(
                responses.contains_key(&known.status().to_string()),
                "{at}: {code}"
            );
        }
        assert!(refusals(operation).contains("internal"), "{at}");
        for segment in path.split('/').filter(|it| it.starts_with('{')) {
            let name = segment.trim_matches(['{', '}']);
            let parameters = operation["parameters"].as_array().unwrap();
            let found = parameters
                .iter()
                .any(|it| it["name"] == name && it["in"] == "path");
            assert!(found, "{at} does not say what {name} is");
        }
        let is_left = operation.as_object().unwrap().contains_key("x-terms");
        assert!(!is_left, "{at}: its terms are not read");
    }
}

/// A handler that is routed past the document would be found by nobody.
#[test]
fn nothing_below_api_is_routed_beside_the_document() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![sources];
    let mut routed = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            routed += source.matches("routes!(").count();
            let squeezed: String = source.split_whitespace().collect();
            for past in ["route(\"/api", "route_service(", "nest(", "nest_service("] {
                assert!(!squeezed.contains(past), "{}: {past}", path.display());
            }
        }
    }
    assert!(routed > 15, "only {routed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_speak_the_language_that_is_asked_for() {
    let server = Server::start().await;
    for (asked, spoken, title) in [
        ("de-AT,de;q=0.9,en;q=0.5", "de", "diesen Raum gibt es nicht"),
        ("fr, en", "en", "there is no such room"),
        ("fr", "en", "there is no such room"),
    ] {
        let headers = [("accept-language", asked)];
        let answer = server
            .http("GET", "/api/v1/rooms/short", &headers, &[])
            .await;
        assert_eq!(answer.headers["content-language"], spoken, "{asked}");
        assert_eq!(answer.headers["vary"], "accept-language");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.problem().title, title);
    }
    let answer = server.get("/api/v1/rooms/short").await;
    assert_eq!(answer.headers["content-language"], "en", "without asking");
}

/// What makes three entries of a list, what the list is, and the name of the
/// entries in it.
#[tokio::test(flavor = "multi_thread")]
async fn every_list_comes_by_pages_that_name_the_next_one() {
    let server = Server::start().await;
    let operator = server.operator();
    let authorization = [("authorization", operator.as_str())];
    let room = server
        .http(
            "POST",
            "/api/v1/rooms",
            &authorization,
            b"{\"scheduled\":true}",
        )
        .await;
    let location = room.headers["location"].clone();
    let until = now() + 3_600_000;
    let link = json!({ "from": now(), "until": until, "uses": "once" });
    let account =
        |number: usize| json!({ "login": format!("a{number}"), "name": "A", "role": "host" });
    let tenant = |number: usize| json!({ "name": format!("t{number}") });
    let lists = [
        (
            "/api/v1/rooms".to_owned(),
            "rooms",
            [json!({}), json!({}), json!({})],
            4,
        ),
        (
            format!("{location}/links"),
            "links",
            [link.clone(), link.clone(), link],
            3,
        ),
        (
            "/api/v1/accounts".to_owned(),
            "accounts",
            [1, 2, 3].map(account),
            3,
        ),
        (
            "/api/v1/tenants".to_owned(),
            "tenants",
            [1, 2, 3].map(tenant),
            4,
        ),
    ];
    let described = openapi();
    let mut documented = 0;
    for (method, _, operation) in operations(&described) {
        let name = operation["operationId"].as_str().unwrap();
        // These are short by what they are of: an account's devices and passkeys,
        // all policies.
        let short = [
            "listDevices",
            "listPasskeys",
            "listOwnPasskeys",
            "listPolicies",
            "listAccountPolicies",
        ];
        if method == "GET" && name.starts_with("list") && !short.contains(&name) {
            documented += 1;
            let parameters = operation["parameters"].as_array().unwrap();
            for wanted in ["after", "limit"] {
                let found = parameters.iter().any(|it| it["name"] == wanted);
                assert!(found, "{name} has no {wanted}");
            }
            let link = &operation["responses"]["200"]["headers"]["Link"];
            assert!(link.is_object(), "{name} says nothing of the next page");
        }
    }
    assert!(documented >= lists.len());
    for (path, entries, bodies, expected) in lists {
        for body in bodies {
            let body = serde_json::to_vec(&body).unwrap();
            let made = server.http("POST", &path, &authorization, &body).await;
            assert_eq!(made.status, 201, "{path}");
        }
        for bad in ["limit=0", "limit=101", "limit=x"] {
            let answer = server
                .http("GET", &format!("{path}?{bad}"), &authorization, &[])
                .await;
            assert_eq!(answer.problem().code, Code::BadMessage, "{path}?{bad}");
        }
        let list = async |target: &str| {
            let answer = server.http("GET", target, &authorization, &[]).await;
            assert_eq!(answer.status, 200, "{target}");
            let list: Value = serde_json::from_slice(&answer.body).unwrap();
            (list, answer.headers.get("link").cloned())
        };
        let (whole, next) = list(&path).await;
        let whole = whole[entries].as_array().unwrap().clone();
        assert_eq!((whole.len(), next), (expected, None), "{path}");
        let mut read = Vec::new();
        let mut target = format!("{path}?limit=2");
        loop {
            let (page, next) = list(&target).await;
            let page_entries = page[entries].as_array().unwrap();
            assert!((1..=2).contains(&page_entries.len()), "{target}");
            read.extend(page_entries.iter().cloned());
            assert_eq!(page["more"], next.is_some(), "{target}");
            let Some(next) = next else { break };
            let next = next
                .strip_prefix('<')
                .and_then(|it| it.strip_suffix(">; rel=\"next\""));
            next.unwrap().clone_into(&mut target);
        }
        assert_eq!(read, whole, "{path}: each once, in the same order");
    }
}

/// Milliseconds since the Unix epoch.
fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.unwrap().as_millis()).unwrap()
}
