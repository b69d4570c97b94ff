//! Endpoints that are told of events, and what they are still to be told: an
//! event is written down with the act, and forgotten once it was delivered.

use super::load::{bytes, narrow};
use super::{Store, StoreError, audit, count, refuse, time};
use crate::config::{MAX_DELIVERIES, MAX_WEBHOOKS};
use crate::domain::audit::Deed;
use crate::domain::webhook::{Next, OLD_SECRET, Occurred, Standing};
use crate::domain::{Change, Millis};
use conclave_wire::code::Code;
use conclave_wire::id::{RoomId, TenantId, WebhookId};
use conclave_wire::webhook::{EventKind, WebhookChange, WebhookInfo};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

/// Where events are sent.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) secrets: SealedSecrets,
    /// The first of its failures in a row.
    pub(crate) failing_since: Option<Millis>,
}

/// What events are signed with, sealed.
pub(crate) struct SealedSecrets {
    pub(crate) present: Vec<u8>,
    /// The one before it, and until when it signs as well.
    pub(crate) old: Option<(Vec<u8>, Millis)>,
}

/// An event that an endpoint is to be told.
pub(crate) struct Delivery {
    /// What it is known again by.
    pub(crate) event: [u8; 16],
    pub(crate) body: String,
    /// Attempts that failed.
    pub(crate) failures: u32,
}

/// Everything of an endpoint, as [`info`] reads it.
const COLUMNS: &str = "SELECT id, tenant, url, events, created_at, failing_since, disabled_at, \
    (SELECT COUNT(*) FROM deliveries WHERE webhook = webhooks.id AND dead_at IS NULL) AS waiting, \
    (SELECT COUNT(*) FROM deliveries WHERE webhook = webhooks.id AND dead_at IS NOT NULL) AS dead \
    FROM webhooks";

