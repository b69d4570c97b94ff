//! `conclave verify-web`: a release's browser client told from a changed one.

use conclave_kit::door::{Door, Reply};
use conclave_kit::{Forger, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

async fn verify(door: &Door, further: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["verify-web", &door.url(), "--ca"]);
    command.arg(door.authority()).args(further);
    let output = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
    output.await.expect("it ends")
}

/// The exit code, and what is not as in the release: path, header, state.
async fn faults(door: &Door, further: &[&str]) -> (Option<i32>, Vec<[Value; 3]>) {
    let output = verify(door, &[&["--json"], further].concat()).await;
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&text).expect("a report in JSON");
    let findings = report["findings"].as_array().expect("findings");
    let faults: Vec<_> = findings
        .iter()
        .filter(|finding| finding["state"] != "ok")
        .map(|finding| ["path", "header", "state"].map(|field| finding[field].clone()))
        .collect();
    assert_eq!(report["equal"], faults.is_empty(), "{text}");
    (output.status.code(), faults)
}

/// The path of the one file with this in its name.
fn path_of(part: &str) -> String {
    let output = Command::new(PROGRAM).arg("web-hashes").output();
    let list = String::from_utf8(output.expect("it runs").stdout).expect("text");
    let mut lines = list.lines().filter(|line| line.contains(part));
    let line = lines.next().expect("such a file");
    assert_eq!(lines.next(), None);
    format!("/{}", line.split_once("  ").expect("two spaces").1)
}

fn is_page(reply: &Reply) -> bool {
    reply.body.starts_with(b"<!doctype html>")
}

#[tokio::test]
async fn a_server_of_this_release_is_found_equal() {
    let server = Server::start(PROGRAM).await;
    assert_eq!(faults(&server.door(), &[]).await, (Some(0), vec![]));

    let output = verify(&server.door(), &[]).await;
    let text = String::from_utf8(output.stdout).expect("text");
    let pages = ["/", "/index.html", "/login", "/rooms", "/admin"];
    for path in pages.into_iter().chain([path_of(".wasm").as_str()]) {
        assert!(text.contains(&format!("ok       {path}\n")), "{text}");
    }
    // One that stands between and changes nothing is not seen, either.
    let forger = Forger::before(&server, |_, _| {}).await;
    assert_eq!(faults(forger.door(), &[]).await, (Some(0), vec![]));
}

#[tokio::test]
async fn one_changed_byte_is_found_and_its_file_named() {
    let server = Server::start(PROGRAM).await;
    let wasm = path_of(".wasm");
    let victim = wasm.clone();
    let forger = Forger::before(&server, move |path, reply| {
        if path == victim {
            let middle = reply.body.len() / 2;
            reply.body[middle] ^= 1;
        }
    })
    .await;
    let found = vec![[json!(wasm), Value::Null, json!("differs")]];
    assert_eq!(faults(forger.door(), &[]).await, (Some(1), found));

    let output = verify(forger.door(), &[]).await;
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains(&format!("differs  {wasm}\n")), "{text}");
}

#[tokio::test]
async fn no_file_is_left_out() {
    let server = Server::start(PROGRAM).await;
    let forger = Forger::before(&server, |_, reply| reply.body.push(0)).await;
    let (code, found) = faults(forger.door(), &[]).await;
    assert_eq!(code, Some(1));
    let output = Command::new(PROGRAM).arg("web-hashes").output();
    let list = String::from_utf8(output.expect("it runs").stdout).expect("text");
    let files = list.lines().filter_map(|line| line.split_once("  "));
    let files: Vec<_> = files.map(|(_, path)| format!("/{path}")).collect();
    assert!(files.len() > 3, "{files:?}");
    for path in files.iter().map(String::as_str).chain(["/"]) {
        let other = [json!(path), Value::Null, json!("differs")];
        assert!(found.contains(&other), "{path}: {found:?}");
    }
}

#[tokio::test]
async fn what_changes_the_page_without_a_byte_of_it_is_found() {
    let server = Server::start(PROGRAM).await;
    let forger = Forger::before(&server, |path, reply| {
        if path == "/" {
            let more = "link: </more.css>; rel=stylesheet\r\nrefresh: 9; url=//elsewhere";
            reply.head = reply.head.replace("charset=utf-8", "charset=utf-7");
            reply.head = reply.head.trim_end().to_owned() + "\r\n" + more + "\r\n\r\n";
        }
    })
    .await;
    let found = [
        ("link", "extra"),
        ("refresh", "extra"),
        ("content-type", "differs"),
    ];
    let found = found.map(|(header, state)| [json!("/"), json!(header), json!(state)]);
    assert_eq!(faults(forger.door(), &[]).await, (Some(1), found.to_vec()));
}

