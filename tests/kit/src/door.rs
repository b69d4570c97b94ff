//! Where the server, or something between it and us, can be reached: TLS, a
//! few lines of HTTP/1.1 without a client's good manners, and the socket.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longest reply that is read, bytes.
const MAX_REPLY: u64 = 8 << 20;

/// A TCP port of this machine behind which the server's certificate is.
#[derive(Clone)]
pub struct Door {
    port: u16,
    authority: PathBuf,
}

/// What came back for a request.
#[derive(Debug)]
pub struct Reply {
    /// The status; 0 when the server closed without an answer.
    pub status: u16,
    /// Everything before the body, as it came.
    pub head: String,
    /// The body, as it came.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none, showing the reply.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}) in {self:?}"))
    }
}

impl Door {
    /// `authority`: the PEM file with the certificate to trust.
    pub fn new(port: u16, authority: &Path) -> Self {
        Self {
            port,
            authority: authority.to_owned(),
        }
    }

    /// The same server behind another port.
    #[must_use]
    pub fn at(&self, port: u16) -> Self {
        Self {
            port,
            ..self.clone()
        }
    }

    /// Where to connect.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// `https://localhost:PORT`.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The PEM file with the certificate to trust.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// A fresh TLS connection.
    ///
    /// # Errors
    /// When there is nobody, or the certificate is not the one to trust.
    pub async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in
            CertificateDer::pem_file_iter(&self.authority).map_err(io::Error::other)?
        {
            roots
                .add(certificate.map_err(io::Error::other)?)
                .map_err(io::Error::other)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let tcp = TcpStream::connect(self.address()).await?;
        tcp.set_nodelay(true)?;
        TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
    }

    /// Sends bytes that may or may not be a request, and reads whatever comes
    /// back until the server closes.
    ///
    /// # Errors
    /// When there is no connection to be had. A connection that breaks later
    /// gives what came before.
    pub async fn say(&self, request: &[u8]) -> io::Result<Reply> {
        let mut stream = self.connect().await?;
        // A server may answer and close before it has read all of it.
        let _ = stream.write_all(request).await;
        let _ = stream.flush().await;
        let mut all = Vec::new();
        let _ = stream.take(MAX_REPLY).read_to_end(&mut all).await;
        let end = all
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .map_or(all.len(), |at| at + 4);
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        Ok(Reply {
            status,
            head,
            body: all.split_off(end),
        })
    }

    /// A request as a polite client makes it; `headers` each end with CRLF.
    ///
    /// # Errors
    /// As [`say`](Self::say).
    pub async fn request(&self, line: &str, headers: &str, body: &[u8]) -> io::Result<Reply> {
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n",
            self.port
        );
        self.say(&[head.as_bytes(), body].concat()).await
    }

    /// `GET path`.
    ///
    /// # Errors
    /// As [`say`](Self::say).
    pub async fn get(&self, path: &str) -> io::Result<Reply> {
        self.request(&format!("GET {path}"), "", &[]).await
    }
}
