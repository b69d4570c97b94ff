//! `conclave room`: a client of the server's HTTP interface. It makes the link
//! secret and the password on this side, so that the server never sees them.

use crate::consent_text::Language;
use crate::tenant;
use clap::{Args, Subcommand};
use conclave_client::accounts::Operator;
use conclave_client::link::{Password, Server};
use conclave_client::rooms::{NewRoom, create_room, unlock_room};
use conclave_client::trust::Trust;
use conclave_signaling::{operator, tls};
use conclave_wire::http::{Consultation, RoomEntry, RoomInfo, RoomPeople, Sharing};
use conclave_wire::id::RoomId;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Args)]
pub(crate) struct Room {
    #[command(subcommand)]
    command: RoomCommand,
}

#[derive(Subcommand)]
enum RoomCommand {
    /// Make a room; prints its host's link, and its guests' link or, where each is to have one of
    /// their own, the link for staff who make these.
    Create(Create),
    /// List the rooms of an organisation.
    List(List),
    /// Print what anyone may know of a room.
    Show(Which),
    /// Print, or say, whom a marked room's calls are for.
    People(People),
    /// Open a room's links again, which wrong passwords have locked.
    Unlock(Which),
    /// Have the password of a room's links sent to a telephone, which it reads from standard input:
    /// by the endpoint of the organisation that is told password.send (`conclave webhook`). The
    /// link goes another way.
    SendPassword(SendPassword),
    /// Delete a room with its links; its call ends.
    Delete(Which),
}

#[derive(Args)]
struct Create {
    #[command(flatten)]
    at: At,
    /// Draw a password for the links and print it, once. Without it a link that fell into the
    /// wrong hands opens nothing: hand it on another way, by telephone or on paper.
    #[arg(long)]
    password: bool,
    /// Let each guest in by a link of their own, with a slot (`conclave link create`), and not by
    /// one link for all. From the staff's link, which is printed instead, such links are made; it
    /// opens no call.
    #[arg(long)]
    scheduled: bool,
    /// Make its calls consultations: for two people, or as many as said here, up to nine; only
    /// hosts let others in, every microphone is heard, and packets of sound have one size and no
    /// level.
    #[arg(
        long,
        value_name = "PEOPLE",
        num_args = 0..=1,
        default_missing_value = "2",
        value_parser = clap::value_parser!(u8).range(2..=9)
    )]
    consultation: Option<u8>,
    /// The host's real name, as guests of a consultation read it before and while they wait.
    /// Whoever knows the room's address can read it.
    #[arg(long, value_name = "NAME", requires = "consultation")]
    host_name: Option<String>,
    /// For how many people its calls are at most, two or more, within the organisation's quota.
    /// Who comes when they are complete is refused; hosts may wait.
    #[arg(
        long,
        value_name = "PEOPLE",
        conflicts_with = "consultation",
        value_parser = clap::value_parser!(u32).range(2..)
    )]
    max_people: Option<u32>,
    /// Let nobody share a screen but hosts and those whom they make presenters in the call.
    #[arg(long)]
    presenters_share: bool,
    /// Mark its calls, as VS-NfD: only devices that the organisation has certified take part,
    /// and members see whether the marking holds. It is no approval.
    #[arg(long, value_name = "MARKING", conflicts_with_all = ["scheduled", "consultation"])]
    marking: Option<String>,
    /// Of a marked room: let nobody take part but these people of the organisation, by their names
    /// to log in with, with commas between them.
    #[arg(
        long,
        value_name = "LOGINS",
        value_delimiter = ',',
        requires = "marking"
    )]
    listed: Option<Vec<String>>,
}

#[derive(Args)]
struct People {
    #[command(flatten)]
    which: Which,
    /// Put these people in the place of those on the list, by their names to log in with, with
    /// commas between them.
    #[arg(
        long,
        value_name = "LOGINS",
        value_delimiter = ',',
        conflicts_with = "everybody"
    )]
    set: Option<Vec<String>>,
    /// Let everybody of the organisation take part.
    #[arg(long)]
    everybody: bool,
}

