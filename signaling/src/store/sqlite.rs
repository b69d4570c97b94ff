//! The database in a file: SQLite.

use super::{StoreError, one_connection};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyPool, ConnectOptions as _, Executor as _};
use std::fmt::Write as _;
use std::path::Path;

/// What makes the connection durable and forgetful. A commit is on disk, not
/// only in the system's cache, when it returns: what clients were told survives
/// a power cut. Deleted rows are overwritten; with the truncated write-ahead log
/// of [`SCRUB`] nothing of a call that is over stays in the files.
const PRAGMAS: &str = "\
    PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; \
    PRAGMA secure_delete = ON; \
    PRAGMA temp_store = MEMORY;";

/// Takes what was deleted out of the write-ahead log.
pub(super) const SCRUB: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Opens the file, and makes it if it is not there.
pub(super) async fn open(file: &Path) -> Result<AnyPool, StoreError> {
    create_private(file)?;
    sqlx::any::install_default_drivers();
    let options: AnyConnectOptions = url(&file.canonicalize()?).parse()?;
    let pool = one_connection()
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(PRAGMAS).await.map(drop) })
        })
        .connect_with(options.disable_statement_logging())
        .await?;
    Ok(pool)
}

/// The file's URL, in which no byte of its path means anything else.
fn url(file: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut url = String::from("sqlite://");
    for &byte in file.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => url.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => url.push(char::from(byte)),
            _ => drop(write!(url, "%{byte:02X}")),
        }
    }
    url
}

/// Makes an empty file that only its owner may read; SQLite gives its
/// write-ahead log the same mode.
fn create_private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::store::Store;
    use sqlx::Row as _;

    #[tokio::test]
    async fn a_path_may_hold_what_means_something_in_a_url() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("50 % of #1? Ärzte & more");
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("conclave.sqlite");
        Store::open(&file).await.unwrap().close().await;
        let names: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
        assert_eq!(names.len(), 1, "and nowhere else: {names:?}");
        assert!(std::fs::metadata(&file).unwrap().len() > 0);
    }

    #[tokio::test]
    async fn the_connection_is_durable_and_forgetful() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        for (pragma, value) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("secure_delete", 1),
            ("temp_store", 2),
        ] {
            let row = sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {pragma}")))
                .fetch_one(&store.pool)
                .await
                .unwrap();
            assert_eq!(row.try_get::<i64, _>(0).unwrap(), value, "{pragma}");
        }
        let row = sqlx::query("PRAGMA journal_mode")
            .fetch_one(&store.pool)
            .await
            .unwrap();
        assert_eq!(row.try_get::<String, _>(0).unwrap(), "wal");
    }
}
