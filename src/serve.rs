//! `conclave serve`: signaling and media in one process.

use crate::{assets, media_metrics};
use clap::Args;
use conclave_sfu::config::Pinning;
use conclave_signaling as signaling;
use conclave_signaling::domain::reach::Reach;
use conclave_wire::control::{Command, Event};
use conclave_wire::http::{MediaAddress, MediaTrial};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Commands and events that may wait between signaling and media. A call of a
/// hundred that starts at once sends a few hundred; more means that the
/// receiver stands still, and then the sender should wait.
const CONTROL_QUEUE: usize = 1024;

#[derive(Args)]
pub(crate) struct Serve {
    /// Where HTTPS and WebSockets are served
    #[arg(long, env = "CONCLAVE_LISTEN", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// The UDP port of all media; with more shards, the first of their ports
    #[arg(long, env = "CONCLAVE_MEDIA", default_value = "0.0.0.0:8443")]
    media: SocketAddr,
    /// An address at which clients reach the media port; can be given more than once. Default:
    /// the address this machine reaches others from, and the loopback one
    #[arg(long, env = "CONCLAVE_ANNOUNCE", value_delimiter = ',')]
    announce: Vec<IpAddr>,
    /// Threads that forward media, each with a UDP port of its own, the next one: as many as
    /// cores are free for it. A large call spans several
    #[arg(long, env = "CONCLAVE_SHARDS", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: u16,
    /// A call goes on on another of these threads when its own has so many participants more
    #[arg(long, env = "CONCLAVE_SPILL", default_value = "25", value_parser = clap::value_parser!(u16).range(1..))]
    spill: u16,
    /// Let the kernel move these threads between cores. Otherwise several of them stay on a core
    /// each, if there are as many cores
    #[arg(long, env = "CONCLAVE_UNPINNED")]
    unpinned: bool,
    /// How many microphones of a call are heard at once: the loudest, by a level that clients tell
    /// the server. "all": nobody is asked how loud it is, and everybody is heard, as far as the
    /// receivers' slots reach
    #[arg(long, env = "CONCLAVE_HEARD", default_value = "6", value_parser = heard)]
    heard: Heard,
    /// The TCP port at which clients reach what --listen serves. Where UDP does not get through,
    /// media takes it, too. 0: no media over TCP. Default: the port of --listen
    #[arg(long, env = "CONCLAVE_TCP_PORT")]
    tcp_port: Option<u16>,
    /// Where the database, the operator's token and the development certificate live
    #[arg(long, env = "CONCLAVE_DATA", default_value = "data")]
    data: PathBuf,
    /// The PostgreSQL database to use, postgres://USER:PASSWORD@HOST/NAME; with one on another
    /// machine, add ?sslmode=verify-full. Default: SQLite, in a file of --data
    #[arg(long, env = "CONCLAVE_DATABASE", hide_env_values = true)]
    database: Option<signaling::PostgresUrl>,
    /// The certificate chain, PEM. Default: a self-made development certificate
    #[arg(long, env = "CONCLAVE_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, env = "CONCLAVE_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The address people open, https://NAME, with its port if it has one. Passkeys are made for
    /// its name: by another name or by an address nobody logs in with one. Default: localhost, for
    /// this machine alone
    #[arg(long, env = "CONCLAVE_URL")]
    url: Option<signaling::Origin>,
    /// The MLS ciphersuite of new rooms: 0x004E (post-quantum hybrid) or 0x0001
    #[arg(long, env = "CONCLAVE_SUITE", default_value = "0x004E", value_parser = suite)]
    suite: u16,
    /// How many days a guest's link, and the consent to it, is kept after its slot
    #[arg(long, env = "CONCLAVE_KEEP_LINKS", default_value = "31", value_parser = clap::value_parser!(u16).range(1..=90))]
    keep_links: u16,
    /// How many days a line of the audit log is kept
    #[arg(long, env = "CONCLAVE_KEEP_AUDIT", default_value = "365", value_parser = clap::value_parser!(u16).range(90..=1095))]
    keep_audit: u16,
    /// Where organisations may have webhooks sent to: "public" addresses of the internet,
    /// "private" networks as well, or this machine by "loopback" as well, then also over HTTP
    #[arg(long, env = "CONCLAVE_WEBHOOKS_TO", default_value = "public")]
    webhooks_to: Reach,
    /// For how many seconds after SIGTERM or SIGINT all goes on, but for /readyz, which says 503: a
    /// load balancer has so long to notice. A second signal ends the waiting
    #[arg(long, env = "CONCLAVE_DRAIN", default_value = "0", value_parser = clap::value_parser!(u16).range(0..=600))]
    drain: u16,
}