impl Store {
    /// A page of an organisation's endpoints, the oldest first, those behind
    /// `after`, and whether there are more.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn webhooks(
        &self,
        tenant: TenantId,
        (after, limit): (Option<WebhookId>, u32),
    ) -> Result<(Vec<WebhookInfo>, bool), StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE tenant = $1 AND (created_at > \
             COALESCE((SELECT created_at FROM webhooks WHERE id = $2), -1) \
             OR (created_at = (SELECT created_at FROM webhooks WHERE id = $2) AND id > $2)) \
             ORDER BY created_at, id LIMIT $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant.as_bytes())
            .bind(after.map_or_else(Vec::new, |after| after.0.to_vec()))
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.pool)
            .await?;
        super::page(&rows, limit, info)
    }

    /// One of them, and whose it is; of an organisation, or of any.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn webhook(
        &self,
        tenant: Option<TenantId>,
        id: WebhookId,
    ) -> Result<Option<(TenantId, WebhookInfo)>, StoreError> {
        let sql = format!("{COLUMNS} WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(id.as_bytes())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let of = TenantId(bytes(&row, "tenant")?);
        let seen = tenant.is_none_or(|tenant| tenant == of);
        match seen {
            true => Ok(Some((of, info(&row)?))),
            false => Ok(None),
        }
    }

    /// Makes one.
    ///
    /// # Errors
    /// [`Code::QuotaReached`] when there are [`MAX_WEBHOOKS`]; when the database
    /// fails.
    pub(crate) async fn create_webhook(
        &self,
        deed: &Deed,
        new: &WebhookInfo,
        secret: &[u8],
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let all = sqlx::query("SELECT COUNT(*) FROM webhooks WHERE tenant = $1");
        let all = count(&mut transaction, all.bind(deed.tenant.0.to_vec())).await?;
        if all >= u64::from(MAX_WEBHOOKS) {
            return refuse(Code::QuotaReached);
        }
        sqlx::query(
            "INSERT INTO webhooks (id, tenant, url, events, secret, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(new.webhook.as_bytes())
        .bind(deed.tenant.as_bytes())
        .bind(new.url.as_str())
        .bind(names(&new.events))
        .bind(secret)
        .bind(time(deed.at))
        .execute(&mut *transaction)
        .await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Changes one. Switched off, it is told nothing of what waits for it;
    /// switched on, what was given up is due once more.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn change_webhook(
        &self,
        deed: &Deed,
        id: WebhookId,
        change: &WebhookChange,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "UPDATE webhooks SET url = COALESCE($1, url), events = COALESCE($2, events) \
             WHERE id = $3",
        )
        .bind(change.url.as_deref())
        .bind(change.events.as_deref().map(names))
        .bind(id.as_bytes())
        .execute(&mut *transaction)
        .await?;
        match change.enabled {
            None => {}
            Some(false) => switch_off(&mut transaction, id, deed.at).await?,
            Some(true) => switch_on(&mut transaction, id, deed.at).await?,
        }
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Gives it another secret; the present one signs for [`OLD_SECRET`] more.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn renew_webhook_secret(
        &self,
        deed: &Deed,
        id: WebhookId,
        secret: &[u8],
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "UPDATE webhooks SET old_secret = secret, old_until = $1, secret = $2 WHERE id = $3",
        )
        .bind(time(deed.at + OLD_SECRET))
        .bind(secret)
        .bind(id.as_bytes())
        .execute(&mut *transaction)
        .await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Deletes it with what it was to be told.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn delete_webhook(
        &self,
        deed: &Deed,
        id: WebhookId,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM webhooks WHERE id = $1")
            .bind(id.as_bytes())
            .execute(&mut *transaction)
            .await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// The endpoints for which something is due.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn due_webhooks(&self, now: Millis) -> Result<Vec<WebhookId>, StoreError> {
        let rows = sqlx::query(
            "SELECT webhook FROM deliveries WHERE due_at <= $1 AND dead_at IS NULL \
             GROUP BY webhook ORDER BY MIN(due_at)",
        )
        .bind(time(now))
        .fetch_all(&self.pool)
        .await?;
        let id = |row| Ok(WebhookId(bytes(row, "webhook")?));
        rows.iter().map(id).collect()
    }

    /// Where an endpoint is and what it is to be told now, at most so many
    /// events; nothing if it is not there any more.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn due_deliveries(
        &self,
        (id, now): (WebhookId, Millis),
        limit: u32,
    ) -> Result<Option<(Endpoint, Vec<Delivery>)>, StoreError> {
        let row = sqlx::query(
            "SELECT url, secret, old_secret, old_until, failing_since FROM webhooks WHERE id = $1",
        )
        .bind(id.as_bytes())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let endpoint = endpoint(&row)?;
        let rows = sqlx::query(
            "SELECT event, body, attempts FROM deliveries WHERE webhook = $1 AND due_at <= $2 \
             AND dead_at IS NULL ORDER BY due_at LIMIT $3",
        )
        .bind(id.as_bytes())
        .bind(time(now))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        let delivery = |row: &AnyRow| {
            Ok::<_, StoreError>(Delivery {
                event: bytes(row, "event")?,
                body: row.try_get("body")?,
                failures: narrow(row.try_get("attempts")?)?,
            })
        };
        let deliveries = rows.iter().map(delivery).collect::<Result<_, _>>()?;
        Ok(Some((endpoint, deliveries)))
    }

    /// Where the organisation's passwords are sent: to the first endpoint of those
    /// that name it and are switched on.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn password_endpoint(
        &self,
        tenant: TenantId,
    ) -> Result<Option<(WebhookId, Endpoint)>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, events, url, secret, old_secret, old_until, failing_since \
             FROM webhooks WHERE tenant = $1 AND disabled_at IS NULL ORDER BY created_at, id",
        )
        .bind(tenant.as_bytes())
        .fetch_all(&self.pool)
        .await?;
        for row in rows {
            let events: String = row.try_get("events")?;
            let mut events = events.split_whitespace();
            if events.any(|name| name == EventKind::PasswordSend.as_str()) {
                let id = WebhookId(bytes(&row, "id")?);
                return Ok(Some((id, endpoint(&row)?)));
            }
        }
        Ok(None)
    }

    /// Writes down what became of an attempt.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn delivered(
        &self,
        (id, now): (WebhookId, Millis),
        event: [u8; 16],
        (next, standing): (Next, Standing),
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let delivery = match next {
            Next::Delivered => {
                sqlx::query("DELETE FROM deliveries WHERE webhook = $1 AND event = $2")
                    .bind(id.as_bytes())
                    .bind(event.as_slice())
            }
            Next::Again(at) => sqlx::query(
                "UPDATE deliveries SET attempts = attempts + 1, due_at = $3 \
                 WHERE webhook = $1 AND event = $2",
            )
            .bind(id.as_bytes())
            .bind(event.as_slice())
            .bind(time(at)),
            Next::GivenUp => sqlx::query(
                "UPDATE deliveries SET attempts = attempts + 1, dead_at = $3 \
                 WHERE webhook = $1 AND event = $2",
            )
            .bind(id.as_bytes())
            .bind(event.as_slice())
            .bind(time(now)),
        };
        delivery.execute(&mut *transaction).await?;
        match standing {
            Standing::Off => switch_off(&mut transaction, id, now).await?,
            Standing::Well | Standing::Failing(_) => {
                let since = match standing {
                    Standing::Failing(since) => Some(time(since)),
                    Standing::Well | Standing::Off => None,
                };
                sqlx::query("UPDATE webhooks SET failing_since = $1 WHERE id = $2")
                    .bind(since)
                    .bind(id.as_bytes())
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Forgets the events that were given up by then; how many.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn forget_deliveries(&self, cut: Millis) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM deliveries WHERE dead_at <= $1")
            .bind(time(cut))
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }

    /// Forgets the secrets that sign nothing any more; how many.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn forget_old_secrets(&self, cut: Millis) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE webhooks SET old_secret = NULL, old_until = NULL WHERE old_until <= $1",
        )
        .bind(time(cut))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

