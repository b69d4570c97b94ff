//! The audit log: written in the transaction of what it notes, so that neither
//! is there without the other. So is what endpoints are told of it.

use super::load::{bytes, narrow};
use super::{Store, StoreError, refuse, time, webhooks};
use crate::domain::Millis;
use crate::domain::audit::{Chain, Deed, Link, NONE};
use crate::domain::webhook::Occurred;
use conclave_wire::audit::{Act, AuditLine, AuditList};
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, Blob, RoomId, TenantId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

/// How long a log is: which lines of it are kept.
struct Ends {
    /// The number of the first line that is kept.
    first: u64,
    /// The digest of the line before it.
    before: Link,
    /// The newest line.
    last: Chain,
}

impl Store {
    /// A part of a log, the oldest line first: behind the line `after`.
    ///
    /// # Errors
    /// [`Code::NotFound`] for a line that is not there; when the database
    /// fails.
    pub(crate) async fn audit(
        &self,
        tenant: TenantId,
        (after, limit): (Option<u64>, u32),
    ) -> Result<AuditList, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let ends = ends(&mut transaction, tenant).await?;
        let after = after.unwrap_or_default().max(ends.first - 1);
        if after > ends.last.seq {
            return refuse(Code::NotFound);
        }
        let number = i64::try_from(after).map_err(|_| StoreError::Corrupt)?;
        let before = match after < ends.first {
            true => ends.before,
            false => {
                let row = sqlx::query("SELECT digest FROM audit WHERE tenant = $1 AND seq = $2")
                    .bind(tenant.0.to_vec())
                    .bind(number)
                    .fetch_optional(&mut *transaction)
                    .await?;
                // Who took the line out has to show what follows from it.
                row.map_or(Ok(NONE), |row| {
                    Ok::<_, StoreError>(Link(bytes(&row, "digest")?))
                })?
            }
        };
        let rows = sqlx::query(
            "SELECT seq, at, actor, act, object, detail, digest FROM audit \
             WHERE tenant = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .bind(tenant.0.to_vec())
        .bind(number)
        .bind(i64::from(limit) + 1)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let (lines, more) = super::page(&rows, limit, line)?;
        Ok(AuditList {
            tenant,
            before: Blob(before.0.to_vec()),
            lines,
            more,
            first: ends.first,
            last: ends.last.seq,
            head: Blob(ends.last.head.0.to_vec()),
        })
    }

    /// Forgets the lines that were older by then, each log's oldest; how many.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn forget_audit(&self, cut: Millis) -> Result<u64, StoreError> {
        let mut transaction = self.pool.begin().await?;
        // Up to the first that is newer, whatever the clock did meanwhile.
        let rows = sqlx::query(
            "SELECT tenant, MIN(seq) AS first, \
             COALESCE(MIN(CASE WHEN at > $1 THEN seq END) - 1, MAX(seq)) AS last \
             FROM audit GROUP BY tenant HAVING MIN(at) <= $1",
        )
        .bind(time(cut))
        .fetch_all(&mut *transaction)
        .await?;
        let mut count = 0;
        for row in rows {
            let tenant: [u8; 16] = bytes(&row, "tenant")?;
            let seq: i64 = row.try_get("last")?;
            if seq < row.try_get("first")? {
                continue;
            }
            sqlx::query(
                "UPDATE audit_ends SET first_seq = $1, before_first = \
                 (SELECT digest FROM audit WHERE tenant = $2 AND seq = $3) WHERE tenant = $2",
            )
            .bind(seq + 1)
            .bind(tenant.to_vec())
            .bind(seq)
            .execute(&mut *transaction)
            .await?;
            let done = sqlx::query("DELETE FROM audit WHERE tenant = $1 AND seq <= $2")
                .bind(tenant.to_vec())
                .bind(seq)
                .execute(&mut *transaction)
                .await?;
            count += done.rows_affected();
        }
        transaction.commit().await?;
        Ok(count)
    }

    /// Whose a room is.
    ///
    /// # Errors
    /// [`Code::NoSuchRoom`]; when the database fails.
    pub(crate) async fn tenant_of_room(&self, room: RoomId) -> Result<TenantId, StoreError> {
        let row = sqlx::query("SELECT tenant FROM rooms WHERE id = $1")
            .bind(room.0.to_vec())
            .fetch_optional(&self.pool)
            .await?;
        match row {
            Some(row) => Ok(TenantId(bytes(&row, "tenant")?)),
            None => refuse(Code::NoSuchRoom),
        }
    }

    /// Notes what is done beside the database.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn note(&self, deed: &Deed) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Whose an account is.
    ///
    /// # Errors
    /// [`Code::NoSuchAccount`]; when the database fails.
    pub(crate) async fn tenant_of_account(&self, id: AccountId) -> Result<TenantId, StoreError> {
        let row = sqlx::query("SELECT tenant FROM accounts WHERE id = $1")
            .bind(id.0.to_vec())
            .fetch_optional(&self.pool)
            .await?;
        match row {
            Some(row) => Ok(TenantId(bytes(&row, "tenant")?)),
            None => refuse(Code::NoSuchAccount),
        }
    }
}

