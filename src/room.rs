//! `conclave room`: a client of the server's HTTP interface. It makes the link
//! secret on this side, so that the server never sees it.

use clap::{Args, Subcommand};
use conclave_client::link::Server;
use conclave_client::rooms::create_room;
use conclave_client::trust::Trust;
use conclave_signaling::{operator, tls};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Room {
    #[command(subcommand)]
    command: RoomCommand,
}

#[derive(Subcommand)]
enum RoomCommand {
    /// Make a room; prints its host's link and its guests' link.
    Create(Create),
}

#[derive(Args)]
struct Create {
    /// The server: https://HOST[:PORT]
    #[arg(
        long,
        env = "CONCLAVE_SERVER",
        default_value = "https://localhost:8443"
    )]
    server: Server,
    /// The server's data folder: its operator's token, and its development certificate if it
    /// uses one.
    #[arg(long, env = "CONCLAVE_DATA", default_value = "data")]
    data: PathBuf,
}

impl Room {
    pub(crate) async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let RoomCommand::Create(Create { server, data }) = self.command;
        let path = operator::token_file(&data);
        let token = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let certificate = std::fs::read(tls::development_certificate(&data)).ok();
        let trust = Trust::new(certificate.as_deref())?;
        let link = create_room(&server, token.trim(), &trust).await?;
        if let Some(host) = link.host() {
            println!("  host:   {}", *host);
        }
        println!("  guests: {}", *link.guest());
        Ok(())
    }
}
