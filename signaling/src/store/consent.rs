//! The texts that guests consent to, each version of them. An organisation that
//! has set none has those of the one that is always there. Versions are counted
//! so that a number means one text to it, also when it sets its first: that one
//! is numbered behind all that it had before.

use super::load::narrow;
use super::{Store, StoreError, audit, count, time};
use crate::config::MAX_CONSENT_TEXTS;
use crate::domain::audit::Deed;
use crate::domain::tenant;
use conclave_wire::http::{ConsentText, ConsentTexts, ConsentTextsRequest};
use conclave_wire::id::{RoomId, TenantId};
use sqlx::Row as _;

impl Store {
    /// Makes the next version of an organisation's texts; its number.
    ///
    /// # Errors
    /// [`StoreError::Full`] when it has [`MAX_CONSENT_TEXTS`].
    pub(crate) async fn set_consent_texts(
        &self,
        deed: &Deed,
        ConsentTextsRequest { de, en }: &ConsentTextsRequest,
    ) -> Result<u32, StoreError> {
        let (mut transaction, tenant) = (self.pool.begin().await?, deed.tenant);
        let own = sqlx::query("SELECT COUNT(*) FROM consent_texts WHERE tenant = $1");
        let own = count(&mut transaction, own.bind(tenant.0.to_vec())).await?;
        if own >= u64::from(MAX_CONSENT_TEXTS) {
            return Err(StoreError::Full);
        }
        let last: i64 = sqlx::query(
            "SELECT COALESCE(MAX(version), 0) FROM consent_texts WHERE tenant = $1 \
             OR (tenant = $2 AND NOT EXISTS (SELECT 1 FROM consent_texts WHERE tenant = $1))",
        )
        .bind(tenant.as_bytes())
        .bind(tenant::DEFAULT.as_bytes())
        .fetch_one(&mut *transaction)
        .await?
        .try_get(0)?;
        let version = last + 1;
        sqlx::query(
            "INSERT INTO consent_texts \
             (tenant, version, made_at, notice_de, consent_de, notice_en, consent_en) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(tenant.as_bytes())
        .bind(version)
        .bind(time(deed.at))
        .bind(de.notice.as_str())
        .bind(de.consent.as_str())
        .bind(en.notice.as_str())
        .bind(en.consent.as_str())
        .execute(&mut *transaction)
        .await?;
        let deed = Deed {
            detail: Some(version.to_string()),
            ..deed.clone()
        };
        audit::note(&mut transaction, &deed).await?;
        transaction.commit().await?;
        narrow(version)
    }

    /// A version of the texts that hold in an organisation, or without one the
    /// newest, if there is any.
    ///
    /// # Errors
    /// When the database fails or holds what no version has written.
    pub(crate) async fn consent_texts(
        &self,
        tenant: TenantId,
        version: Option<u32>,
    ) -> Result<Option<ConsentTexts>, StoreError> {
        let row = sqlx::query(
            "SELECT version, notice_de, consent_de, notice_en, consent_en FROM consent_texts \
             WHERE version <= $3 AND version >= $4 AND (tenant = $1 OR (tenant = $2 AND version < \
             COALESCE((SELECT MIN(version) FROM consent_texts WHERE tenant = $1), $5))) \
             ORDER BY version DESC LIMIT 1",
        )
        .bind(tenant.as_bytes())
        .bind(tenant::DEFAULT.as_bytes())
        .bind(version.map_or(i64::MAX, i64::from))
        .bind(version.map_or(0, i64::from))
        .bind(i64::MAX)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(ConsentTexts {
                version: narrow(row.try_get("version")?)?,
                de: ConsentText {
                    notice: row.try_get("notice_de")?,
                    consent: row.try_get("consent_de")?,
                },
                en: ConsentText {
                    notice: row.try_get("notice_en")?,
                    consent: row.try_get("consent_en")?,
                },
            })
        })
        .transpose()
    }

    /// The same for a room, of whatever organisation.
    ///
    /// # Errors
    /// [`NoSuchRoom`](conclave_wire::code::Code::NoSuchRoom); as
    /// [`Store::consent_texts`].
    pub(crate) async fn consent_texts_of(
        &self,
        room: RoomId,
        version: Option<u32>,
    ) -> Result<Option<ConsentTexts>, StoreError> {
        let tenant = self.tenant_of_room(room).await?;
        self.consent_texts(tenant, version).await
    }
}