/// Notes what the transaction does.
pub(super) async fn note(connection: &mut AnyConnection, deed: &Deed) -> Result<(), StoreError> {
    let ends = ends(&mut *connection, deed.tenant).await?;
    let line = ends.last.next(deed);
    let seq = i64::try_from(line.seq).map_err(|_| StoreError::Corrupt)?;
    sqlx::query(
        "INSERT INTO audit (tenant, seq, at, actor, act, object, detail, digest) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(deed.tenant.0.to_vec())
    .bind(seq)
    .bind(time(deed.at))
    .bind(line.actor.map(|actor| actor.0.to_vec()))
    .bind(line.act.as_str())
    .bind(deed.object.map(|object| object.to_vec()))
    .bind(line.detail)
    .bind(line.digest.0.clone())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO audit_ends (tenant, first_seq, before_first, last_seq, last_digest) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant) DO UPDATE SET last_seq = $4, last_digest = $5",
    )
    .bind(deed.tenant.0.to_vec())
    .bind(i64::try_from(ends.first).map_err(|_| StoreError::Corrupt)?)
    .bind(ends.before.0.to_vec())
    .bind(seq)
    .bind(line.digest.0)
    .execute(&mut *connection)
    .await?;
    match Occurred::of_deed(deed) {
        Some(event) => webhooks::announce(connection, &event).await,
        None => Ok(()),
    }
}

/// Forgets a log with its organisation.
pub(super) async fn forget_all(
    connection: &mut AnyConnection,
    tenant: TenantId,
) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM audit WHERE tenant = $1",
        "DELETE FROM audit_ends WHERE tenant = $1",
    ] {
        sqlx::query(statement)
            .bind(tenant.0.to_vec())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn ends(connection: &mut AnyConnection, tenant: TenantId) -> Result<Ends, StoreError> {
    let row = sqlx::query(
        "SELECT first_seq, before_first, last_seq, last_digest FROM audit_ends WHERE tenant = $1",
    )
    .bind(tenant.0.to_vec())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(Ends {
            first: 1,
            before: NONE,
            last: Chain::from(tenant, 0, NONE),
        });
    };
    let first: u64 = narrow(row.try_get("first_seq")?)?;
    let seq = narrow(row.try_get("last_seq")?)?;
    match first {
        0 => Err(StoreError::Corrupt),
        first => Ok(Ends {
            first,
            before: Link(bytes(&row, "before_first")?),
            last: Chain::from(tenant, seq, Link(bytes(&row, "last_digest")?)),
        }),
    }
}

fn line(row: &AnyRow) -> Result<AuditLine, StoreError> {
    let actor: Option<Vec<u8>> = row.try_get("actor")?;
    let actor = actor.map(|actor| actor.try_into().map(AccountId));
    let act: String = row.try_get("act")?;
    Ok(AuditLine {
        seq: narrow(row.try_get("seq")?)?,
        at: narrow(row.try_get("at")?)?,
        actor: actor.transpose().map_err(|_| StoreError::Corrupt)?,
        act: Act::parse(&act).ok_or(StoreError::Corrupt)?,
        object: row.try_get::<Option<Vec<u8>>, _>("object")?.map(Blob),
        detail: row.try_get("detail")?,
        digest: Blob(row.try_get("digest")?),
    })
}
