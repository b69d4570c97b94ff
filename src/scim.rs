//! `conclave tenant scim`: an organisation's directory makes and ends accounts.

use crate::room::{At, moment};
use crate::tenant;
use clap::{Args, Subcommand};
use std::error::Error;

#[derive(Args)]
pub(crate) struct Scim {
    #[command(subcommand)]
    command: ScimCommand,
}

#[derive(Subcommand)]
enum ScimCommand {
    /// Draw the directory's token and print it, once; an earlier one opens nothing any more. From
    /// now on nobody gets an account by logging in: the directory makes it first.
    Set(Which),
    /// Print since when the directory has its token.
    Show(Which),
    /// Let no directory make or end accounts any more. Those that there are stay.
    Remove(Which),
}

#[derive(Args)]
struct Which {
    #[command(flatten)]
    at: At,
    /// The organisation's name
    #[arg(value_parser = tenant::name)]
    name: String,
}

impl Scim {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            ScimCommand::Set(Which { at, name }) => {
                let made = at.operator()?.set_directory(&name).await?;
                at.print(&made, |made| {
                    format!(
                        "  address: https://{}/scim/v2\n  token:   {}",
                        at.server.authority(),
                        made.token
                    )
                })
            }
            ScimCommand::Show(Which { at, name }) => {
                let directory = at.operator()?.directory(&name).await?;
                at.print(&directory, |it| format!("since {}", moment(it.since)))
            }
            ScimCommand::Remove(Which { at, name }) => {
                Ok(at.operator()?.remove_directory(&name).await?)
            }
        }
    }
}
