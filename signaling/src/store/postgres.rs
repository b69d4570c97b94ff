//! The database of a server of its own: PostgreSQL, 13 or newer.
//!
//! A server keeps what its calls are in memory, so two on one database would
//! overwrite each other. The one connection holds an advisory lock: who has lost
//! the lock has lost the connection and writes nothing. A row says who took it
//! last, so that a server that was cut off while another served does not go on
//! from what it remembers.

use super::{StoreError, one_connection};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Row as _};
use std::fmt;
use std::str::FromStr;

/// The advisory lock of a Conclave server; locks are a database's own.
const LOCK: i64 = i64::from_be_bytes(*b"conclave");

/// How long the lock may still be another's when a server starts: the database
/// learns of a server that was killed as soon as its system closes the connection.
const LOCK_LIMIT: &str = "SET lock_timeout = '5s'";

/// PostgreSQL's code for a lock that was not given in time
/// (lock_not_available).
const NOT_IN_TIME: &str = "55P03";

/// Frees deleted rows in their tables' files. What of them is in blocks that are
/// not used again yet, in the write-ahead log and in backups, is the database's
/// and its operator's business.
pub(super) const SCRUB: &str = "VACUUM log, departed, stays, calls";

/// Where a PostgreSQL database is: `postgres://USER:PASSWORD@HOST:PORT/NAME`,
/// with libpq's parameters behind it. Not printed, for it may hold a password.
#[derive(Clone)]
pub struct PostgresUrl(AnyConnectOptions);

impl FromStr for PostgresUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err("a database's URL begins with postgres://");
        }
        let options: AnyConnectOptions = text.parse().map_err(|_| "this is no URL")?;
        Ok(Self(options.disable_statement_logging()))
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PostgresUrl")
    }
}

/// A schema in PostgreSQL's words.
pub(super) fn schema(sqlite: &str) -> String {
    sqlite
        .replace(" BLOB", " BYTEA")
        .replace(" INTEGER", " BIGINT")
        .replace("x'0", "'\\x0")
}

/// Connects, as the only server.
pub(super) async fn open(url: &PostgresUrl) -> Result<AnyPool, StoreError> {
    sqlx::any::install_default_drivers();
    let mut holder = [0; 16];
    getrandom::fill(&mut holder)?;
    take(&url.0, holder).await?;
    let pool = one_connection()
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if lock(connection).await? && is_holder(connection, holder).await? {
                    return Ok(());
                }
                Err(sqlx::Error::Configuration(StoreError::InUse.into()))
            })
        })
        .connect_with(url.0.clone())
        .await?;
    Ok(pool)
}

/// Makes this server the database's, if no other is there.
async fn take(url: &AnyConnectOptions, holder: [u8; 16]) -> Result<(), StoreError> {
    let mut connection = url.connect().await?;
    sqlx::query(LOCK_LIMIT).execute(&mut connection).await?;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut connection)
        .await
        .map_err(in_use)?;
    for statement in [
        "CREATE TABLE IF NOT EXISTS holder (who BYTEA NOT NULL)",
        "DELETE FROM holder",
    ] {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    sqlx::query("INSERT INTO holder (who) VALUES ($1)")
        .bind(holder.as_slice())
        .execute(&mut connection)
        .await?;
    // The lock goes with the connection; the pool's own takes it again.
    Ok(connection.close().await?)
}

fn in_use(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some(NOT_IN_TIME) => StoreError::InUse,
        _ => error.into(),
    }
}

async fn lock(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    sqlx::query("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(connection)
        .await?
        .try_get(0)
}

async fn is_holder(connection: &mut AnyConnection, holder: [u8; 16]) -> Result<bool, sqlx::Error> {
    let found = sqlx::query("SELECT who FROM holder WHERE who = $1")
        .bind(holder.as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_a_password_is_not_printed() {
        let url: PostgresUrl = "postgres://conclave:s3cret@db.example/conclave"
            .parse()
            .unwrap();
        assert_eq!(format!("{url:?}"), "PostgresUrl");
    }

    #[test]
    fn only_urls_of_postgresql_are_taken() {
        for text in [
            "",
            "conclave",
            "sqlite://data.db",
            "mysql://h/d",
            "postgres:db",
            "postgres://a:b:c/d",
        ] {
            assert!(text.parse::<PostgresUrl>().is_err(), "{text}");
        }
        assert!(
            "postgresql://%2Frun%2Fpostgresql/conclave"
                .parse::<PostgresUrl>()
                .is_ok()
        );
    }

    #[test]
    fn schemas_have_wide_integers_and_byte_strings() {
        let sqlite = "CREATE TABLE a (b BLOB PRIMARY KEY DEFAULT x'00ff', c INTEGER, d TEXT)";
        let postgres = r"CREATE TABLE a (b BYTEA PRIMARY KEY DEFAULT '\x00ff', c BIGINT, d TEXT)";
        assert_eq!(schema(sqlite), postgres);
    }
}
