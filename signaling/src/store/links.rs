//! Guests' links.

use super::load::{bytes, bytes_if_any, narrow};
use super::{Store, StoreError, time};
use crate::config::PAGE;
use crate::domain::Millis;
use crate::domain::link::{GuestLink, Slot, Stage};
use crate::domain::password::Tries;
use conclave_wire::http::{Consent, ConsentWay, Language, Uses};
use conclave_wire::id::{AccountId, LinkId, RoomId};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AnyConnection, Row as _};

/// A statement with what is bound to it.
type Query<'q> = sqlx::query::Query<'q, Any, AnyArguments>;

impl Store {
    /// A page of the guests' links of a room, by when they open, those behind
    /// `after`, and whether there are more.
    ///
    /// # Errors
    /// When the database fails or holds what no version has written.
    pub(crate) async fn links_after(
        &self,
        room: RoomId,
        (after, limit): (Option<LinkId>, u32),
    ) -> Result<(Vec<(LinkId, GuestLink)>, bool), StoreError> {
        let rows = sqlx::query(
            "SELECT id, opens_at, closes_at, uses, stage, failures, \
             consent_version, consent_language, consent_at, consent_way, maker FROM links \
             WHERE room = $1 AND (opens_at > \
             COALESCE((SELECT opens_at FROM links WHERE room = $1 AND id = $2), -1) \
             OR (opens_at = (SELECT opens_at FROM links WHERE room = $1 AND id = $2) \
             AND id > $2)) ORDER BY opens_at, id LIMIT $3",
        )
        .bind(room.as_bytes())
        .bind(after.map_or_else(Vec::new, |after| after.0.to_vec()))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.pool)
        .await?;
        super::page(&rows, limit, link)
    }

    /// One of them, if it is there.
    ///
    /// # Errors
    /// As [`Store::links_after`].
    pub(crate) async fn link(
        &self,
        room: RoomId,
        id: LinkId,
    ) -> Result<Option<GuestLink>, StoreError> {
        let row = sqlx::query(
            "SELECT id, opens_at, closes_at, uses, stage, failures, \
             consent_version, consent_language, consent_at, consent_way, maker FROM links \
             WHERE room = $1 AND id = $2",
        )
        .bind(room.as_bytes())
        .bind(id.as_bytes())
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| Ok(link(&row)?.1)).transpose()
    }

    /// A page of the links that an account made and that were not taken back
    /// yet, those behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn links_by(
        &self,
        maker: AccountId,
        (room, link): (RoomId, LinkId),
    ) -> Result<Vec<(RoomId, LinkId)>, StoreError> {
        let rows = sqlx::query(
            "SELECT room, id FROM links WHERE maker = $1 AND (room, id) > ($2, $3) \
             AND stage NOT IN ('used', 'revoked', 'withdrawn') ORDER BY room, id LIMIT $4",
        )
        .bind(maker.as_bytes())
        .bind(room.as_bytes())
        .bind(link.as_bytes())
        .bind(i64::from(PAGE))
        .fetch_all(&self.pool)
        .await?;
        let link = |row| Ok((RoomId(bytes(row, "room")?), LinkId(bytes(row, "id")?)));
        rows.iter().map(link).collect()
    }

    /// The accounts to which nobody can log in and whose links still open: the
    /// server was stopped before it had taken them back.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn leavers_with_links(&self) -> Result<Vec<AccountId>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT accounts.id AS id FROM accounts JOIN links ON maker = accounts.id \
             WHERE disabled_at IS NOT NULL AND stage NOT IN ('used', 'revoked', 'withdrawn')",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| Ok(AccountId(bytes(row, "id")?)))
            .collect()
    }
}

pub(super) async fn links_of(
    connection: &mut AnyConnection,
    room: RoomId,
) -> Result<Vec<(LinkId, GuestLink)>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, opens_at, closes_at, uses, stage, failures, \
         consent_version, consent_language, consent_at, consent_way, maker FROM links \
         WHERE room = $1 ORDER BY opens_at, id",
    )
    .bind(room.as_bytes())
    .fetch_all(connection)
    .await?;
    rows.iter().map(link).collect()
}