#[derive(Args)]
struct SendPassword {
    #[command(flatten)]
    which: Which,
    /// The telephone's number: + and 8 to 15 digits, the country's first
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// In which language the message is to be
    #[arg(long, value_enum, default_value = "de")]
    language: Language,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    at: At,
    /// The organisation
    #[arg(long, default_value = "default", value_parser = tenant::name)]
    tenant: String,
}

#[derive(Args)]
struct Which {
    #[command(flatten)]
    at: At,
    /// The room: what stands between /r/ and # in its links.
    #[arg(allow_hyphen_values = true)]
    room: RoomId,
}

/// Which server, and by what right.
#[derive(Args)]
pub(crate) struct At {
    /// The server: https://HOST[:PORT]
    #[arg(
        long,
        env = "CONCLAVE_SERVER",
        default_value = "https://localhost:8443"
    )]
    pub(crate) server: Server,
    /// The server's data folder: its operator's token, and its development certificate if it
    /// uses one.
    #[arg(long, env = "CONCLAVE_DATA", default_value = "data")]
    data: PathBuf,
    /// Print JSON, as the HTTP interface gives it.
    #[arg(long)]
    json: bool,
}

impl At {
    /// Prints entries, a line each; with `--json` a list.
    pub(crate) fn print_all<T: Serialize>(
        &self,
        entries: &[T],
        line: impl Fn(&T) -> String,
    ) -> Result<(), Box<dyn std::error::Error>> {
        match self.json {
            true => println!("{}", serde_json::to_string(entries)?),
            false => entries.iter().for_each(|entry| println!("{}", line(entry))),
        }
        Ok(())
    }

    /// Prints something; with `--json` as it came.
    pub(crate) fn print<T: Serialize>(
        &self,
        value: &T,
        text: impl Fn(&T) -> String,
    ) -> Result<(), Box<dyn std::error::Error>> {
        match self.json {
            true => println!("{}", serde_json::to_string(value)?),
            false => println!("{}", text(value)),
        }
        Ok(())
    }

    /// The operator's token, and whom to believe.
    pub(crate) fn credentials(&self) -> Result<(String, Trust), Box<dyn std::error::Error>> {
        credentials(&self.data)
    }

    /// The server, with the right to administer it.
    pub(crate) fn operator(&self) -> Result<Operator, Box<dyn std::error::Error>> {
        let (token, trust) = self.credentials()?;
        let server = self.server.clone();
        Ok(Operator {
            server,
            token,
            trust,
        })
    }
}

/// The operator's token in the server's data folder, and whom to believe.
pub(crate) fn credentials(data: &Path) -> Result<(String, Trust), Box<dyn std::error::Error>> {
    let path = operator::token_file(data);
    let token =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let certificate = std::fs::read(tls::development_certificate(data)).ok();
    Ok((token.trim().to_owned(), Trust::new(certificate.as_deref())?))
}

