//! Answers to requests under a key: one is being made, or it is there, sealed.

use super::load::{bytes, narrow};
use super::{Store, StoreError, count, refuse, time};
use crate::config::MAX_ANSWERS;
use crate::domain::Millis;
use crate::domain::once::{Asked, Known, Verdict, verdict};
use conclave_wire::code::Code;
use sqlx::Row as _;

impl Store {
    /// Whether a request under a key is done. If so, its key is taken until
    /// [`Store::keep_answer`] or [`Store::free_key`].
    ///
    /// # Errors
    /// As [`verdict`]; [`Code::TooMany`] when who asks has [`MAX_ANSWERS`]; when
    /// the database fails.
    pub(crate) async fn take_key(&self, now: Millis, asked: &Asked) -> Result<Verdict, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query("SELECT request, at, answer FROM answers WHERE id = $1")
            .bind(asked.id.as_slice())
            .fetch_optional(&mut *transaction)
            .await?;
        let known = row.map(|row| {
            Ok::<_, StoreError>(Known {
                request: bytes(&row, "request")?,
                at: Millis(narrow(row.try_get("at")?)?),
                answer: row.try_get("answer")?,
            })
        });
        let verdict = verdict(now, asked, known.transpose()?).or_else(refuse)?;
        if verdict != Verdict::Do {
            return Ok(verdict);
        }
        let account = asked.account.map(|account| account.0.to_vec());
        let own = sqlx::query(
            "SELECT COUNT(*) FROM answers WHERE account = $1 OR (account IS NULL AND $2 = 1)",
        )
        .bind(account.clone().unwrap_or_default())
        .bind(i64::from(account.is_none()));
        if count(&mut transaction, own).await? >= u64::from(MAX_ANSWERS) {
            return refuse(Code::TooMany);
        }
        sqlx::query(
            "INSERT INTO answers (id, account, request, at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (id) DO UPDATE SET request = excluded.request, answer = NULL, \
             at = excluded.at",
        )
        .bind(asked.id.as_slice())
        .bind(account)
        .bind(asked.request.as_slice())
        .bind(time(now))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(verdict)
    }

    /// Keeps the answer that was made under a key.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn keep_answer(&self, asked: &Asked, sealed: &[u8]) -> Result<(), StoreError> {
        sqlx::query("UPDATE answers SET answer = $1 WHERE id = $2")
            .bind(sealed)
            .bind(asked.id.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Frees a key under which nothing was done.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn free_key(&self, asked: &Asked) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM answers WHERE id = $1 AND answer IS NULL")
            .bind(asked.id.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets the answers that were made by then; how many.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn forget_answers(&self, cut: Millis) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM answers WHERE at <= $1")
            .bind(time(cut))
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}
