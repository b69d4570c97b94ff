//! The `conclave` program: composes the parts and starts them. It decides
//! nothing; each subcommand is a module of its own.

mod account;
mod assets;
mod audit;
mod consent_text;
mod device;
mod invitation;
mod join;
mod link;
mod media_metrics;
mod oidc;
mod openapi;
mod policy;
mod room;
mod scim;
mod serve;
mod tenant;
mod text;
mod verify_web;
mod webhook;

use clap::{Parser, Subcommand};
use conclave_client::rooms::RoomError;
use conclave_wire::http::{Cell, Language};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// End-to-end encrypted conferencing: the server, and its command-line clients.
#[derive(Parser)]
#[command(name = "conclave", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run signaling and media in one process, on embedded defaults.
    Serve(serve::Serve),
    /// Make rooms, list, unlock and delete them.
    Room(room::Room),
    /// Make links for the guests of a room, list them, and take them back.
    Link(link::Link),
    /// Set and show the texts that guests consent to.
    ConsentText(consent_text::ConsentText),
    /// Set and show what an organisation says to everybody: terms of use, privacy notice, imprint.
    Text(text::Text),
    /// Make, list and delete organisations.
    Tenant(tenant::Tenant),
    /// Make accounts for people, list and disable them, and help them back in.
    Account(account::Account),
    /// Read and verify the log of what was done to an organisation, and by whom.
    Audit(audit::Audit),
    /// List the devices of people, and take them back.
    Device(device::Device),
    /// See and set what an organisation and its people may do.
    Policy(policy::Policy),
    /// Have programs told of what happens in an organisation.
    Webhook(webhook::Webhook),
    /// Take part in a call without a browser.
    Join(join::Join),
    /// Compare the browser client that a server serves with this release's.
    ///
    /// Fetches the page and every file of the release over HTTPS, and compares their SHA-256, the
    /// content security policy of each answer, and what the page refers to. Exits with 0 if all of
    /// it is this release's, otherwise with 1.
    ///
    /// What it finds changed is changed. What it finds equal was equal here and now: a server that
    /// means harm may serve somebody else, or you in an hour, something else. Nor does it see what
    /// a browser kept of an earlier visit.
    VerifyWeb(verify_web::VerifyWeb),
    /// Print the OpenAPI 3.1 document of the HTTP interface.
    Openapi,
    /// Print the SHA-256 of every file of this release's browser client.
    WebHashes,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("CONCLAVE_LOG").unwrap_or_else(|_| {
        EnvFilter::new("warn,conclave=info,rtc_dtls=error,webauthn_rs_core=off")
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    let done = match Cli::parse().command {
        Command::Serve(serve) => serve.run().await,
        Command::Room(room) => room.run().await,
        Command::Link(link) => link.run().await,
        Command::ConsentText(text) => text.run().await,
        Command::Text(text) => text.run().await,
        Command::Tenant(tenant) => tenant.run().await,
        Command::Account(account) => account.run().await,
        Command::Audit(audit) => audit.run().await,
        Command::Device(device) => device.run().await,
        Command::Policy(policy) => policy.run().await,
        Command::Webhook(webhook) => webhook.run().await,
        Command::Join(join) => join.run().await,
        Command::VerifyWeb(verify) => verify.run().await,
        Command::Openapi => openapi::print(),
        Command::WebHashes => verify_web::print_hashes(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Prints the error and what caused it, outermost first; what a server refused,
/// in the language of the person at the terminal.
fn report(error: &(dyn std::error::Error + 'static)) {
    let language = spoken();
    match error.downcast_ref() {
        Some(RoomError::Refused(code)) => {
            let refused = match language {
                Language::De => "abgelehnt",
                Language::En => "refused",
            };
            eprintln!("conclave: {refused}: {}", code.title(language));
            return;
        }
        Some(RoomError::Wrong { cell, code }) => {
            let Cell { line, column } = cell;
            let place = match language {
                Language::De => format!("Zeile {line}, Spalte {column}"),
                Language::En => format!("line {line}, column {column}"),
            };
            eprintln!("conclave: {place}: {}", code.title(language));
            return;
        }
        _ => {}
    }
    eprint!("conclave: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
}

/// The language that the environment names (POSIX.1-2024, XBD section 8.2).
fn spoken() -> Language {
    let named = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter();
    let mut named = named.filter_map(|name| std::env::var(name).ok());
    let locale = named.find(|locale| !locale.is_empty()).unwrap_or_default();
    match locale.split(['_', '.', '@']).next() {
        Some("de") => Language::De,
        _ => Language::En,
    }
}