/// Has all endpoints of the organisation that want to know of it told.
pub(super) async fn announce(
    connection: &mut AnyConnection,
    event: &Occurred,
) -> Result<(), StoreError> {
    let rows =
        sqlx::query("SELECT id, events FROM webhooks WHERE tenant = $1 AND disabled_at IS NULL")
            .bind(event.data.tenant.0.to_vec())
            .fetch_all(&mut *connection)
            .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut known_by = [0; 16];
    getrandom::fill(&mut known_by)?;
    for row in rows {
        let wanted: String = row.try_get("events")?;
        let mut wanted = wanted.split_whitespace().peekable();
        if wanted.peek().is_some() && !wanted.any(|name| name == event.kind.as_str()) {
            continue;
        }
        let id = WebhookId(bytes(&row, "id")?);
        let waiting =
            sqlx::query("SELECT COUNT(*) FROM deliveries WHERE webhook = $1 AND dead_at IS NULL");
        let waiting = count(&mut *connection, waiting.bind(id.0.to_vec())).await?;
        if waiting >= u64::from(MAX_DELIVERIES) {
            switch_off(&mut *connection, id, event.at).await?;
            continue;
        }
        sqlx::query(
            "INSERT INTO deliveries (webhook, event, body, attempts, due_at) \
             VALUES ($1, $2, $3, 0, $4)",
        )
        .bind(id.0.to_vec())
        .bind(known_by.to_vec())
        .bind(event.body())
        .bind(time(event.at))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The same of what becomes of a room's links.
pub(super) async fn announce_links(
    connection: &mut AnyConnection,
    (room, now): (RoomId, Millis),
    changes: &[Change],
) -> Result<(), StoreError> {
    let mut events = changes.iter().filter_map(Occurred::of_change).peekable();
    if events.peek().is_none() {
        return Ok(());
    }
    let row = sqlx::query("SELECT tenant FROM rooms WHERE id = $1")
        .bind(room.0.to_vec())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(()) };
    let of = (TenantId(bytes(&row, "tenant")?), room);
    for event in events {
        announce(&mut *connection, &Occurred::to_link(event, of, now)).await?;
    }
    Ok(())
}

async fn switch_off(
    connection: &mut AnyConnection,
    id: WebhookId,
    now: Millis,
) -> Result<(), StoreError> {
    for statement in [
        "UPDATE webhooks SET disabled_at = COALESCE(disabled_at, $1) WHERE id = $2",
        "UPDATE deliveries SET dead_at = $1 WHERE webhook = $2 AND dead_at IS NULL",
    ] {
        sqlx::query(statement)
            .bind(time(now))
            .bind(id.0.to_vec())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn switch_on(
    connection: &mut AnyConnection,
    id: WebhookId,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE webhooks SET disabled_at = NULL, failing_since = NULL WHERE id = $1")
        .bind(id.0.to_vec())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE deliveries SET dead_at = NULL, attempts = 0, due_at = $1 \
         WHERE webhook = $2 AND dead_at IS NOT NULL",
    )
    .bind(time(now))
    .bind(id.0.to_vec())
    .execute(&mut *connection)
    .await?;
    Ok(())
}

fn names(events: &[EventKind]) -> String {
    let names: Vec<_> = events.iter().map(|event| event.as_str()).collect();
    names.join(" ")
}

/// Of a column that may hold a time.
fn moment(row: &AnyRow, column: &str) -> Result<Option<Millis>, StoreError> {
    let at: Option<i64> = row.try_get(column)?;
    at.map(|at| Ok(Millis(narrow(at)?))).transpose()
}

fn endpoint(row: &AnyRow) -> Result<Endpoint, StoreError> {
    let old: Option<Vec<u8>> = row.try_get("old_secret")?;
    Ok(Endpoint {
        url: row.try_get("url")?,
        secrets: SealedSecrets {
            present: row.try_get("secret")?,
            old: old.zip(moment(row, "old_until")?),
        },
        failing_since: moment(row, "failing_since")?,
    })
}

fn info(row: &AnyRow) -> Result<WebhookInfo, StoreError> {
    let events: String = row.try_get("events")?;
    let parse = |name| EventKind::parse(name).ok_or(StoreError::Corrupt);
    Ok(WebhookInfo {
        webhook: WebhookId(bytes(row, "id")?),
        url: row.try_get("url")?,
        events: events
            .split_whitespace()
            .map(parse)
            .collect::<Result<_, _>>()?,
        created: narrow(row.try_get("created_at")?)?,
        enabled: row.try_get::<Option<i64>, _>("disabled_at")?.is_none(),
        failing_since: moment(row, "failing_since")?.map(|at| at.0),
        waiting: narrow(row.try_get("waiting")?)?,
        given_up: narrow(row.try_get("dead")?)?,
    })
}
