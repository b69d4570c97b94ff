//! The texts that guests consent to, each version of them.

use super::load::narrow;
use super::{Store, StoreError, audit, time};
use crate::config::MAX_CONSENT_TEXTS;
use crate::domain::audit::Deed;
use crate::domain::tenant;
use conclave_wire::http::{ConsentText, ConsentTexts, ConsentTextsRequest};
use sqlx::Row as _;

/// Whose texts: the organisation that there is where there is only one.
const DEFAULT_TENANT: [u8; 16] = tenant::DEFAULT.0;

impl Store {
    /// Makes the next version of the texts; its number.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there are [`MAX_CONSENT_TEXTS`].
    pub(crate) async fn set_consent_texts(
        &self,
        deed: &Deed,
        ConsentTextsRequest { de, en }: &ConsentTextsRequest,
    ) -> Result<u32, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let last: i64 =
            sqlx::query("SELECT COALESCE(MAX(version), 0) FROM consent_texts WHERE tenant = $1")
                .bind(DEFAULT_TENANT.as_slice())
                .fetch_one(&mut *transaction)
                .await?
                .try_get(0)?;
        if last >= i64::from(MAX_CONSENT_TEXTS) {
            return Err(StoreError::Full);
        }
        let version = last + 1;
        sqlx::query(
            "INSERT INTO consent_texts \
             (tenant, version, made_at, notice_de, consent_de, notice_en, consent_en) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(DEFAULT_TENANT.as_slice())
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

    /// A version of the texts, or without one the newest, if there is any.
    ///
    /// # Errors
    /// When the database fails or holds what no version has written.
    pub(crate) async fn consent_texts(
        &self,
        version: Option<u32>,
    ) -> Result<Option<ConsentTexts>, StoreError> {
        let row = sqlx::query(
            "SELECT version, notice_de, consent_de, notice_en, consent_en FROM consent_texts \
             WHERE tenant = $1 AND version <= $2 AND version >= $3 \
             ORDER BY version DESC LIMIT 1",
        )
        .bind(DEFAULT_TENANT.as_slice())
        .bind(version.map_or(i64::MAX, i64::from))
        .bind(version.map_or(0, i64::from))
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
}
