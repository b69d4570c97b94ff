//! Whom the client believes to be the server: the system's certificate
//! authorities, and those the user names. There is no way to believe anyone.

use crate::link::Server;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why no trust could be set up.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The named file holds no certificate in PEM.
    #[error("the file holds no certificate in PEM")]
    NoCertificate,
    /// A certificate that cannot serve as an authority.
    #[error("a certificate cannot be used")]
    Certificate(#[source] rustls::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
}

/// The authorities that are believed.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
}

impl Trust {
    /// The system's authorities and those of a PEM file.
    ///
    /// # Errors
    /// When the file's certificates cannot be used.
    pub fn new(extra: Option<&[u8]>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        // A system without authorities still reaches a server whose own
        // certificate was named.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(pem) = extra {
            let mut named = 0;
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|_| TrustError::NoCertificate)?;
                roots.add(certificate).map_err(TrustError::Certificate)?;
                named += 1;
            }
            if named == 0 {
                return Err(TrustError::NoCertificate);
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// Connects to a server and checks that it is the one.
    ///
    /// # Errors
    /// When it cannot be reached or is not believed.
    pub async fn connect(&self, server: &Server) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(server.host().to_owned())
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        let stream = TcpStream::connect((server.host(), server.port())).await?;
        stream.set_nodelay(true)?;
        TlsConnector::from(Arc::clone(&self.config))
            .connect(name, stream)
            .await
    }
}
