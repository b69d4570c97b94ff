//! `conclave link`: guests' links of a room. The server makes a link's name and
//! keeps its slot; the secret in it is the room's, and comes from the link that
//! is given here.

use crate::consent_text::Language;
use crate::room::{At, credentials};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use conclave_client::consent::{consent_texts, hand_out_link, note_consent, withdraw_consent};
use conclave_client::link::Link as RoomLink;
use conclave_client::rooms::{create_link, list_links, revoke_link};
use conclave_wire::http::{
    Consent, ConsentRequest, ConsentRule, ConsentWay, LinkInfo, LinkRequest, LinkState, Uses,
};
use conclave_wire::id::{LinkId, RoomId};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

#[derive(Args)]
pub(crate) struct Link {
    #[command(subcommand)]
    command: LinkCommand,
}

#[derive(Subcommand)]
enum LinkCommand {
    /// Make a link for a guest, valid in a slot of at most 31 days, and print it.
    ///
    /// It opens in its slot only; a call that runs at the end goes on. The room has to be one of
    /// such links (`conclave room create --scheduled`).
    Create(Create),
    /// List a room's links and how they stand.
    List(List),
    /// Hand a link out that needs consent: from now on its page asks for it.
    HandOut(Which),
    /// Note the consent of a link's guest that came by mail, letter or telephone.
    Consent(NoteConsent),
    /// Note that a consent is withdrawn: the link is closed, and who came by it is thrown out.
    Withdraw(Which),
    /// Take a link back: who came by it is thrown out, and nobody comes by it again.
    Revoke(Which),
}

#[derive(Args)]
#[command(group(ArgGroup::new("uses").required(true).args(["once", "series"])))]
struct Create {
    /// The room's link, its host's as `conclave room create` printed it, for the secret in it; `-`
    /// reads it from standard input, where no other user of the machine can see it.
    #[arg(value_parser = parse_secret)]
    room: Zeroizing<String>,
    /// When it begins to open, as 2026-11-24T10:00:00+01:00; without it at once.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<u64>,
    /// When it ceases to.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: u64,
    /// For one call: the end of the first call somebody was let into by it uses it up.
    #[arg(long)]
    once: bool,
    /// For as many calls as there are in its slot.
    #[arg(long)]
    series: bool,
    /// Closed until its guest consents to the texts of `conclave consent-text`. It begins as a
    /// draft: `conclave link hand-out` has its page ask for consent, `conclave link consent` notes
    /// one that came by mail.
    #[arg(long)]
    consent: bool,
    /// The server's data folder: its operator's token, and its development certificate if it
    /// uses one.
    #[arg(long, env = "CONCLAVE_DATA", default_value = "data")]
    data: PathBuf,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    at: At,
    /// The room: what stands between /r/ and # in its links.
    #[arg(allow_hyphen_values = true)]
    room: RoomId,
}

#[derive(Args)]
struct Which {
    #[command(flatten)]
    at: At,
    /// The room: what stands between /r/ and # in its links.
    #[arg(allow_hyphen_values = true)]
    room: RoomId,
    /// The link: what stands between `l.` and the next dot behind the #.
    #[arg(allow_hyphen_values = true)]
    link: LinkId,
}

#[derive(Args)]
struct NoteConsent {
    #[command(flatten)]
    which: Which,
    /// How it came.
    #[arg(long, value_enum)]
    by: By,
    /// To which version of the texts; without it to the one that holds.
    #[arg(long, value_name = "NUMBER")]
    text_version: Option<u32>,
    /// In which language the text was read.
    #[arg(long, value_enum, default_value = "de")]
    language: Language,
}

/// How a consent came that staff note.
#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// By mail, letter or telephone.
    Mail,
}

