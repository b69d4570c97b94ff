//! The real server: `conclave serve` as a process on ports and a data folder
//! of its own, which survive its death so that it can start again.

use crate::database::Database;
use crate::deadline::{PATIENCE, eventually};
use crate::door::{Door, Reply};
use crate::memory::{self, Needle};
use crate::room::Room;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

/// The file of the data folder with the operator's token.
const OPERATOR_TOKEN: &str = "operator-token";
/// The files of the data folder with the development certificate and its key.
const CERTIFICATE: (&str, &str) = ("development-certificate.pem", "development-key.pem");

/// A running server, or one that was killed and can start again.
pub struct Server {
    program: OsString,
    settings: Vec<(&'static str, String)>,
    address: Ipv4Addr,
    http: u16,
    media: u16,
    folder: TempDir,
    database: Option<Database>,
    process: Option<Child>,
}

impl Server {
    /// Starts `program serve` and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready, with what it said.
    pub async fn start(program: &str) -> Self {
        Self::start_with(program, &[]).await
    }

    /// As [`start`](Self::start), with further settings as environment variables.
    ///
    /// # Panics
    /// When it does not become ready, with what it said.
    pub async fn start_with(program: &str, settings: &[(&'static str, &str)]) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, program, settings).await
    }

    /// As [`start_with`](Self::start_with), with media at that address, and
    /// reached there as well as at this machine's own.
    ///
    /// # Panics
    /// When it does not become ready, with what it said.
    pub async fn start_at(
        address: Ipv4Addr,
        program: &str,
        settings: &[(&'static str, &str)],
    ) -> Self {
        let mut server = Self {
            program: program.into(),
            settings: settings
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            address,
            http: free_tcp_port(),
            media: free_udp_port(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            database: Database::fresh(),
            process: None,
        };
        server.start_again().await;
        server
    }

    /// Starts it on the ports and data it had.
    ///
    /// # Panics
    /// When it runs already, or does not become ready, with what it said.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_file())
            .expect("a log file");
        let listen = if self.address.is_loopback() {
            self.address
        } else {
            Ipv4Addr::UNSPECIFIED
        };
        let child = Command::new(&self.program)
            .arg("serve")
            .env("CONCLAVE_LISTEN", format!("{listen}:{}", self.http))
            .env("CONCLAVE_MEDIA", self.media().to_string())
            .env("CONCLAVE_ANNOUNCE", self.address.to_string())
            .env("CONCLAVE_DATA", self.data())
            .envs(
                self.database
                    .iter()
                    .map(|database| ("CONCLAVE_DATABASE", database.url())),
            )
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("the server starts");
        self.process = Some(child);
        self.until_ready().await;
    }

    async fn until_ready(&mut self) {
        let door = self.door();
        let log = self.log_file();
        let mut child = self.process.take().expect("it runs");
        eventually(PATIENCE, "the server is ready", || {
            let ended = child.try_wait().ok().flatten();
            assert!(
                ended.is_none(),
                "the server ended:\n{}",
                std::fs::read_to_string(&log).unwrap_or_default()
            );
            let door = door.clone();
            async move {
                door.get("/readyz")
                    .await
                    .is_ok_and(|reply| reply.status == 200)
                    .then_some(())
            }
        })
        .await;
        self.process = Some(child);
    }

    /// SIGKILL: nothing is written, closed or said.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut child = self.process.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
    }

    /// SIGTERM, as service managers end it; it is not waited for.
    ///
    /// # Panics
    /// When it does not run.
    pub fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.pid());
        let done = Command::new("sh").args(["-c", &kill]).status();
        assert!(done.expect("a shell").success(), "it can be told");
    }

    /// Waits until it has ended by itself, without an error.
    ///
    /// # Panics
    /// When it does not run, or does not end so in time.
    pub async fn ended(&mut self) {
        let child = self.process.as_mut().expect("it runs");
        let status = eventually(PATIENCE, "the server ends", async || {
            child.try_wait().expect("it is a child of ours")
        })
        .await;
        self.process = None;
        assert!(status.success(), "{status}");
    }

    /// Whether the process lives.
    pub fn lives(&mut self) -> bool {
        self.process
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// The process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Where it is reached.
    pub fn door(&self) -> Door {
        Door::new(self.http, &self.data().join(CERTIFICATE.0))
    }

    /// The UDP address of all media.
    pub fn media(&self) -> SocketAddr {
        (self.address, self.media).into()
    }

    /// TLS with its certificate and key: for who plays the server.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn acceptor(&self) -> TlsAcceptor {
        let certificates = CertificateDer::pem_file_iter(self.data().join(CERTIFICATE.0))
            .and_then(Iterator::collect)
            .expect("the server's certificate");
        let key = PrivateKeyDer::from_pem_file(self.data().join(CERTIFICATE.1))
            .expect("the server's key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config
                    .with_no_client_auth()
                    .with_single_cert(certificates, key)
            })
            .expect("the server's certificate and key");
        TlsAcceptor::from(Arc::new(config))
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The names of the needles that it keeps, in its data folder or its
    /// database.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn stored(&self, needles: &[Needle]) -> Vec<String> {
        let mut found = memory::of_folder(&self.data(), needles).expect("the data folder");
        if let Some(database) = &self.database {
            found.extend(memory::of_bytes(&database.dump(), needles));
        }
        found
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The folder with its data and its log, and nothing else.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All it has said on standard output and error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Its resident memory, bytes.
    ///
    /// # Panics
    /// When it does not run.
    pub fn resident(&self) -> u64 {
        memory::resident(self.pid()).expect("the process lives")
    }

    /// The header line that makes its sender the operator.
    ///
    /// # Panics
    /// When the token is not where it belongs.
    pub fn operator(&self) -> String {
        let token = std::fs::read_to_string(self.data().join(OPERATOR_TOKEN))
            .expect("the operator's token");
        format!("Authorization: Bearer {}\r\n", token.trim())
    }

    /// A new room, its link secret made here as every creator makes it.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn room(&self) -> Room {
        let reply = self
            .door()
            .request("POST /api/v1/rooms", &self.operator(), &[])
            .await
            .expect("a reply");
        assert_eq!(reply.status, 201, "{reply:?}");
        Room::new(serde_json::from_slice(&reply.body).expect("a room"))
    }

    /// What `/metrics` says now.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn metrics(&self) -> Metrics {
        let reply = self.door().get("/metrics").await.expect("a reply");
        assert_eq!(reply.status, 200, "{reply:?}");
        Metrics::parse(&reply)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.log());
        }
    }
}

/// Every sample of a Prometheus exposition.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Name with labels, as written, to value.
    pub samples: BTreeMap<String, f64>,
    /// The exposition itself.
    pub text: String,
}

impl Metrics {
    fn parse(reply: &Reply) -> Self {
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let samples = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect();
        Self { samples, text }
    }

    /// The sum of all samples whose name with labels contains the text.
    pub fn sum(&self, part: &str) -> f64 {
        self.samples
            .iter()
            .filter(|(name, _)| name.contains(part))
            .map(|(_, value)| value)
            .sum()
    }
}

/// A port that was free a moment ago. The server cannot choose it itself, for
/// it has to come back to it.
fn free_tcp_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("its address").port()
}
