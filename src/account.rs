//! `conclave account`: the people who log in.

mod passkey;

use crate::room::At;
use crate::tenant;
use clap::{Args, Subcommand};
use conclave_client::accounts::Operator;
use conclave_wire::account::{AccountChange, AccountInfo, AccountMade, AccountRequest, Role};
use std::error::Error;

#[derive(Args)]
pub(crate) struct Account {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Make an account, draw its password and print it, once.
    ///
    /// An administrator sets up a second factor at the first login, and can do nothing before.
    Create(Create),
    /// List the accounts of an organisation.
    List(In),
    /// Give an account another role, or the person another name.
    Change(Change),
    /// Let nobody log in to an account any more; its sessions and the links it made end.
    Disable(Which),
    /// Delete an account; its sessions and the links it made end.
    Delete(Which),
    /// Let them log in again.
    Enable(Which),
    /// Draw an account another password and print it, once; its sessions end.
    ResetPassword(Which),
    /// Forget an account's second factor, which is lost; its sessions end.
    ResetFactor(Which),
    /// List and remove the passkeys that people log in to an account with.
    ///
    /// They are made in a browser, by whoever has logged in to the account.
    Passkey(passkey::Passkey),
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

#[derive(Args)]
struct Create {
    #[command(flatten)]
    within: In,
    /// The name to log in with: up to 64 of a-z, 0-9 and . - _ @
    login: String,
    /// The person's name. Default: the name to log in with
    #[arg(long)]
    name: Option<String>,
    /// What they are: host, presenter, member, assistant or admin (docs/roles.md)
    #[arg(long, value_parser = role)]
    role: Role,
}

#[derive(Args)]
struct Change {
    #[command(flatten)]
    which: Which,
    /// The person's name
    #[arg(long, required_unless_present = "role")]
    name: Option<String>,
    /// What they are: host, presenter, member, assistant or admin (docs/roles.md)
    #[arg(long, value_parser = role)]
    role: Option<Role>,
}

#[derive(Args)]
pub(crate) struct Which {
    #[command(flatten)]
    within: In,
    /// The name to log in with
    login: String,
}

impl Account {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            AccountCommand::Create(create) => create.run().await,
            AccountCommand::List(within) => {
                let accounts = within.at.operator()?.accounts(&within.tenant).await?;
                within.at.print_all(&accounts, line)
            }
            AccountCommand::Change(Change { which, name, role }) => {
                let (operator, account) = which.find().await?;
                let change = AccountChange { name, role };
                let changed = operator.change_account(account.account, &change).await?;
                which.within.at.print(&changed, line)
            }
            AccountCommand::Disable(which) => {
                let (operator, account) = which.find().await?;
                Ok(operator.enable_account(account.account, false).await?)
            }
            AccountCommand::Delete(which) => {
                let (operator, account) = which.find().await?;
                Ok(operator.delete_account(account.account).await?)
            }
            AccountCommand::Enable(which) => {
                let (operator, account) = which.find().await?;
                Ok(operator.enable_account(account.account, true).await?)
            }
            AccountCommand::ResetPassword(which) => {
                let (operator, account) = which.find().await?;
                let made = operator.reset_password(account.account).await?;
                which.within.at.print(&made, told)
            }
            AccountCommand::ResetFactor(which) => {
                let (operator, account) = which.find().await?;
                Ok(operator.forget_factor(account.account).await?)
            }
            AccountCommand::Passkey(passkey) => passkey.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let request = AccountRequest {
            name: self.name.unwrap_or_else(|| self.login.clone()),
            login: self.login,
            role: self.role,
        };
        let operator = self.within.at.operator()?;
        let made = operator.create_account(&self.within.tenant, &request);
        self.within.at.print(&made.await?, told)
    }
}

impl Which {
    pub(crate) async fn find(&self) -> Result<(Operator, AccountInfo), Box<dyn Error>> {
        let operator = self.within.at.operator()?;
        let accounts = operator.accounts(&self.within.tenant).await?;
        let mut accounts = accounts.into_iter();
        let found = accounts.find(|account| account.login.eq_ignore_ascii_case(&self.login));
        Ok((operator, found.ok_or("there is no such account")?))
    }
}

/// What is told once: what to log in with.
fn told(made: &AccountMade) -> String {
    format!(
        "  login:    {}\n  password: {}",
        made.account.login, made.password
    )
}

/// What is told of an account: its login, its role, how it stands, its name.
fn line(account: &AccountInfo) -> String {
    let factor = if account.factor {
        ", second factor"
    } else {
        ""
    };
    let disabled = if account.disabled { ", disabled" } else { "" };
    let (login, role, name) = (&account.login, account.role.as_str(), &account.name);
    format!("{login} {role}{factor}{disabled} \"{name}\"")
}

fn role(text: &str) -> Result<Role, String> {
    match Role::parse(text) {
        Some(role) if role != Role::Guest => Ok(role),
        _ => Err("the roles are host, presenter, member, assistant and admin".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_gets_no_account() {
        assert_eq!(role("assistant"), Ok(Role::Assistant));
        for other in ["guest", "Admin", "", "root"] {
            assert!(role(other).is_err(), "{other}");
        }
    }
}