/// How many are heard at once; without a number everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heard(Option<usize>);

fn heard(text: &str) -> Result<Heard, String> {
    match (text, text.parse()) {
        ("all", _) => Ok(Heard(None)),
        (_, Ok(count @ 1..=32)) => Ok(Heard(Some(count))),
        _ => Err("either a number from 1 to 32 or \"all\"".into()),
    }
}

fn suite(text: &str) -> Result<u16, String> {
    match text
        .strip_prefix("0x")
        .map(|digits| u16::from_str_radix(digits, 16))
    {
        Some(Ok(suite @ (0x004E | 0x0001))) => Ok(suite),
        _ => Err("the ciphersuites are 0x004E and 0x0001".into()),
    }
}

impl Serve {
    /// Serves until SIGTERM or SIGINT.
    pub(crate) async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let announce = if self.announce.is_empty() {
            own_addresses(self.media.ip())
        } else {
            self.announce.clone()
        };
        let candidates = announce
            .iter()
            .map(|address| SocketAddr::new(*address, 0))
            .collect();
        let mut media = conclave_sfu::Config::new(self.media, candidates);
        media.shards = self.shards.into();
        media.spill = self.spill.into();
        if self.unpinned {
            media.pinning = Pinning::None;
        }
        media.limits.heard = self.heard.0;
        let (sfu, events) = conclave_sfu::start(&media)?;
        let over_tcp = self.tcp_port != Some(0);
        let media = signaling::MediaPlane {
            commands: commands_to(sfu.clone()),
            events: events_from(events),
            streams: over_tcp.then(|| streams_to(sfu.clone())),
            metrics: Some(media_metrics::metrics(sfu.clone())?),
            trial: Some(trial_of(sfu.clone())),
        };
        let config = signaling::Config {
            listen: self.listen,
            data_dir: self.data,
            database: self.database,
            tls: self
                .tls_cert
                .zip(self.tls_key)
                .map(|(certificate, key)| signaling::TlsFiles { certificate, key }),
            suite: self.suite,
            origin: self.url.unwrap_or(signaling::Origin::UNNAMED),
            names: Vec::new(),
            addresses: announce.clone(),
            periods: signaling::domain::retention::Periods {
                links: self.keep_links,
                audit: self.keep_audit,
            },
            reach: self.webhooks_to,
        };
        let mut stop = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        ];
        let mut serving = signaling::serve(config, assets::embedded(), media).await?;
        tracing::info!(address = %serving.local_addr(), "serving");
        if over_tcp {
            let candidates = tcp_candidates(serving.local_addr(), self.tcp_port, &announce);
            sfu.announce_tcp(&candidates)?;
        }
        drop(sfu);

        let mut failed = tokio::select! {
            () = told(&mut stop) => None,
            ended = serving.wait() => ended.err(),
        };
        if failed.is_none() && self.drain > 0 {
            serving.drain();
            tracing::info!(seconds = self.drain, "draining");
            failed = tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(self.drain.into())) => None,
                () = told(&mut stop) => None,
                ended = serving.wait() => ended.err(),
            };
        }
        serving.shutdown().await;
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

/// Waits for the next of these signals.
async fn told([one, other]: &mut [Signal; 2]) {
    tokio::select! {
        _ = one.recv() => (),
        _ = other.recv() => (),
    }
}

