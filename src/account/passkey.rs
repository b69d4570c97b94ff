//! `conclave account passkey`: what people log in with instead of a password.

use super::Which;
use clap::{Args, Subcommand};
use conclave_wire::id::PasskeyId;
use conclave_wire::passkey::PasskeyInfo;
use std::error::Error;

#[derive(Args)]
pub(crate) struct Passkey {
    #[command(subcommand)]
    command: PasskeyCommand,
}

#[derive(Subcommand)]
enum PasskeyCommand {
    /// List the passkeys of an account.
    List(Which),
    /// Remove a passkey of an account, which is lost; its sessions end.
    Remove(Remove),
}

#[derive(Args)]
struct Remove {
    #[command(flatten)]
    of: Which,
    /// Which one, as listed
    #[arg(long, allow_hyphen_values = true)]
    passkey: PasskeyId,
}

impl Passkey {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            PasskeyCommand::List(of) => {
                let (operator, account) = of.find().await?;
                let passkeys = operator.passkeys(account.account).await?;
                of.within.at.print_all(&passkeys, line)
            }
            PasskeyCommand::Remove(Remove { of, passkey }) => {
                let (operator, account) = of.find().await?;
                Ok(operator.remove_passkey(account.account, passkey).await?)
            }
        }
    }
}

/// What is told of a passkey: which, since when, when it was last used, what it
/// is called.
fn line(passkey: &PasskeyInfo) -> String {
    let moment = |millis: u64| {
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
    };
    let used = passkey.used.map_or_else(
        || "never used".to_owned(),
        |used| format!("used {:.0}", moment(used)),
    );
    let since = moment(passkey.created);
    let (id, name) = (passkey.passkey, &passkey.name);
    format!("{id} since {since:.0} {used} \"{name}\"")
}
