//! `conclave link`: guests' links of a room. The server makes a link's name and
//! keeps its slot; the secret in it is the room's, and comes from the link that
//! is given here.

use crate::consent_text::Language;
use crate::invitation::{Appointment, invite};
use crate::room::{At, credentials, moment};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use conclave_client::consent::{consent_texts_of, hand_out_link, note_consent, withdraw_consent};
use conclave_client::link::Link as RoomLink;
use conclave_client::rooms::{create_link, list_links, revoke_link};
use conclave_wire::http::{
    Consent, ConsentRequest, ConsentRule, ConsentWay, LinkInfo, LinkRequest, LinkState, Uses,
};
use conclave_wire::id::{LinkId, RoomId};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
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
    /// Print a link that opens now, or say why it does not.
    Show(Which),
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
    /// The room's link, its staff's or its host's as `conclave room create` printed it, for the
    /// secret in it; `-` reads it from standard input, where no other user of the machine can see
    /// it.
    #[arg(value_parser = parse_secret)]
    room: Zeroizing<String>,
    /// When it begins to open, as 2026-11-24T10:00:00+01:00 or 2026-11-24T10:00[Europe/Berlin];
    /// without it at once.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Zoned>,
    /// When it ceases to.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Zoned,
    /// Make a link for the same hour of so many weeks, this one included, each for its own slot:
    /// the hour of the named place, whether its clocks have changed or not.
    #[arg(long, value_name = "WEEKS", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=53))]
    weeks: u8,
    /// Write an invitation with the links, for a calendar (iCalendar, RFC 5545), into this new
    /// file. The password is not in it.
    #[arg(long, value_name = "FILE")]
    invitation: Option<PathBuf>,
    /// What the invitation is to.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Video call",
        requires = "invitation"
    )]
    title: String,
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
            LinkCommand::Show(Which { at, room, link }) => {
                let shown = at.operator()?.link(room, link).await?;
                at.print(&shown, line)
            }
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
        let room = read(self.room)?;
        let consent = match self.consent {
            true => ConsentRule::Required,
            false => ConsentRule::None,
        };
        let uses = if self.once { Uses::Once } else { Uses::Series };
        let from = self
            .from
            .unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC));
        // Before the first link is made: a file that is there already stays as it is.
        let mut file = self.invitation.as_deref().map(private).transpose()?;
        let mut appointments = Vec::new();
        for week in 0..i64::from(self.weeks) {
            let later = |moment: &Zoned| moment.checked_add(week.weeks());
            let (from, until) = (later(&from)?.timestamp(), later(&self.until)?.timestamp());
            let terms = LinkRequest {
                from: millis(from)?,
                until: millis(until)?,
                uses,
                consent,
            };
            let link = create_link(RoomLink::parse(&room)?, &token, &trust, terms).await?;
            println!("  guest: {}", *link.guest());
            appointments.push(Appointment { from, until, link });
        }
        if let Some(file) = &mut file {
            file.write_all(invite(&self.title, &appointments)?.as_bytes())?;
        }
        Ok(())
    }
}

/// A new file that nobody else of this machine reads: what is in it opens calls.
fn private(path: &Path) -> Result<File, String> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| format!("{}: {error}", path.display()))
}

impl List {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let (token, trust) = self.at.credentials()?;
        let links = list_links(&self.at.server, &token, &trust, self.room).await?;
        self.at.print_all(&links, line)
    }
}

impl NoteConsent {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let Which { at, room, link } = self.which;
        let (token, trust) = at.credentials()?;
        let version = match self.text_version {
            Some(version) => version,
            None => {
                let texts = consent_texts_of(&at.server, &token, &trust, room).await?;
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
fn line(link: &LinkInfo) -> String {
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
            format!(", consent {} by {way} to version {version}", moment(at))
        }
    };
    let (from, until) = (moment(link.from), moment(link.until));
    format!(
        "{} {from} {until} {uses} {state}{locked}{consent}",
        link.link
    )
}

/// As the server counts: milliseconds since the Unix epoch.
fn millis(moment: Timestamp) -> Result<u64, &'static str> {
    u64::try_from(moment.as_millisecond()).map_err(|_| "before 1970")
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

/// A moment at a place, or at an offset from UTC; without either it would be an
/// hour of whatever machine this is.
fn parse_time(text: &str) -> Result<Zoned, String> {
    let moment = text.parse::<Zoned>().or_else(|_| {
        let moment = text.parse::<Timestamp>()?;
        Ok(moment.to_zoned(TimeZone::UTC))
    });
    moment.map_err(|_: jiff::Error| "not a time like 2026-11-24T10:00[Europe/Berlin]".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_names_its_place_or_its_offset_and_is_printed_in_utc() {
        for text in [
            "2026-11-24T10:00:00+01:00",
            "2026-11-24T10:00[Europe/Berlin]",
            "2026-11-24T09:00:00Z",
        ] {
            let at = millis(parse_time(text).expect("a time").timestamp()).expect("since 1970");
            assert_eq!(at, 1_795_510_800_000, "{text}");
            assert_eq!(moment(at), "2026-11-24T09:00:00Z");
        }
        for text in [
            "",
            "2026-11-24",
            "2026-11-24T10:00:00",
            "2026-11-24T10:00[Nowhere/Land]",
        ] {
            assert!(parse_time(text).is_err(), "{text}");
        }
        let before = parse_time("1969-12-31T23:59:59Z").expect("a time");
        assert!(millis(before.timestamp()).is_err());
    }

    #[test]
    fn a_week_later_is_the_same_hour_of_the_place_though_its_clocks_have_changed() {
        let before = parse_time("2027-03-24T10:00[Europe/Berlin]").expect("a time");
        let after = before.checked_add(1.week()).expect("a week later");
        assert_eq!(
            after.to_string(),
            "2027-03-31T10:00:00+02:00[Europe/Berlin]"
        );
    }
}
