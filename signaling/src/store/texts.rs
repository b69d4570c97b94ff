//! What organisations say to everybody. One that has not set a text has that of
//! the organisation that is always there.

use super::load::narrow;
use super::{Store, StoreError, audit, time};
use crate::domain::audit::Deed;
use crate::domain::tenant;
use conclave_wire::id::{RoomId, TenantId};
use conclave_wire::text::{PublicText, PublicTextInfo, PublicTextRequest};
use sqlx::Row as _;

impl Store {
    /// Sets a text of an organisation.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn set_public_text(
        &self,
        deed: &Deed,
        (text, PublicTextRequest { de, en }): (PublicText, &PublicTextRequest),
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO public_texts (tenant, name, set_at, de, en) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant, name) DO UPDATE \
             SET set_at = excluded.set_at, de = excluded.de, en = excluded.en",
        )
        .bind(deed.tenant.as_bytes())
        .bind(text.as_str())
        .bind(time(deed.at))
        .bind(de.as_str())
        .bind(en.as_str())
        .execute(&mut *transaction)
        .await?;
        audit::note(&mut transaction, &about(deed, text)).await?;
        Ok(transaction.commit().await?)
    }

    /// Forgets a text of an organisation; whether it had one.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn remove_public_text(
        &self,
        deed: &Deed,
        text: PublicText,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let removed = sqlx::query("DELETE FROM public_texts WHERE tenant = $1 AND name = $2")
            .bind(deed.tenant.as_bytes())
            .bind(text.as_str())
            .execute(&mut *transaction)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        audit::note(&mut transaction, &about(deed, text)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// A text as it holds in an organisation, if there is one.
    ///
    /// # Errors
    /// When the database fails or holds what no version has written.
    pub(crate) async fn public_text(
        &self,
        tenant: TenantId,
        text: PublicText,
    ) -> Result<Option<PublicTextInfo>, StoreError> {
        let row = sqlx::query(
            "SELECT set_at, de, en, CASE WHEN tenant = $1 THEN 1 ELSE 0 END AS own \
             FROM public_texts WHERE name = $3 AND (tenant = $1 OR tenant = $2) \
             ORDER BY own DESC LIMIT 1",
        )
        .bind(tenant.as_bytes())
        .bind(tenant::DEFAULT.as_bytes())
        .bind(text.as_str())
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            let own: i64 = row.try_get("own")?;
            Ok(PublicTextInfo {
                de: row.try_get("de")?,
                en: row.try_get("en")?,
                since: narrow(row.try_get("set_at")?)?,
                own: own == 1,
            })
        })
        .transpose()
    }

    /// Which texts there are to read in an organisation.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn public_texts(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<PublicText>, StoreError> {
        let rows =
            sqlx::query("SELECT DISTINCT name FROM public_texts WHERE tenant = $1 OR tenant = $2")
                .bind(tenant.as_bytes())
                .bind(tenant::DEFAULT.as_bytes())
                .fetch_all(&self.pool)
                .await?;
        let names: Vec<String> = rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<_, _>>()?;
        let there = |text: &PublicText| names.iter().any(|name| name == text.as_str());
        Ok(PublicText::ALL.iter().copied().filter(there).collect())
    }

    /// The same for a room, of whatever organisation.
    ///
    /// # Errors
    /// [`NoSuchRoom`](conclave_wire::code::Code::NoSuchRoom); as
    /// [`Store::public_texts`].
    pub(crate) async fn public_texts_of(
        &self,
        room: RoomId,
    ) -> Result<Vec<PublicText>, StoreError> {
        let tenant = self.tenant_of_room(room).await?;
        self.public_texts(tenant).await
    }
}

/// A deed that says which text it is about.
fn about(deed: &Deed, text: PublicText) -> Deed {
    Deed {
        detail: Some(text.as_str().to_owned()),
        ..deed.clone()
    }
}