impl Room {
    pub(crate) async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        match self.command {
            RoomCommand::Create(create) => create.run().await,
            RoomCommand::List(List { at, tenant }) => {
                at.print_all(&at.operator()?.rooms(&tenant).await?, line)
            }
            RoomCommand::Show(Which { at, room }) => {
                at.print(&at.operator()?.room(room).await?, text)
            }
            RoomCommand::People(people) => people.run().await,
            RoomCommand::Unlock(Which { at, room }) => {
                let (token, trust) = at.credentials()?;
                Ok(unlock_room(&at.server, &token, &trust, room).await?)
            }
            RoomCommand::SendPassword(send) => send.run().await,
            RoomCommand::Delete(Which { at, room }) => Ok(at.operator()?.delete_room(room).await?),
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let (token, trust) = self.at.credentials()?;
        let password = self.password.then(Password::generate).transpose()?;
        let room = NewRoom {
            password: password.as_ref(),
            scheduled: self.scheduled,
            consultation: self.consultation.map(|people| Consultation {
                people,
                host_name: self.host_name,
            }),
            max_people: self.max_people,
            sharing: match self.presenters_share {
                true => Sharing::Presenters,
                false => Sharing::All,
            },
            marking: self.marking,
            listed: self.listed,
        };
        let link = create_room(&self.at.server, &token, &trust, room).await?;
        // Where guests have links of their own, the room's link without the host key opens nothing.
        let (guests, staff) = match self.scheduled {
            true => (None, Some(link.guest())),
            false => (Some(link.guest()), None),
        };
        let host = link.host();
        let password = password.map(|password| password.grouped());
        if self.at.json {
            let printed = Zeroizing::new(
                json!({
                    "room": link.room,
                    "host": host.as_deref(),
                    "guests": guests.as_deref(),
                    "staff": staff.as_deref(),
                    "password": password.as_deref(),
                })
                .to_string(),
            );
            println!("{}", *printed);
            return Ok(());
        }
        if let Some(host) = host {
            println!("  host:   {}", *host);
        }
        if let Some(guests) = guests {
            println!("  guests: {}", *guests);
        }
        if let Some(staff) = staff {
            println!("  staff:  {}", *staff);
        }
        if let Some(password) = password {
            println!();
            println!("  password, never beside a link: {}", *password);
        }
        Ok(())
    }
}

impl People {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let Which { at, room } = self.which;
        let operator = at.operator()?;
        let people = match (self.set, self.everybody) {
            (None, false) => operator.room_people(room).await?,
            (listed, _) => {
                operator
                    .set_room_people(room, &RoomPeople { listed })
                    .await?
            }
        };
        at.print(&people, |people| match &people.listed {
            Some(listed) => listed.join("\n"),
            None => "everybody of the organisation".to_owned(),
        })
    }
}

impl SendPassword {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let Which { at, room } = self.which;
        if std::io::stdin().is_terminal() {
            eprint!("password: ");
        }
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut line)?;
        let password = Password::parse(&line)?;
        let message = (&password, self.to.as_str());
        let operator = at.operator()?;
        let sent = operator.send_password(room, message, self.language.into());
        Ok(sent.await?)
    }
}

/// What is told of a room in a list: its name, when it was made, how guests
/// come, its title.
fn line(room: &RoomEntry) -> String {
    let guests = if room.scheduled { "scheduled" } else { "open" };
    let password = if room.password { ", password" } else { "" };
    let title = room.title.as_ref();
    let title = title.map_or_else(String::new, |title| format!(" \"{title}\""));
    let marking = marked(room.marking.as_deref());
    let made = moment(room.created);
    format!("{} {made} {guests}{password}{marking}{title}", room.room)
}

/// What is told of one room, which anyone may know.
fn text(room: &RoomInfo) -> String {
    let guests = if room.scheduled { "scheduled" } else { "open" };
    let password = if room.password { ", password" } else { "" };
    let consultation = room.consultation.as_ref();
    let consultation = consultation.map_or_else(String::new, |it| {
        let host = it.host_name.as_deref();
        let host = host.map_or_else(String::new, |host| format!(" with \"{host}\""));
        format!(", consultation of {}{host}", it.people)
    });
    let marking = marked(room.marking.as_deref());
    format!(
        "suite {:#06x} {guests}{password}{consultation}{marking}",
        room.suite
    )
}

fn marked(marking: Option<&str>) -> String {
    marking.map_or_else(String::new, |marking| format!(", marked \"{marking}\""))
}

/// A moment of the server, in UTC.
pub(crate) fn moment(millis: u64) -> String {
    let moment = i64::try_from(millis).map(Timestamp::from_millisecond);
    moment.map_or_else(
        |_| millis.to_string(),
        |moment| moment.map_or_else(|_| millis.to_string(), |moment| moment.to_string()),
    )
}
