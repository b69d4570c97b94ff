//! The database of a server that is stopped, as whoever can write to it has it.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use super::database_name;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};
use std::path::Path;

/// The folder's database, while no server uses it.
async fn database(folder: &Path) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let url = match std::env::var("CONCLAVE_TEST_POSTGRES") {
        Ok(server) => format!("{server}/{}", database_name(folder)),
        Err(_) => format!("sqlite://{}/conclave.sqlite", folder.display()),
    };
    AnyConnection::connect(&url).await.unwrap()
}

/// Changes what a server has written as if time had passed.
pub(crate) async fn change(folder: &Path, statements: &[String]) {
    let mut database = database(folder).await;
    for statement in statements {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.clone()));
        done.execute(&mut database).await.unwrap();
    }
    database.close().await.unwrap();
}

/// How many rows a table has.
pub(crate) async fn count(folder: &Path, table: &str) -> i64 {
    let mut database = database(folder).await;
    let statement = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    let row = sqlx::query(statement).fetch_one(&mut database).await;
    let count = row.unwrap().try_get(0).unwrap();
    database.close().await.unwrap();
    count
}

/// A byte string in the words of the test's database.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match std::env::var_os("CONCLAVE_TEST_POSTGRES") {
        Some(_) => format!(r"'\x{hex}'"),
        None => format!("x'{hex}'"),
    }
}
