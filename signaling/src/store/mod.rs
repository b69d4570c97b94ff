//! What outlives the process: organisations, accounts and rooms, and for as long
//! as a call lasts its log, its stays and its knocks. One connection, every transaction durable when
//! [`Store::apply`] returns. The same statements serve SQLite and PostgreSQL.

mod accounts;
mod answers;
mod audit;
mod consent;
mod devices;
mod directories;
mod factors;
mod links;
mod load;
mod passkeys;
mod people;
mod policies;
mod postgres;
mod providers;
mod retention;
mod rooms;
mod sealed;
mod sessions;
mod sqlite;
mod tenants;
mod texts;
mod webhooks;

pub(crate) use devices::Root;
pub(crate) use directories::Listed;
pub(crate) use passkeys::NewPasskey;
pub(crate) use people::People;
pub use postgres::PostgresUrl;
pub(crate) use providers::{Entry, Provider};
pub(crate) use rooms::{NewRoom, Public};
pub(crate) use sealed::SealedKind;
pub(crate) use sessions::Signed;
pub(crate) use webhooks::{Endpoint, SealedSecrets};

use crate::domain::audit::Deed;
use crate::domain::password::Door;
use crate::domain::stay::Knock;
use crate::domain::{Change, Millis};
use conclave_wire::code::Code;
use conclave_wire::id::RoomId;
use sqlx::any::{AnyArguments, AnyPoolOptions, AnyRow};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Row as _, SqlSafeStr as _, Transaction};
use std::path::Path;
use std::time::Duration;

/// The schema's history, oldest first. A migration that was released is never
/// changed. Types are SQLite's names; PostgreSQL has [others](postgres::schema).
const MIGRATIONS: [(&str, &str); 22] = [
    (
        "rooms, stays, calls",
        include_str!("../../migrations/0001_rooms_stays_calls.sql"),
    ),
    (
        "passwords",
        include_str!("../../migrations/0002_passwords.sql"),
    ),
    ("links", include_str!("../../migrations/0003_links.sql")),
    ("consent", include_str!("../../migrations/0004_consent.sql")),
    (
        "consultation",
        include_str!("../../migrations/0005_consultation.sql"),
    ),
    (
        "tenants, accounts",
        include_str!("../../migrations/0006_tenants_accounts.sql"),
    ),
    ("locks", include_str!("../../migrations/0007_locks.sql")),
    ("makers", include_str!("../../migrations/0008_makers.sql")),
    ("sizes", include_str!("../../migrations/0009_sizes.sql")),
    ("audit", include_str!("../../migrations/0010_audit.sql")),
    ("devices", include_str!("../../migrations/0011_devices.sql")),
    (
        "policies",
        include_str!("../../migrations/0012_policies.sql"),
    ),
    (
        "presenters",
        include_str!("../../migrations/0013_presenters.sql"),
    ),
    (
        "providers",
        include_str!("../../migrations/0014_providers.sql"),
    ),
    (
        "certified stays",
        include_str!("../../migrations/0015_certified_stays.sql"),
    ),
    (
        "webhooks",
        include_str!("../../migrations/0016_webhooks.sql"),
    ),
    (
        "passkeys",
        include_str!("../../migrations/0017_passkeys.sql"),
    ),
    ("answers", include_str!("../../migrations/0018_answers.sql")),
    (
        "directories",
        include_str!("../../migrations/0019_directories.sql"),
    ),
    (
        "markings",
        include_str!("../../migrations/0020_markings.sql"),
    ),
    ("listed", include_str!("../../migrations/0021_listed.sql")),
    (
        "public_texts",
        include_str!("../../migrations/0022_public_texts.sql"),
    ),
];

/// How long an operation waits for the one connection.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(10);

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database's schema could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Another server holds the database, or has since this one began.
    #[error("another server uses this database")]
    InUse,
    /// The operating system has no randomness to give.
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
    /// The database file could not be made.
    #[error("the database file could not be made")]
    File(#[from] std::io::Error),
    /// A row that this version did not write.
    #[error("a stored row cannot be read")]
    Corrupt,
    /// As many rooms or organisations as there may be.
    #[error("there are as many as there may be")]
    Full,
    /// What is there does not allow it.
    #[error("not done: {0}")]
    Refused(Code),
}

impl From<StoreError> for Code {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::Full,
            StoreError::Refused(code) => code,
            error => {
                tracing::error!(%error, "the store failed");
                Self::Internal
            }
        }
    }
}