impl Link {
    pub(crate) async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        match self.command {
            LinkCommand::Create(create) => create.run().await,
            LinkCommand::List(list) => list.run().await,
            LinkCommand::HandOut(Which { at, room, link }) => {
                let (token, trust) = at.credentials()?;
                Ok(hand_out_link(&at.server, &token, &trust, (room, link)).await?)
            }
            LinkCommand::Consent(consent) => consent.run().await,
            LinkCommand::Withdraw(Which { at, room, link }) => {
                let (token, trust) = at.credentials()?;
                Ok(withdraw_consent(&at.server, &token, &trust, (room, link)).await?)
            }
            LinkCommand::Revoke(Which { at, room, link }) => {
                let (token, trust) = at.credentials()?;
                Ok(revoke_link(&at.server, &token, &trust, (room, link)).await?)
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let (token, trust) = credentials(&self.data)?;
        let room = RoomLink::parse(&read(self.room)?)?;
        let terms = LinkRequest {
            from: self.from.unwrap_or_else(now),
            until: self.until,
            uses: if self.once { Uses::Once } else { Uses::Series },
            consent: match self.consent {
                true => ConsentRule::Required,
                false => ConsentRule::None,
            },
        };
        let link = create_link(room, &token, &trust, terms).await?;
        println!("  guest: {}", *link.guest());
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let (token, trust) = self.at.credentials()?;
        for link in list_links(&self.at.server, &token, &trust, self.room).await? {
            println!("{}", line(&link)?);
        }
        Ok(())
    }
}

impl NoteConsent {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let Which { at, room, link } = self.which;
        let (token, trust) = at.credentials()?;
        let version = match self.text_version {
            Some(version) => version,
            None => {
                let texts = consent_texts(&at.server, &token, &trust, None).await?;
                texts.version
            }
        };
        let By::Mail = self.by;
        let consent = ConsentRequest {
            version,
            language: self.language.into(),
            way: ConsentWay::Mail,
        };
        Ok(note_consent(&at.server, &token, &trust, (room, link), consent).await?)
    }
}

/// What is told of a link: its name, its slot, for how many calls, its state.
fn line(link: &LinkInfo) -> Result<String, time::error::Format> {
    let uses = match link.uses {
        Uses::Once => "once",
        Uses::Series => "series",
    };
    let state = match link.state {
        LinkState::Draft => "draft",
        LinkState::Consent => "awaits consent",
        LinkState::Early => "early",
        LinkState::Active => "active",
        LinkState::InUse => "in use",
        LinkState::Used => "used",
        LinkState::Expired => "expired",
        LinkState::Revoked => "revoked",
        LinkState::Withdrawn => "withdrawn",
    };
    let locked = if link.locked { ", locked" } else { "" };
    let consent = match link.consent {
        None => String::new(),
        Some(Consent {
            version, at, way, ..
        }) => {
            let way = match way {
                ConsentWay::Page => "page",
                ConsentWay::Mail => "mail",
            };
            format!(", consent {} by {way} to version {version}", moment(at)?)
        }
    };
    let (from, until) = (moment(link.from)?, moment(link.until)?);
    Ok(format!(
        "{} {from} {until} {uses} {state}{locked}{consent}",
        link.link
    ))
}

fn moment(millis: u64) -> Result<String, time::error::Format> {
    let nanos = i128::from(millis) * 1_000_000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    moment
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(&Rfc3339)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    u64::try_from(millis).unwrap_or(u64::MAX)
}

fn read(link: Zeroizing<String>) -> std::io::Result<Zeroizing<String>> {
    if link.as_str() != "-" {
        return Ok(link);
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().read_line(&mut line)?;
    Ok(line)
}

fn parse_secret(text: &str) -> Result<Zeroizing<String>, std::convert::Infallible> {
    Ok(Zeroizing::new(text.to_owned()))
}

fn parse_time(text: &str) -> Result<u64, String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "not a time like 2026-11-24T10:00:00+01:00".to_owned())?;
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map_err(|_| "before 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_names_its_offset_and_is_printed_as_one() {
        let at = parse_time("2026-11-24T10:00:00+01:00").expect("a time");
        assert_eq!(at, 1_795_510_800_000);
        assert_eq!(moment(at).expect("prints"), "2026-11-24T09:00:00Z");
        for text in [
            "",
            "2026-11-24",
            "2026-11-24T10:00:00",
            "1969-12-31T23:59:59Z",
        ] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
