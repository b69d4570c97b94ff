//! What a server does on a PostgreSQL database, which others reach as well.
//! Each test says that it skips where `scripts/postgres` does not run it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::Server;
use std::path::Path;
use std::process::Command;

/// What somebody else does to the folder's database.
fn psql(folder: &Path, statement: &str) {
    let server = std::env::var("CONCLAVE_TEST_POSTGRES").unwrap();
    let done = Command::new("psql")
        .args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"])
        .arg(format!("{server}/{}", common::database_name(folder)))
        .args(["--command", statement])
        .output()
        .expect("psql");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Ends all connections to the database, as its restart would.
fn cut(server: &Server) {
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    psql(server.dir.path(), others);
}

async fn make_room(server: &Server) -> u16 {
    let operator = server.operator();
    let headers = [("authorization", operator.as_str())];
    let answer = server.http("POST", "/api/v1/rooms", &headers, &[]).await;
    answer.status
}

async fn server() -> Option<Server> {
    if std::env::var_os("CONCLAVE_TEST_POSTGRES").is_none() {
        println!("skipped: run it by scripts/postgres");
        return None;
    }
    Some(Server::start().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_when_the_database_was_restarted() {
    let Some(server) = server().await else { return };
    let room = server.create_room().await;
    cut(&server);
    assert_eq!(make_room(&server).await, 201);
    let answer = server.get(&format!("/api/v1/rooms/{}", room.room)).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_does_not_begin_on_a_database_in_use() {
    let Some(server) = server().await else { return };
    let refused = common::try_start(server.dir.path()).await;
    let said = refused.err().expect("a refusal");
    assert_eq!(said, "another server uses this database");
    assert_eq!(make_room(&server).await, 201, "the first one goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_cut_off_while_another_served_writes_nothing_any_more() {
    let Some(first) = server().await else { return };
    let room = first.create_room().await;
    cut(&first);
    let second = common::try_start(first.dir.path()).await.unwrap();
    drop(second);
    assert_eq!(make_room(&first).await, 500);
    let answer = first.get("/readyz").await;
    assert_eq!(answer.status, 503, "whoever looks after it starts it anew");
    let again = first.restart().await;
    let answer = again.get(&format!("/api/v1/rooms/{}", room.room)).await;
    assert_eq!(answer.status, 200);
}
