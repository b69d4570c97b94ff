//! What the instructions for a backup name is enough to restore a server from.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::client::{Client, log_in, now, read, session};
use common::device::{draw, on_device, request};
use common::{Answer, Server, database_name};
use conclave_wire::account::{AccountMade, Enrolment, Role, SessionInfo};
use conclave_wire::code::Code;
use conclave_wire::device::CertificateIssued;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use totp_rs::{Builder, Secret, Totp};

const HOST: &str = include_str!("../../deploy/host.md");

/// The key's file, which is easily forgotten where the database is elsewhere.
const KEY: &str = "identity-key";

/// The files of the folder that the instructions name, put into another one.
fn restored(from: &Path, without: Option<&str>) -> tempfile::TempDir {
    let (_, section) = HOST.split_once("\n## Backup\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let to = tempfile::tempdir().unwrap();
    let quoted = section.split('`').skip(1).step_by(2);
    for file in quoted.filter(|name| without != Some(*name)) {
        if !file.contains('/') && from.join(file).is_file() {
            std::fs::copy(from.join(file), to.path().join(file)).unwrap();
        }
    }
    if let Ok(server) = std::env::var("CONCLAVE_TEST_POSTGRES") {
        let url = |folder| format!("{server}/{}", database_name(folder));
        let done = Command::new("createdb")
            .arg(format!("--maintenance-db={server}/postgres"))
            .arg(database_name(to.path()))
            .status();
        assert!(done.unwrap().success());
        let mut dump = Command::new("pg_dump")
            .arg(url(from))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let done = Command::new("psql")
            .args(["--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"])
            .arg(url(to.path()))
            .stdin(dump.stdout.take().unwrap())
            .status();
        assert!(done.unwrap().success() && dump.wait().unwrap().success());
    }
    to
}

/// A login with the factor's next code: the one of now is spent.
async fn log_in_with(server: &Server, made: &AccountMade, factor: &Totp) -> Answer {
    let body = json!({
        "login": made.account.login, "password": made.password, "kept": "token",
        "code": factor.generate(now() + 30).to_string(),
    });
    log_in(server, body).await
}

/// Asks for a certificate in the session's room, on a device of its own.
async fn certify(server: &Server, (client, info): (&Client<'_>, &SessionInfo)) -> Answer {
    let device = on_device(client, json!({ "name": "Laptop" })).await.device;
    let room = server.create_room().await;
    let page = server.enter(&room, false).await;
    let body = request(info, device, &draw(), (&room, &page));
    client.post("session/certificate", body).await
}

async fn root(server: &Server) -> Vec<u8> {
    let operator = Client::operator(server);
    let root = operator
        .ask("GET", "root?tenant=default", Value::Null)
        .await;
    CertificateDer::from_pem_slice(&root.body).unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_instructions_name_restores_accounts_factors_and_certificates() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let token = server.operator();
    let made = operator.account("default", "anna", Role::Member).await;
    let (anna, _) = session(&server, "default", &made).await;
    let enrolment: Enrolment = read(&anna.post("session/factor", Value::Null).await);
    let secret = Secret::try_from_base32(&enrolment.secret).unwrap();
    let factor: Totp = Builder::new().with_secret(secret).build().unwrap();
    let code = json!({ "code": factor.generate(now()).to_string() });
    read::<Value>(&anna.ask("PUT", "session/factor", code).await);
    let vouching = root(&server).await;
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;

    let server = Server::start_in(restored(dir.path(), None)).await;
    assert_eq!(server.operator(), token);
    let mut info: SessionInfo = read(&log_in_with(&server, &made, &factor).await);
    let token = serde_json::to_value(info.token.take().unwrap()).unwrap();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let anna = Client {
        server: &server,
        bearer,
    };
    let issued: CertificateIssued = read(&certify(&server, (&anna, &info)).await);
    assert_eq!(issued.root.0, vouching, "devices know this one");

    // Without the key nobody passes for somebody else, and a reset factor ends it.
    let server = Server::start_in(restored(dir.path(), Some(KEY))).await;
    let refused = log_in_with(&server, &made, &factor).await;
    assert_eq!(refused.problem().code, Code::Internal);
    let operator = Client::operator(&server);
    let path = format!("accounts/{}/factor", made.account.account);
    assert_eq!(operator.ask("DELETE", &path, Value::Null).await.status, 204);
    let (anna, info) = session(&server, "default", &made).await;
    let refused = certify(&server, (&anna, &info)).await;
    assert_eq!(refused.problem().code, Code::Internal);
}