/// Writes a link that was made.
pub(super) fn made<'q>(room: &'q [u8], id: &'q LinkId, link: &GuestLink) -> Query<'q> {
    sqlx::query(
        "INSERT INTO links (room, id, opens_at, closes_at, uses, stage, failures, maker) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(room)
    .bind(id.as_bytes())
    .bind(time(link.slot.from()))
    .bind(time(link.slot.until()))
    .bind(match link.uses {
        Uses::Once => ONCE,
        Uses::Series => SERIES,
    })
    .bind(text_of(&STAGES, link.stage))
    .bind(i64::from(link.tries.0))
    .bind(link.maker.map(|maker| maker.0.to_vec()))
}

/// Writes what has become of it.
pub(super) fn staged<'q>(room: &'q [u8], id: &'q LinkId, stage: Stage) -> Query<'q> {
    sqlx::query("UPDATE links SET stage = $1 WHERE room = $2 AND id = $3")
        .bind(text_of(&STAGES, stage))
        .bind(room)
        .bind(id.as_bytes())
}

/// Writes the consent to it.
pub(super) fn consented<'q>(room: &'q [u8], id: &'q LinkId, consent: &Consent) -> Query<'q> {
    sqlx::query(
        "UPDATE links SET consent_version = $1, consent_language = $2, consent_at = $3, \
         consent_way = $4 WHERE room = $5 AND id = $6",
    )
    .bind(i64::from(consent.version))
    .bind(text_of(&LANGUAGES, consent.language))
    .bind(time(Millis(consent.at)))
    .bind(text_of(&WAYS, consent.way))
    .bind(room)
    .bind(id.as_bytes())
}

/// Forgets it.
pub(super) fn forgotten<'q>(room: &'q [u8], id: &'q LinkId) -> Query<'q> {
    sqlx::query("DELETE FROM links WHERE room = $1 AND id = $2")
        .bind(room)
        .bind(id.as_bytes())
}

/// Writes how many wrong passwords were tried by it.
pub(super) fn tried<'q>(room: &'q [u8], id: &'q LinkId, failures: u32) -> Query<'q> {
    sqlx::query("UPDATE links SET failures = $1 WHERE room = $2 AND id = $3")
        .bind(i64::from(failures))
        .bind(room)
        .bind(id.as_bytes())
}

const ONCE: &str = "once";
const SERIES: &str = "series";

const LANGUAGES: [(Language, &str); 2] = [(Language::De, "de"), (Language::En, "en")];

const WAYS: [(ConsentWay, &str); 2] = [(ConsentWay::Page, "page"), (ConsentWay::Mail, "mail")];

const STAGES: [(Stage, &str); 7] = [
    (Stage::Draft, "draft"),
    (Stage::Consent, "consent"),
    (Stage::Active, "active"),
    (Stage::InUse, "in-use"),
    (Stage::Used, "used"),
    (Stage::Revoked, "revoked"),
    (Stage::Withdrawn, "withdrawn"),
];

fn text_of<T: PartialEq>(all: &[(T, &'static str)], value: T) -> &'static str {
    let found = all.iter().find(|(of, _)| *of == value);
    found.map_or("", |(_, text)| text)
}

fn of_text<T: Copy>(all: &[(T, &'static str)], text: &str) -> Result<T, StoreError> {
    let found = all.iter().find(|(_, of)| *of == text);
    found.map(|(value, _)| *value).ok_or(StoreError::Corrupt)
}

fn link(row: &AnyRow) -> Result<(LinkId, GuestLink), StoreError> {
    let millis = |column| Ok::<_, StoreError>(Millis(narrow(row.try_get(column)?)?));
    let slot = Slot::new(millis("opens_at")?, millis("closes_at")?);
    let (uses, stage): (String, String) = (row.try_get("uses")?, row.try_get("stage")?);
    let link = GuestLink {
        slot: slot.ok_or(StoreError::Corrupt)?,
        uses: match uses.as_str() {
            ONCE => Uses::Once,
            SERIES => Uses::Series,
            _ => return Err(StoreError::Corrupt),
        },
        stage: of_text(&STAGES, &stage)?,
        tries: Tries(narrow(row.try_get("failures")?)?),
        consent: consent(row)?,
        maker: bytes_if_any(row, "maker")?.map(AccountId),
    };
    Ok((LinkId(bytes(row, "id")?), link))
}

fn consent(row: &AnyRow) -> Result<Option<Consent>, StoreError> {
    let version: Option<i64> = row.try_get("consent_version")?;
    let Some(version) = version else {
        return Ok(None);
    };
    let language: String = row.try_get("consent_language")?;
    let way: String = row.try_get("consent_way")?;
    Ok(Some(Consent {
        version: narrow(version)?,
        language: of_text(&LANGUAGES, &language)?,
        at: narrow(row.try_get("consent_at")?)?,
        way: of_text(&WAYS, &way)?,
    }))
}