#[tokio::test]
async fn an_added_script_is_found_even_where_only_rooms_get_it() {
    let server = Server::start(PROGRAM).await;
    let forger = Forger::before(&server, |path, reply| {
        if path.starts_with("/r/") && is_page(reply) {
            let page = String::from_utf8_lossy(&reply.body);
            let page = page.replace("</head>", "<script src=/assets/more.js></script></head>");
            reply.body = page.into_bytes();
        }
    })
    .await;
    let (code, found) = faults(forger.door(), &[]).await;
    assert_eq!(code, Some(1));
    let [page, script] = &found[..] else {
        panic!("{found:?}");
    };
    assert!(page[0].as_str().is_some_and(|path| path.starts_with("/r/")));
    assert_eq!(page[2], "differs");
    let added = [json!("/assets/more.js"), Value::Null, json!("extra")];
    assert_eq!(*script, added);
}

#[tokio::test]
async fn a_script_for_those_who_log_in_alone_is_found() {
    let server = Server::start(PROGRAM).await;
    for desk in ["/login", "/rooms", "/admin"] {
        let forger = Forger::before(&server, move |path, reply| {
            if path == desk {
                let page = String::from_utf8_lossy(&reply.body);
                let page = page.replace("</head>", "<script src=/more.js></script></head>");
                reply.body = page.into_bytes();
            }
        })
        .await;
        let (code, found) = faults(forger.door(), &[]).await;
        let changed = [json!(desk), Value::Null, json!("differs")];
        let added = [json!("/more.js"), Value::Null, json!("extra")];
        assert_eq!((code, found), (Some(1), vec![changed, added]));
    }
}

#[tokio::test]
async fn a_weakened_policy_is_found_on_every_answer() {
    let server = Server::start(PROGRAM).await;
    let worker = path_of("/worker-");
    let forger = Forger::before(&server, |path, reply| {
        if path.contains("/worker-") {
            reply.head = reply.head.replace("connect-src 'self'", "connect-src *");
        }
    })
    .await;
    let (code, found) = faults(forger.door(), &[]).await;
    assert_eq!(
        (code, found),
        (
            Some(1),
            vec![[
                json!(worker),
                json!("content-security-policy"),
                json!("differs")
            ]]
        )
    );
}

#[tokio::test]
async fn a_file_that_is_not_served_is_missing() {
    let server = Server::start(PROGRAM).await;
    let style = path_of(".css");
    let victim = style.clone();
    let forger = Forger::before(&server, move |path, reply| {
        if path == victim {
            reply.head = reply.head.replace("200 OK", "404 Not Found");
        }
    })
    .await;
    let found = vec![[json!(style), Value::Null, json!("missing")]];
    assert_eq!(faults(forger.door(), &[]).await, (Some(1), found));
}

#[tokio::test]
async fn another_releases_list_is_compared_with_and_a_broken_one_refused() {
    let server = Server::start(PROGRAM).await;
    let output = Command::new(PROGRAM).arg("web-hashes").output();
    let list = String::from_utf8(output.expect("it runs").stdout).expect("text");
    let file = server.folder().join("list");
    let option = ["--hashes", file.to_str().expect("a plain path")];

    std::fs::write(&file, &list).expect("written");
    assert_eq!(faults(&server.door(), &option).await, (Some(0), vec![]));

    let other = list.lines().filter(|line| !line.ends_with(".svg"));
    let other = other.map(|line| format!("{line}\n")).collect::<String>();
    std::fs::write(&file, other + &"0".repeat(64) + "  old.js\n").expect("written");
    let (code, found) = faults(&server.door(), &option).await;
    let icon = [json!(path_of(".svg")), Value::Null, json!("extra")];
    assert_eq!(code, Some(1));
    assert!(found.contains(&icon), "{found:?}");
    let old = [json!("/old.js"), Value::Null, json!("missing")];
    assert!(found.contains(&old), "{found:?}");

    std::fs::write(&file, "no list").expect("written");
    let output = verify(&server.door(), &option).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}

#[test]
fn the_list_is_that_of_the_files_that_were_built() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist");
    let output = Command::new(PROGRAM).arg("web-hashes").output();
    let list = String::from_utf8(output.expect("it runs").stdout).expect("text");
    let written = std::fs::read_to_string(dist.with_extension("sha256"));
    assert_eq!(written.expect("scripts/web wrote it"), list);
}