/// The database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: AnyPool,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Store {
    /// Opens the SQLite database in a file, makes it if it is not there, and
    /// brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened or migrated.
    pub(crate) async fn open(file: &Path) -> Result<Self, StoreError> {
        let pool = sqlite::open(file).await?;
        Self::migrated(pool, Kind::Sqlite).await
    }

    /// Connects to a PostgreSQL database that no other server uses, and brings
    /// its schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be reached or migrated, or is in use.
    pub(crate) async fn connect(url: &PostgresUrl) -> Result<Self, StoreError> {
        let pool = postgres::open(url).await?;
        Self::migrated(pool, Kind::Postgres).await
    }

    async fn migrated(pool: AnyPool, kind: Kind) -> Result<Self, StoreError> {
        migrator(kind).run(&pool).await?;
        Ok(Self { pool, kind })
    }

    /// Closes the database; later operations fail.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the database answers.
    pub(crate) async fn is_ready(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pool).await.is_ok()
    }

    /// Writes all the changes of a room down with what is to be noted and told
    /// of them, or nothing.
    ///
    /// # Errors
    /// When the database fails; then nothing was written.
    pub(crate) async fn apply(
        &self,
        (room, now): (RoomId, Millis),
        changes: &[Change],
        deeds: &[Deed],
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        // Before the room may go with what is written.
        webhooks::announce_links(&mut transaction, (room, now), changes).await?;
        for change in changes {
            write(&mut transaction, room, change).await?;
        }
        for deed in deeds {
            audit::note(&mut transaction, deed).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Calls a table something else, so that what needs it fails.
    #[cfg(test)]
    pub(crate) async fn rename_table(&self, (from, to): (&str, &str)) {
        let statement = format!("ALTER TABLE {from} RENAME TO {to}");
        let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&self.pool);
        assert!(done.await.is_ok());
    }

    /// Removes from the database's files what was deleted from the tables, as
    /// far as the database can.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn scrub(&self) -> Result<(), StoreError> {
        let statement = match self.kind {
            Kind::Sqlite => sqlite::SCRUB,
            Kind::Postgres => postgres::SCRUB,
        };
        sqlx::raw_sql(statement).execute(&self.pool).await?;
        Ok(())
    }
}

/// One connection: it orders the writers, nobody waits for a lock inside the
/// database, and a SQLite checkpoint meets no reader.
fn one_connection() -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_LIMIT)
        .idle_timeout(None)
        .max_lifetime(None)
}

