//! Forgetting what is over: a statement each. Guests' links are their rooms'
//! machines' to forget, which hold them while they are awake.

use super::load::{bytes, narrow};
use super::{Store, StoreError, time};
use crate::config::SESSION_IDLE;
use crate::domain::Millis;
use conclave_wire::id::RoomId;
use sqlx::Row as _;

impl Store {
    /// Forgets the sessions that had ended by then; how many.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn forget_sessions(&self, cut: Millis) -> Result<u64, StoreError> {
        let idle = u64::try_from(SESSION_IDLE.as_millis()).unwrap_or(u64::MAX);
        let done = sqlx::query("DELETE FROM sessions WHERE ends_at <= $1 OR last_used_at <= $2")
            .bind(time(cut))
            .bind(time(Millis(cut.0.saturating_sub(idle))))
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }

    /// Forgets the second factors that no session can confirm any more; how
    /// many.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn forget_proposals(&self) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM factors WHERE confirmed = 0 AND NOT EXISTS \
             (SELECT 1 FROM sessions WHERE sessions.account = factors.account)",
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// The rooms with guests' links whose slot had ended by then and which no
    /// call uses, and how many.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn rooms_with_old_links(
        &self,
        cut: Millis,
    ) -> Result<Vec<(RoomId, u64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT room, COUNT(*) AS old FROM links \
             WHERE closes_at <= $1 AND stage <> 'in-use' GROUP BY room",
        )
        .bind(time(cut))
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| Ok((RoomId(bytes(row, "room")?), narrow(row.try_get("old")?)?)))
            .collect()
    }
}
