//! `conclave join` as clap arguments, for the binary to put among its own
//! commands.

use crate::audio::meter::{HIGHEST, LOWEST};
use crate::audio::source::Signal;
use crate::audio::wav::{self, WavError};
use crate::call::Admit;
use crate::event::Event;
use crate::link::{Link, LinkError};
use crate::participant::{JoinError, Options, Participant};
use crate::report::Report;
use crate::trust::{Trust, TrustError};
use crate::vp9::ivf::{Clip, IvfError};
use conclave_e2ee::Password;
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

/// Arguments of `conclave join`. They hold secrets and cannot be printed.
#[derive(clap::Args)]
pub struct JoinArguments {
    /// The room's link; `-` reads it from standard input, where no other user
    /// of the machine can see it
    #[arg(value_parser = parse_link)]
    link: Zeroizing<String>,
    /// The file with the link's password, if it has one; `-` reads it from
    /// standard input, behind the link if that comes from there, too
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Name to go by
    #[arg(long, default_value = "Native")]
    name: String,
    /// Certificate authorities to believe besides the system's, in PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Send a tone of this many hertz
    #[arg(long, value_name = "HZ", value_parser = parse_tone, conflicts_with = "audio")]
    tone: Option<f32>,
    /// Send a WAV file, again and again
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// Send a VP9 clip in IVF as camera, again and again
    #[arg(long, value_name = "FILE")]
    video: Option<PathBuf>,
    /// Send a VP9 clip in IVF as screen, again and again
    #[arg(long, value_name = "FILE")]
    screen: Option<PathBuf>,
    /// Begin the call if there is none; needs a host's link
    #[arg(long)]
    start: bool,
    /// Whom to let in: `none`, `all`, or one NAME
    #[arg(long, value_name = "WHOM", default_value = "none", value_parser = parse_admit)]
    admit: Admit,
    /// Leave this many seconds after admission
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    duration: Option<Duration>,
    /// Leave by ending the call for everyone
    #[arg(long)]
    end: bool,
    /// Write a report as JSON at the end; `-` for standard output
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Tell what happens as JSON lines on standard output
    #[arg(long)]
    events: bool,
    /// Receive slots for sound
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    audio_slots: usize,
    /// Receive slots for pictures
    #[arg(long, value_name = "COUNT", default_value_t = 12)]
    video_slots: usize,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The link is not one.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The password cannot be one.
    #[error("a password has twelve letters and digits, and this has not")]
    Password,
    /// The operating system does not let us hear its signals.
    #[error("signals cannot be heard: {0}")]
    Signal(std::io::Error),
    /// The certificate authorities cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The sound cannot be played.
    #[error("--audio: {0}")]
    Wav(#[from] WavError),
    /// The pictures cannot be sent.
    #[error("--{option}: {error}")]
    Ivf {
        /// Which option named the file.
        option: &'static str,
        /// Why.
        error: IvfError,
    },
    /// The call failed.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The report cannot be written as JSON.
    #[error("the report cannot be written: {0}")]
    Report(#[from] serde_json::Error),
}

/// `conclave join`: takes part until it is over, or until SIGINT or SIGTERM:
/// then it leaves, so that nobody waits for one who does not come back.
///
/// # Errors
/// [`CommandError`], for the user.
pub async fn join_command(arguments: JoinArguments) -> Result<(), CommandError> {
    let report_to = arguments.report.clone();
    let (events, end) = (arguments.events, arguments.end);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CommandError::Signal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CommandError::Signal)?;
    let options = arguments.options()?;
    let started = Instant::now();
    let mut participant = Participant::start(options);
    loop {
        tokio::select! {
            event = participant.next_event() => match event {
                Some(event) if events => print_event(&event, started.elapsed()),
                Some(event) => warn(&event),
                None => break,
            },
            _ = interrupt.recv() => depart(&participant, end).await,
            _ = terminate.recv() => depart(&participant, end).await,
        }
    }
    let report = participant.finish().await?;
    match report_to {
        Some(path) => write_report(&path, &report),
        None => Ok(()),
    }
}

async fn depart(participant: &Participant, end: bool) {
    if end {
        participant.end_call().await;
    } else {
        participant.leave().await;
    }
}

impl JoinArguments {
    fn options(self) -> Result<Options, CommandError> {
        let link = if self.link.as_str() == "-" {
            Link::parse(&read_line()?)?
        } else {
            Link::parse(&self.link)?
        };
        let password = self.password_file.as_deref().map(password).transpose()?;
        let mut options = Options::new(link, trust(self.ca.as_deref())?, &self.name);
        options.password = password;
        options.sound = match (self.tone, &self.audio) {
            (Some(hertz), _) => Some(Signal::Tone(hertz)),
            (None, Some(path)) => Some(Signal::Samples(wav::read(&read(path)?)?)),
            (None, None) => None,
        };
        options.camera = clip("video", self.video.as_deref())?;
        options.screen = clip("screen", self.screen.as_deref())?;
        options.start = self.start;
        options.admit = self.admit;
        options.leave_after = self.duration;
        options.end = self.end;
        options.audio_slots = self.audio_slots;
        options.video_slots = self.video_slots;
        Ok(options)
    }
}

fn password(path: &Path) -> Result<Password, CommandError> {
    let text = if path == Path::new("-") {
        read_line()?
    } else {
        let text = std::fs::read_to_string(path).map_err(|error| CommandError::File {
            path: path.to_owned(),
            error,
        })?;
        Zeroizing::new(text)
    };
    Password::parse(&text).map_err(|_| CommandError::Password)
}

fn read_line() -> Result<Zeroizing<String>, CommandError> {
    let mut line = Zeroizing::new(String::new());
    let read = std::io::stdin().read_line(&mut line);
    read.map_err(|error| CommandError::File {
        path: "-".into(),
        error,
    })?;
    Ok(line)
}

fn trust(ca: Option<&Path>) -> Result<Trust, CommandError> {
    let pem = ca.map(read).transpose()?;
    Ok(Trust::new(pem.as_deref())?)
}

fn clip(option: &'static str, path: Option<&Path>) -> Result<Option<Clip>, CommandError> {
    let Some(path) = path else { return Ok(None) };
    let clip = Clip::parse(&read(path)?).map_err(|error| CommandError::Ivf { option, error })?;
    Ok(Some(clip))
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    std::fs::read(path).map_err(|error| CommandError::File {
        path: path.to_owned(),
        error,
    })
}

/// Says on standard error what nobody may miss.
fn warn(event: &Event) {
    let text = match event {
        Event::Split { .. } => "what others send cannot be opened: the call may be split",
        Event::RosterDiffers { .. } => "the server names others than those who hold the keys",
        _ => return,
    };
    // Who closed it does not want to know.
    let _ = writeln!(
        std::io::stderr(),
        "conclave: warning: {text}; say nothing confidential"
    );
}

fn print_event(event: &Event, at: Duration) {
    #[derive(Serialize)]
    struct Line<'a> {
        at_ms: u64,
        #[serde(flatten)]
        event: &'a Event,
    }
    let line = Line {
        at_ms: at.as_millis() as u64,
        event,
    };
    if let Ok(text) = serde_json::to_string(&line) {
        // Whoever does not read any more does not want to know.
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

fn write_report(path: &Path, report: &Report) -> Result<(), CommandError> {
    if path == Path::new("-") {
        let text = serde_json::to_string(report)?;
        let _ = writeln!(std::io::stdout(), "{text}");
        return Ok(());
    }
    let text = serde_json::to_string_pretty(report)?;
    std::fs::write(path, text + "\n").map_err(|error| CommandError::File {
        path: path.to_owned(),
        error,
    })
}

fn parse_link(text: &str) -> Result<Zeroizing<String>, std::convert::Infallible> {
    Ok(Zeroizing::new(text.to_owned()))
}

fn parse_tone(text: &str) -> Result<f32, String> {
    let hertz: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    (LOWEST as f32..=HIGHEST as f32)
        .contains(&hertz)
        .then_some(hertz)
        .ok_or_else(|| format!("from {LOWEST} to {HIGHEST}"))
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "out of range".to_owned())
}

fn parse_admit(text: &str) -> Result<Admit, std::convert::Infallible> {
    Ok(match text {
        "none" => Admit::Nobody,
        "all" => Admit::All,
        name => Admit::Named(name.to_owned()),
    })
}
