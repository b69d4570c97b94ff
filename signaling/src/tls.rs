//! TLS: the operator's certificate, or one the service makes for itself.

use crate::config::{Config, TlsFiles};
use crate::files;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;

/// How long a self-made certificate is valid.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);

/// One with less than this left is made anew at the start.
const RENEWAL: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("the certificate or its key cannot be read or written")]
    File(#[from] io::Error),
    /// A file is no PEM of the expected kind.
    #[error("the certificate or its key is not PEM")]
    Pem(#[from] rustls_pki_types::pem::Error),
    /// The certificate and the key cannot be used.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[from] rustls::Error),
    /// No certificate could be made.
    #[error("no development certificate can be made")]
    Made(#[from] rcgen::Error),
}

/// Where the self-made certificate is kept.
pub fn development_certificate(data_dir: &Path) -> PathBuf {
    data_dir.join("development-certificate.pem")
}

fn development_key(data_dir: &Path) -> PathBuf {
    data_dir.join("development-key.pem")
}

/// The configuration of the service's listener: TLS 1.2 and 1.3, HTTP/1.1.
///
/// # Errors
/// When the files cannot be read, written or used.
pub fn server_config(config: &Config) -> Result<ServerConfig, TlsError> {
    let made;
    let TlsFiles { certificate, key } = match &config.tls {
        Some(files) => files,
        None => {
            made = TlsFiles {
                certificate: development_certificate(&config.data_dir),
                key: development_key(&config.data_dir),
            };
            make_if_needed(config, &made)?;
            &made
        }
    };
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let mut server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // A WebSocket needs HTTP/1.1, and one protocol is one door.
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(server)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn make_if_needed(config: &Config, files: &TlsFiles) -> Result<(), TlsError> {
    let names = names(config);
    if files.key.exists() && serves(&files.certificate, &names, SystemTime::now() + RENEWAL) {
        return Ok(());
    }
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Conclave development certificate");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A client whose clock is a little behind finds it valid, too.
    params.not_before = OffsetDateTime::from(SystemTime::now() - Duration::from_secs(24 * 3600));
    params.not_after = OffsetDateTime::from(SystemTime::now() + LIFETIME);
    let certificate = params.self_signed(&key)?;
    files::write_private(&files.key, key.serialize_pem().as_bytes())?;
    files::write_private(&files.certificate, certificate.pem().as_bytes())?;
    Ok(())
}

fn names(config: &Config) -> Vec<String> {
    let loopback = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let addresses = loopback
        .iter()
        .chain(&config.addresses)
        .map(IpAddr::to_string);
    let mut names: Vec<String> = std::iter::once("localhost".to_owned())
        .chain(config.names.iter().cloned())
        .chain(addresses)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Whether a browser that was told to trust the certificate would accept it
/// for all the names, at that time.
fn serves(certificate: &Path, names: &[String], at: SystemTime) -> bool {
    let Ok(certificate) = CertificateDer::from_pem_file(certificate) else {
        return false;
    };
    let mut roots = RootCertStore::empty();
    if roots.add(certificate.clone()).is_err() {
        return false;
    }
    let Ok(verifier) =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build()
    else {
        return false;
    };
    let at = UnixTime::since_unix_epoch(
        at.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default(),
    );
    names.iter().all(|name| {
        ServerName::try_from(name.as_str()).is_ok_and(|name| {
            verifier
                .verify_server_cert(&certificate, &[], &name, &[], at)
                .is_ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(dir: &Path, addresses: &[&str]) -> Config {
        Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: dir.to_owned(),
            database: None,
            tls: None,
            suite: 1,
            origin: crate::origin::Origin::UNNAMED,
            names: vec!["conclave.test".to_owned()],
            addresses: addresses
                .iter()
                .map(|ip| ip.parse().expect("an address"))
                .collect(),
            periods: crate::domain::retention::Periods::default(),
            reach: crate::domain::reach::Reach::default(),
        }
    }

    #[test]
    fn a_self_made_certificate_is_kept_until_it_no_longer_serves() {
        let dir = tempfile::tempdir().expect("a directory");
        let read = || std::fs::read(development_certificate(dir.path())).expect("is there");
        server_config(&config(dir.path(), &[])).expect("is made");
        let first = read();
        server_config(&config(dir.path(), &[])).expect("is reused");
        assert_eq!(read(), first);
        server_config(&config(dir.path(), &["192.0.2.7"])).expect("is made anew");
        assert_ne!(read(), first);

        let path = development_certificate(dir.path());
        let names = names(&config(dir.path(), &["192.0.2.7"]));
        let soon = SystemTime::now() + RENEWAL;
        assert!(serves(&path, &names, soon));
        assert!(!serves(&path, &names, soon + LIFETIME));
    }

    #[test]
    fn the_key_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a directory");
        server_config(&config(dir.path(), &[])).expect("is made");
        let key = std::fs::metadata(development_key(dir.path())).expect("is there");
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
}
