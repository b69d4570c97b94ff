//! `conclave policy`: what an organisation and its people may do.

use crate::room::At;
use crate::tenant;
use clap::{Args, Subcommand};
use conclave_client::accounts::{Operator, PoliciesOf};
use conclave_wire::id::AccountId;
use conclave_wire::policy::{PolicyEntry, PolicySource};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Subcommand)]
enum PolicyCommand {
    /// List all policies: what holds, and by whom it was set (docs/policies.md).
    List(Whose),
    /// Set one, or with "default" leave it to others.
    Set(Set),
    /// Print what is set for an organisation and its accounts, as CSV.
    Export(In),
    /// Set what a CSV file says: all of it, or nothing if a line is wrong.
    Import(Import),
}

/// Which organisation of which server.
#[derive(Args)]
struct In {
    #[command(flatten)]
    at: At,
    /// The organisation
    #[arg(long, default_value = "default", value_parser = tenant::name)]
    tenant: String,
}

/// Whose policies.
#[derive(Args)]
struct Whose {
    #[command(flatten)]
    within: In,
    /// Of the account with this name to log in with, instead of the organisation
    #[arg(long, value_name = "LOGIN")]
    account: Option<String>,
    /// Of the whole server, which go before every organisation's
    #[arg(long, conflicts_with_all = ["tenant", "account"])]
    server_itself: bool,
}

#[derive(Args)]
struct Set {
    #[command(flatten)]
    whose: Whose,
    /// The policy
    name: String,
    /// yes, no, a number, or default
    value: String,
}

#[derive(Args)]
struct Import {
    #[command(flatten)]
    within: In,
    /// The file
    file: PathBuf,
}

impl Policy {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            PolicyCommand::List(whose) => {
                let (operator, of) = whose.find().await?;
                tell(&operator.policies(whose.of(of)).await?);
                Ok(())
            }
            PolicyCommand::Set(set) => set.run().await,
            PolicyCommand::Export(within) => within.export().await,
            PolicyCommand::Import(import) => import.run().await,
        }
    }
}

impl Whose {
    /// The account, if one is named.
    async fn find(&self) -> Result<(Operator, Option<AccountId>), Box<dyn Error>> {
        let operator = self.within.at.operator()?;
        let Some(login) = &self.account else {
            return Ok((operator, None));
        };
        let accounts = self.within.accounts(&operator).await?;
        let found = accounts.get(&login.to_lowercase()).copied();
        Ok((operator, Some(found.ok_or("there is no such account")?)))
    }

    fn of(&self, account: Option<AccountId>) -> PoliciesOf<'_> {
        match account {
            _ if self.server_itself => PoliciesOf::Server,
            Some(id) => PoliciesOf::Account(id),
            None => PoliciesOf::Organisation(&self.within.tenant),
        }
    }
}

impl Set {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let (operator, account) = self.whose.find().await?;
        let of = self.whose.of(account);
        let mut set = set_there(&operator.policies(of).await?);
        match self.value.as_str() {
            "default" => drop(set.remove(&self.name)),
            value => drop(set.insert(self.name, value.to_owned())),
        }
        tell(&operator.set_policies(of, set).await?);
        Ok(())
    }
}

impl In {
    /// The organisation's accounts by the names they log in with.
    async fn accounts(
        &self,
        operator: &Operator,
    ) -> Result<BTreeMap<String, AccountId>, Box<dyn Error>> {
        let accounts = operator.accounts(&self.tenant).await?;
        let accounts = accounts.into_iter();
        Ok(accounts
            .map(|account| (account.login, account.account))
            .collect())
    }

    async fn export(self) -> Result<(), Box<dyn Error>> {
        let operator = self.at.operator()?;
        print!("{}", operator.export_policies(&self.tenant).await?);
        Ok(())
    }
}

impl Import {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let file = self.file.display();
        let table = std::fs::read(&self.file).map_err(|error| format!("{file}: {error}"))?;
        let operator = self.within.at.operator()?;
        let of = &self.within.tenant;
        Ok(operator.import_policies(of, table).await?)
    }
}

fn set_there(entries: &[PolicyEntry]) -> BTreeMap<String, String> {
    let set = entries.iter().filter_map(|entry| {
        let value = entry.set.clone()?;
        Some((entry.name.clone(), value))
    });
    set.collect()
}

fn tell(entries: &[PolicyEntry]) {
    for PolicyEntry {
        name,
        value,
        source,
        set,
        ..
    } in entries
    {
        let by = match source {
            PolicySource::Default => "nobody has set it",
            PolicySource::Account => "set for the account",
            PolicySource::Organisation => "set for the organisation",
            PolicySource::Server => "set for the server",
        };
        match set {
            Some(set) if set != value => println!("{name} {value} ({by}; here: {set})"),
            _ => println!("{name} {value} ({by})"),
        }
    }
}
