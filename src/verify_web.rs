//! `conclave verify-web` and `conclave web-hashes`: whether a server serves the
//! browser client of this release.

use crate::assets;
use clap::Args;
use conclave_client::trust::Trust;
use conclave_client::verify::hashes::Hashes;
use conclave_client::verify::{Release, Site, verify};
use conclave_signaling::CONTENT_SECURITY_POLICY;
use std::error::Error;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Longest list of hashes that is read, bytes; a release's has about one thousand.
const MAX_LIST: u64 = 1 << 20;

#[derive(Args)]
pub(crate) struct VerifyWeb {
    /// https://HOST[:PORT], or the address of a room without the # and what is behind it
    #[arg(value_name = "URL")]
    site: Site,
    /// Compare with this list (what `conclave web-hashes` of another release prints) instead of
    /// the files in this program. The content security policy is compared with this program's
    #[arg(long, value_name = "FILE")]
    hashes: Option<PathBuf>,
    /// Certificate authorities to believe besides the system's, in PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// What was found is on standard output already.
#[derive(Debug)]
struct NotThisRelease;

impl std::fmt::Display for NotThisRelease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("what the server served is not this release's browser client")
    }
}

impl Error for NotThisRelease {}

impl VerifyWeb {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        let hashes = match &self.hashes {
            Some(path) => {
                let list = String::from_utf8(read(path, MAX_LIST)?)
                    .map_err(|_| format!("{}: not text", path.display()))?;
                list.parse::<Hashes>()
                    .map_err(|error| format!("{}: {error}", path.display()))?
            }
            None => assets::hashes()?,
        };
        let release = Release {
            hashes,
            policy: CONTENT_SECURITY_POLICY.to_owned(),
        };
        let authorities = self.ca.as_deref().map(|path| read(path, MAX_LIST));
        let trust = Trust::new(authorities.transpose()?.as_deref())?;
        let report = verify(&self.site, &trust, &release).await?;
        let text = if self.json {
            serde_json::to_string_pretty(&report)? + "\n"
        } else {
            report.to_string()
        };
        std::io::stdout().write_all(text.as_bytes())?;
        if report.equal {
            Ok(())
        } else {
            Err(NotThisRelease.into())
        }
    }
}

/// Prints the list that `--hashes` reads, and `sha256sum -c`.
pub(crate) fn print_hashes() -> Result<(), Box<dyn Error>> {
    let list = assets::hashes()?.to_string();
    Ok(std::io::stdout().write_all(list.as_bytes())?)
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
