//! Passkeys. A challenge is spent by one statement, which changes a row or does
//! not: two requests at once cannot both have it.

use super::load::{bytes, narrow, optional};
use super::{Store, StoreError, audit, count, refuse, time};
use crate::config::MAX_PASSKEYS;
use crate::domain::audit::Deed;
use crate::domain::{Digest, Millis};
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, PasskeyId};
use conclave_wire::passkey::PasskeyInfo;
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// A passkey that is made.
pub(crate) struct NewPasskey<'a> {
    pub(crate) id: PasskeyId,
    pub(crate) name: &'a str,
    /// What the authenticator calls it.
    pub(crate) credential: &'a [u8],
    pub(crate) record: &'a str,
}

/// What is needed to log in with a passkey.
pub(crate) struct KnownPasskey {
    pub(crate) id: PasskeyId,
    pub(crate) account: AccountId,
    /// Whether nobody may log in to the account.
    pub(crate) disabled: bool,
    pub(crate) record: String,
}

impl Store {
    /// Keeps a passkey of an account.
    ///
    /// # Errors
    /// [`Code::TooManyPasskeys`]; [`Code::PasskeyRefused`] when it is known
    /// already; when the database fails.
    pub(crate) async fn add_passkey(
        &self,
        (deed, account): (&Deed, AccountId),
        new: NewPasskey<'_>,
    ) -> Result<PasskeyInfo, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let all = sqlx::query("SELECT COUNT(*) FROM passkeys WHERE account = $1");
        let all = count(&mut transaction, all.bind(account.0.to_vec())).await?;
        if all >= u64::from(MAX_PASSKEYS) {
            return refuse(Code::TooManyPasskeys);
        }
        let done = sqlx::query(
            "INSERT INTO passkeys (id, account, name, credential, record, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (credential) DO NOTHING",
        )
        .bind(new.id.as_bytes())
        .bind(account.as_bytes())
        .bind(new.name)
        .bind(new.credential)
        .bind(new.record)
        .bind(time(deed.at))
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() != 1 {
            return refuse(Code::PasskeyRefused);
        }
        audit::note(&mut transaction, deed).await?;
        transaction.commit().await?;
        Ok(PasskeyInfo {
            passkey: new.id,
            name: new.name.to_owned(),
            created: deed.at.0,
            used: None,
        })
    }

    /// An account's passkeys, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn passkeys(
        &self,
        account: AccountId,
    ) -> Result<Vec<PasskeyInfo>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, name, created_at, used_at FROM passkeys WHERE account = $1 \
             ORDER BY created_at, id",
        )
        .bind(account.as_bytes())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(info).collect()
    }

    /// What authenticators call an account's passkeys.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn passkey_credentials(
        &self,
        account: AccountId,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = sqlx::query("SELECT credential FROM passkeys WHERE account = $1")
            .bind(account.as_bytes())
            .fetch_all(&self.pool)
            .await?;
        let credentials = rows.iter().map(|row| Ok(row.try_get("credential")?));
        credentials.collect()
    }

    /// The passkey that an authenticator calls so, of an account of
    /// this server.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn known_passkey(
        &self,
        credential: &[u8],
    ) -> Result<Option<KnownPasskey>, StoreError> {
        let row = sqlx::query(
            "SELECT passkeys.id AS id, account, record, disabled_at FROM passkeys \
             JOIN accounts ON accounts.id = passkeys.account \
             WHERE credential = $1 AND issuer IS NULL",
        )
        .bind(credential)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(KnownPasskey {
            id: PasskeyId(bytes(&row, "id")?),
            account: AccountId(bytes(&row, "account")?),
            disabled: row.try_get::<Option<i64>, _>("disabled_at")?.is_some(),
            record: row.try_get("record")?,
        }))
    }

    /// Notes a login with a passkey that began then, and what is kept of it from
    /// now on; false when it has changed meanwhile, or a login that began then
    /// or later was noted before.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn use_passkey(
        &self,
        passkey: &KnownPasskey,
        (begun, record): (Millis, &str),
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE passkeys SET record = $1, used_at = $2 \
             WHERE id = $3 AND record = $4 AND COALESCE(used_at, 0) < $2",
        )
        .bind(record)
        .bind(time(begun))
        .bind(passkey.id.as_bytes())
        .bind(passkey.record.as_str())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Calls a passkey of an account something else.
    ///
    /// # Errors
    /// [`Code::NoSuchPasskey`]; when the database fails.
    pub(crate) async fn rename_passkey(
        &self,
        (deed, account): (&Deed, AccountId),
        (id, name): (PasskeyId, &str),
    ) -> Result<PasskeyInfo, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query(
            "UPDATE passkeys SET name = $1 WHERE id = $2 AND account = $3 \
             RETURNING id, name, created_at, used_at",
        )
        .bind(name)
        .bind(id.as_bytes())
        .bind(account.as_bytes())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else {
            return refuse(Code::NoSuchPasskey);
        };
        audit::note(&mut transaction, deed).await?;
        transaction.commit().await?;
        info(&row)
    }

    /// Forgets a passkey of an account and ends the account's sessions but for
    /// one.
    ///
    /// # Errors
    /// [`Code::NoSuchPasskey`]; when the database fails.
    pub(crate) async fn remove_passkey(
        &self,
        (deed, account): (&Deed, AccountId),
        (id, but): (PasskeyId, Option<Digest>),
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query("DELETE FROM passkeys WHERE id = $1 AND account = $2")
            .bind(id.as_bytes())
            .bind(account.as_bytes())
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() != 1 {
            return refuse(Code::NoSuchPasskey);
        }
        // Of the others it is not known whether they began with it.
        sqlx::query("DELETE FROM sessions WHERE account = $1 AND token <> $2")
            .bind(account.as_bytes())
            .bind(but.map_or_else(Vec::new, |but| but.0.to_vec()))
            .execute(&mut *transaction)
            .await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }
}

fn info(row: &AnyRow) -> Result<PasskeyInfo, StoreError> {
    Ok(PasskeyInfo {
        passkey: PasskeyId(bytes(row, "id")?),
        name: row.try_get("name")?,
        created: narrow(row.try_get("created_at")?)?,
        used: optional(row, "used_at")?,
    })
}
