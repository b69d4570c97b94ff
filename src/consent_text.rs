//! `conclave consent-text`: what guests read before they consent, by versions.

use crate::room::At;
use clap::{Args, Subcommand, ValueEnum};
use conclave_client::consent::{consent_texts, set_consent_texts};
use conclave_wire::http::{self, ConsentText as Text, ConsentTextsRequest};
use std::path::{Path, PathBuf};

/// The texts that come with the program; `{controller}` is named by who sets them.
const SHIPPED: [(&str, &str); 2] = [
    (
        include_str!("consent_text/notice.de.txt"),
        include_str!("consent_text/consent.de.txt"),
    ),
    (
        include_str!("consent_text/notice.en.txt"),
        include_str!("consent_text/consent.en.txt"),
    ),
];

/// What stands for the controller in a text.
const CONTROLLER: &str = "{controller}";

#[derive(Args)]
pub(crate) struct ConsentText {
    #[command(subcommand)]
    command: ConsentTextCommand,
}

#[derive(Subcommand)]
enum ConsentTextCommand {
    /// Make the next version of the texts, from those that come with the program or from files.
    ///
    /// Consents that were given refer to the version they were given to, which stays. In all texts
    /// `{controller}` is replaced by the controller. An empty line begins a paragraph.
    Set(Set),
    /// Print a version of the texts.
    Show(Show),
}

#[derive(Args)]
struct Set {
    #[command(flatten)]
    at: At,
    /// Whose guests read them; an organisation without texts of its own has those of `default`.
    #[arg(long, default_value = "default", value_parser = crate::tenant::name)]
    tenant: String,
    /// Who is responsible for the processing (GDPR Art. 4 No. 7): name, address, how to reach them
    /// and their data protection officer.
    #[arg(long, value_name = "TEXT")]
    controller: String,
    /// The privacy notice in German, instead of the one that comes with the program.
    #[arg(long, value_name = "FILE")]
    notice_de: Option<PathBuf>,
    /// What is consented to, in German.
    #[arg(long, value_name = "FILE")]
    consent_de: Option<PathBuf>,
    /// The privacy notice in English.
    #[arg(long, value_name = "FILE")]
    notice_en: Option<PathBuf>,
    /// What is consented to, in English.
    #[arg(long, value_name = "FILE")]
    consent_en: Option<PathBuf>,
}

#[derive(Args)]
struct Show {
    #[command(flatten)]
    at: At,
    /// Whose.
    #[arg(long, default_value = "default", value_parser = crate::tenant::name)]
    tenant: String,
    /// Which; without it the one that holds.
    #[arg(long, value_name = "NUMBER")]
    text_version: Option<u32>,
    /// In which language.
    #[arg(long, value_enum, default_value = "de")]
    language: Language,
}

/// The languages of texts and messages.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Language {
    De,
    En,
}

impl From<Language> for http::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::De => Self::De,
            Language::En => Self::En,
        }
    }
}

impl ConsentText {
    pub(crate) async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        match self.command {
            ConsentTextCommand::Set(set) => set.run().await,
            ConsentTextCommand::Show(show) => show.run().await,
        }
    }
}

impl Set {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let [de, en] = SHIPPED;
        let text = |(notice, consent): (&str, &str), files: [Option<&Path>; 2]| {
            let [notice_file, consent_file] = files;
            Ok::<_, String>(Text {
                notice: filled(notice_file, notice, &self.controller)?,
                consent: filled(consent_file, consent, &self.controller)?,
            })
        };
        let texts = ConsentTextsRequest {
            de: text(de, [self.notice_de.as_deref(), self.consent_de.as_deref()])?,
            en: text(en, [self.notice_en.as_deref(), self.consent_en.as_deref()])?,
        };
        let (token, trust) = self.at.credentials()?;
        let made =
            set_consent_texts(&self.at.server, &token, &trust, (&self.tenant, &texts)).await?;
        println!("  version: {}", made.version);
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let (token, trust) = self.at.credentials()?;
        let which = (self.tenant.as_str(), self.text_version);
        let texts = consent_texts(&self.at.server, &token, &trust, which).await?;
        self.at.print(&texts, |texts| {
            let text = match self.language {
                Language::De => &texts.de,
                Language::En => &texts.en,
            };
            let Text { notice, consent } = text;
            format!("version {}\n\n{notice}\n\n{consent}", texts.version)
        })
    }
}

/// The text of a file, or the one that comes with the program, with the
/// controller in it.
fn filled(file: Option<&Path>, shipped: &str, controller: &str) -> Result<String, String> {
    let text = match file {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => shipped.to_owned(),
    };
    let text = text.replace("\r\n", "\n");
    Ok(text.trim().replace(CONTROLLER, controller.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controller_is_named_in_every_text_that_comes_with_the_program() {
        for (notice, consent) in SHIPPED {
            for text in [notice, consent] {
                let filled = filled(None, text, " Praxis Dr. Beispiel ").expect("a text");
                assert!(filled.contains("Praxis Dr. Beispiel"), "{filled}");
                assert!(!filled.contains('{'), "{filled}");
                assert_eq!(filled.trim(), filled);
            }
        }
    }
}
