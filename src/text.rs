//! `conclave text`: what an organisation says to everybody.

use crate::consent_text::Language;
use crate::room::{At, moment};
use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};
use conclave_wire::text::{PublicText, PublicTextRequest};
use std::error::Error;
use std::path::{Path, PathBuf};

/// Terms of use that come with the program, in German and English; `{provider}` is named by who
/// sets them.
const TERMS: [&str; 2] = [
    include_str!("text/terms.de.txt"),
    include_str!("text/terms.en.txt"),
];

/// What stands for who offers the service.
const PROVIDER: &str = "{provider}";

#[derive(Args)]
pub(crate) struct Text {
    #[command(subcommand)]
    command: TextCommand,
}

#[derive(Subcommand)]
enum TextCommand {
    /// Set a text, from files; terms of use that come with the program are there without.
    ///
    /// It can be read by everybody without logging in, from the login page and from each link
    /// before the call. An empty line begins a paragraph; `{provider}` is replaced by the provider.
    Set(Set),
    /// Print a text.
    Show(Show),
    /// Forget a text of an organisation: that of `default` holds again.
    Remove(Which),
}

#[derive(Args)]
struct Which {
    #[command(flatten)]
    at: At,
    /// Which: terms of use, privacy notice, or who offers the service.
    text: Named,
    /// Whose; an organisation without texts of its own has those of `default`.
    #[arg(long, default_value = "default", value_parser = crate::tenant::name)]
    tenant: String,
}

#[derive(Args)]
struct Set {
    #[command(flatten)]
    which: Which,
    /// Who offers the service: name, address, how to reach them.
    #[arg(long, value_name = "TEXT")]
    provider: String,
    /// The text in German.
    #[arg(long, value_name = "FILE", requires = "en")]
    de: Option<PathBuf>,
    /// The text in English.
    #[arg(long, value_name = "FILE", requires = "de")]
    en: Option<PathBuf>,
}

#[derive(Args)]
struct Show {
    #[command(flatten)]
    which: Which,
    /// In which language.
    #[arg(long, value_enum, default_value = "de")]
    language: Language,
}

/// A text as it is named on the command line.
#[derive(Clone, Copy)]
struct Named(PublicText);

impl ValueEnum for Named {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(PublicText::Terms),
            Self(PublicText::Privacy),
            Self(PublicText::Imprint),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.as_str()))
    }
}

impl Text {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            TextCommand::Set(set) => set.run().await,
            TextCommand::Show(show) => show.run().await,
            TextCommand::Remove(Which { at, text, tenant }) => {
                Ok(at.operator()?.remove_public_text(&tenant, text.0).await?)
            }
        }
    }
}

impl Set {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let Which { at, text, tenant } = self.which;
        let [de, en] = match (text.0, self.de, self.en) {
            (_, Some(de), Some(en)) => [read(&de)?, read(&en)?],
            (PublicText::Terms, ..) => TERMS.map(str::to_owned),
            (PublicText::Privacy | PublicText::Imprint, ..) => {
                return Err("only terms of use come with the program: give --de and --en".into());
            }
        };
        let written = PublicTextRequest {
            de: filled(&de, &self.provider),
            en: filled(&en, &self.provider),
        };
        let operator = at.operator()?;
        let set = operator.set_public_text((&tenant, text.0), &written);
        at.print(&set.await?, |set| format!("  since: {}", moment(set.since)))
    }
}

impl Show {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let Which { at, text, tenant } = self.which;
        let found = at.operator()?.public_text(&tenant, text.0).await?;
        at.print(&found, |found| {
            let text = match self.language {
                Language::De => &found.de,
                Language::En => &found.en,
            };
            format!("since {}\n\n{text}", moment(found.since))
        })
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A text as it is kept, with the provider in it.
fn filled(text: &str, provider: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.trim().replace(PROVIDER, provider.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_come_with_the_program_name_the_provider_and_leave_nothing_to_fill_in() {
        for terms in TERMS {
            let filled = filled(terms, " Praxis Dr. Beispiel ");
            assert!(filled.contains("Praxis Dr. Beispiel"), "{filled}");
            assert!(!filled.contains('{'), "{filled}");
        }
    }

    #[test]
    fn every_text_has_its_name() {
        let named: Vec<_> = Named::value_variants()
            .iter()
            .map(|named| named.0)
            .collect();
        assert_eq!(named, PublicText::ALL);
    }
}