/// Passes commands on to the SFU, whose own queue takes them at once.
fn commands_to(sfu: conclave_sfu::Handle) -> mpsc::Sender<Command> {
    let (sender, mut commands) = mpsc::channel(CONTROL_QUEUE);
    tokio::spawn(async move {
        while let Some(command) = commands.recv().await {
            if sfu.send(command).is_err() {
                tracing::error!("the media plane has stopped");
                break;
            }
        }
    });
    sender
}

/// Hands the SFU the TCP connections that carry media.
fn streams_to(sfu: conclave_sfu::Handle) -> signaling::media::MediaStreams {
    Arc::new(move |stream, first| {
        if sfu.take_stream(stream, first).is_err() {
            tracing::error!("the media plane has stopped");
        }
    })
}

/// Says how to try whether the SFU is reached.
fn trial_of(sfu: conclave_sfu::Handle) -> signaling::media::AskTrial {
    let address = |at: &SocketAddr| MediaAddress {
        ip: at.ip(),
        port: at.port(),
    };
    Arc::new(move || {
        let trial = sfu.trial();
        MediaTrial {
            ufrag: trial.credentials.ufrag,
            pwd: trial.credentials.pwd,
            udp: trial.udp.iter().map(address).collect(),
            tcp: trial.tcp.iter().map(address).collect(),
        }
    })
}

/// Where clients open TCP connections for media: at the announced addresses,
/// unless only this machine itself reaches the listener.
fn tcp_candidates(listen: SocketAddr, port: Option<u16>, announce: &[IpAddr]) -> Vec<SocketAddr> {
    let port = port.unwrap_or(listen.port());
    let reached = |address: &&IpAddr| !listen.ip().is_loopback() || address.is_loopback();
    let addresses = announce.iter().filter(reached);
    addresses
        .map(|address| SocketAddr::new(*address, port))
        .collect()
}

fn events_from(mut events: conclave_sfu::EventReceiver) -> mpsc::Receiver<Event> {
    let (sender, receiver) = mpsc::channel(CONTROL_QUEUE);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if sender.send(event).await.is_err() {
                break;
            }
        }
    });
    receiver
}

/// The addresses to announce where none are configured: the one this machine
/// reaches others from, then loopback for browsers on the machine itself.
fn own_addresses(bound: IpAddr) -> Vec<IpAddr> {
    if !bound.is_unspecified() {
        return vec![bound];
    }
    outward_address()
        .into_iter()
        .chain([IpAddr::V4(Ipv4Addr::LOCALHOST)])
        .collect()
}

/// Connecting a UDP socket sends nothing; it only asks the kernel for a route.
/// The address asked about is reserved for documentation (RFC 5737).
fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_ciphersuites_can_be_configured() {
        assert_eq!((suite("0x004E"), suite("0x0001")), (Ok(0x4E), Ok(1)));
        for other in ["0x0002", "78", "0x", "", "0x10001"] {
            assert!(suite(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_number_of_speakers_or_all_can_be_configured() {
        assert_eq!(
            (heard("8"), heard("all")),
            (Ok(Heard(Some(8))), Ok(Heard(None)))
        );
        for other in ["0", "33", "-1", "", "ALL"] {
            assert!(heard(other).is_err(), "{other}");
        }
    }

    #[test]
    fn media_over_tcp_is_announced_where_it_can_be_reached() {
        let public = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let told = |listen: &str, port| {
            tcp_candidates(listen.parse().expect("an address"), port, &[public, own])
        };
        let at = |ip, port| SocketAddr::new(ip, port);
        let everywhere = [at(public, 8443), at(own, 8443)];
        assert_eq!(told("0.0.0.0:8443", None), everywhere);
        assert_eq!(told("10.0.0.5:8443", Some(443))[0], at(public, 443));
        assert_eq!(told("127.0.0.1:8443", None), [at(own, 8443)]);
    }

    #[test]
    fn a_media_port_bound_to_one_address_is_announced_there() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(own_addresses(address), [address]);
    }
}