fn migrator(kind: Kind) -> Migrator {
    let migrations = (1..).zip(MIGRATIONS).map(|(version, (description, sql))| {
        let sql = match kind {
            Kind::Sqlite => sql.into_sql_str(),
            Kind::Postgres => AssertSqlSafe(postgres::schema(sql)).into_sql_str(),
        };
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            sql,
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}

async fn write(
    transaction: &mut Transaction<'_, Any>,
    room: RoomId,
    change: &Change,
) -> Result<(), StoreError> {
    let room = room.as_bytes();
    let query = match change {
        Change::StayBegan {
            participant,
            token,
            host,
            link,
        } => sqlx::query(
            "INSERT INTO stays (participant, room, token, host, link) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(participant.as_bytes())
        .bind(room)
        .bind(token.0.as_slice())
        .bind(i64::from(*host))
        .bind(link.map(|link| link.0.to_vec())),
        Change::Knocked {
            participant,
            knock:
                Knock {
                    key_package,
                    tag,
                    since,
                },
        } => sqlx::query(
            "UPDATE stays SET key_package = $1, tag = $2, knocked_at = $3 WHERE participant = $4",
        )
        .bind(key_package.0.as_slice())
        .bind(tag.0.as_slice())
        .bind(time(*since))
        .bind(participant.as_bytes()),
        Change::Joined { participant, first } => sqlx::query(
            "UPDATE stays SET key_package = NULL, tag = NULL, knocked_at = NULL, first_entry = $1 \
             WHERE participant = $2",
        )
        .bind(i64::from(*first))
        .bind(participant.as_bytes()),
        Change::Certified {
            participant,
            device,
        } => sqlx::query("UPDATE stays SET device = $1 WHERE participant = $2")
            .bind(device.as_bytes())
            .bind(participant.as_bytes()),
        Change::StayEnded { participant } => {
            sqlx::query("DELETE FROM stays WHERE participant = $1").bind(participant.as_bytes())
        }
        Change::CallBegan => {
            sqlx::query("INSERT INTO calls (room, epoch, active_epoch) VALUES ($1, 0, 0)")
                .bind(room)
        }
        Change::Logged(entry) => {
            let event = serde_json::to_string(&entry.event).map_err(|_| StoreError::Corrupt)?;
            sqlx::query("INSERT INTO log (room, seq, event) VALUES ($1, $2, $3)")
                .bind(room)
                .bind(i64::from(entry.seq))
                .bind(event)
        }
        Change::Trimmed { first } => sqlx::query("DELETE FROM log WHERE room = $1 AND seq < $2")
            .bind(room)
            .bind(i64::from(*first)),
        Change::Advanced { epoch, group } => {
            sqlx::query("UPDATE calls SET epoch = $1, mls_group = $2 WHERE room = $3")
                .bind(i64::from(*epoch))
                .bind(group.as_slice())
                .bind(room)
        }
        Change::Activated { epoch } => {
            sqlx::query("UPDATE calls SET active_epoch = $1 WHERE room = $2")
                .bind(i64::from(*epoch))
                .bind(room)
        }
        Change::RoomLocked { locked } => {
            sqlx::query("UPDATE calls SET locked = $1 WHERE room = $2")
                .bind(i64::from(*locked))
                .bind(room)
        }
        Change::HostMade { participant } => {
            sqlx::query("UPDATE stays SET host = 1 WHERE participant = $1")
                .bind(participant.as_bytes())
        }
        Change::PresenterMade { participant } => {
            sqlx::query("UPDATE stays SET presenter = 1 WHERE participant = $1")
                .bind(participant.as_bytes())
        }
        Change::Departed { participant } => {
            sqlx::query("INSERT INTO departed (room, participant) VALUES ($1, $2)")
                .bind(room)
                .bind(participant.as_bytes())
        }
        Change::Pruned { participant } => {
            sqlx::query("DELETE FROM departed WHERE room = $1 AND participant = $2")
                .bind(room)
                .bind(participant.as_bytes())
        }
        Change::CallEnded { waiting_stay } => {
            sqlx::query("DELETE FROM calls WHERE room = $1")
                .bind(room)
                .execute(&mut **transaction)
                .await?;
            // Members have a first entry, who has only arrived has not knocked.
            let over = match waiting_stay {
                false => "DELETE FROM stays WHERE room = $1",
                true => {
                    "DELETE FROM stays WHERE room = $1 \
                     AND (first_entry IS NOT NULL OR key_package IS NULL)"
                }
            };
            sqlx::query(over).bind(room)
        }
        Change::LinkMade { id, link } => links::made(room, id, link),
        Change::LinkStaged { id, stage } => links::staged(room, id, *stage),
        Change::LinkConsented { id, consent } => links::consented(room, id, consent),
        Change::LinkForgotten { id } => links::forgotten(room, id),
        Change::PasswordsTried {
            link: Door::Link(id),
            failures,
        } => links::tried(room, id, *failures),
        Change::PasswordsTried {
            link: Door::Guest,
            failures,
        } => sqlx::query("UPDATE rooms SET guest_failures = $1 WHERE id = $2")
            .bind(i64::from(*failures))
            .bind(room),
        Change::PasswordsTried {
            link: Door::Host,
            failures,
        } => sqlx::query("UPDATE rooms SET host_failures = $1 WHERE id = $2")
            .bind(i64::from(*failures))
            .bind(room),
        Change::RoomDeleted => sqlx::query("DELETE FROM rooms WHERE id = $1").bind(room),
    };
    query.execute(&mut **transaction).await?;
    Ok(())
}

/// The entries of a page, and whether there are more: one more was asked for.
fn page<T>(
    rows: &[AnyRow],
    limit: u32,
    read: impl Fn(&AnyRow) -> Result<T, StoreError>,
) -> Result<(Vec<T>, bool), StoreError> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let entries = rows.iter().take(most).map(read).collect::<Result<_, _>>()?;
    Ok((entries, rows.len() > most))
}

/// The one number that a query gives.
async fn count(
    connection: &mut AnyConnection,
    query: sqlx::query::Query<'_, Any, AnyArguments>,
) -> Result<u64, StoreError> {
    load::narrow(query.fetch_one(connection).await?.try_get(0)?)
}

fn refuse<T>(code: Code) -> Result<T, StoreError> {
    Err(StoreError::Refused(code))
}

/// A database's integers are signed; a time that does not fit lies 292 million
/// years ahead.
fn time(moment: Millis) -> i64 {
    i64::try_from(moment.0).unwrap_or(i64::MAX)
}
