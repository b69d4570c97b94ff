//! `conclave tenant`: the organisations on a server.

use crate::oidc::Oidc;
use crate::room::At;
use crate::scim::Scim;
use clap::{ArgGroup, Args, Subcommand};
use conclave_wire::account::{TenantChange, TenantInfo, TenantRequest};

#[derive(Args)]
pub(crate) struct Tenant {
    #[command(subcommand)]
    command: TenantCommand,
}

#[derive(Subcommand)]
enum TenantCommand {
    /// Make an organisation: with rooms and accounts of its own, of which others see nothing.
    Create(Create),
    /// List the organisations, how much each has and how much it may have.
    List(List),
    /// Change how much an organisation may have; not below what it has.
    Change(Change),
    /// Delete an organisation that has no rooms, with its accounts.
    Delete(Delete),
    /// Print the certificate of an organisation's root, PEM: what vouches for its people's devices.
    Root(Root),
    /// Let an organisation's people log in by its OpenID Connect provider.
    Oidc(Oidc),
    /// Let an organisation's directory make and end accounts by SCIM 2.0.
    Scim(Scim),
}

#[derive(Args)]
struct Create {
    #[command(flatten)]
    at: At,
    /// Its name, which people log in with: up to 63 of a-z, 0-9 and -
    name: String,
    /// Most rooms. Default: as many as the server has
    #[arg(long)]
    rooms: Option<u32>,
    /// Most members of one call. Default: as many as the server lets in
    #[arg(long)]
    participants: Option<u32>,
    /// Most accounts. Default: as many as the server has
    #[arg(long)]
    accounts: Option<u32>,
}

#[derive(Args)]
#[command(group(ArgGroup::new("quotas").required(true).multiple(true).args(["rooms", "participants", "accounts"])))]
struct Change {
    #[command(flatten)]
    at: At,
    /// The organisation's name
    #[arg(value_parser = name)]
    name: String,
    /// Most rooms
    #[arg(long)]
    rooms: Option<u32>,
    /// Most members of one call
    #[arg(long)]
    participants: Option<u32>,
    /// Most accounts
    #[arg(long)]
    accounts: Option<u32>,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
struct Delete {
    #[command(flatten)]
    at: At,
    /// The organisation's name
    #[arg(value_parser = name)]
    name: String,
}

#[derive(Args)]
struct Root {
    #[command(flatten)]
    at: At,
    /// The organisation's name
    #[arg(default_value = "default", value_parser = name)]
    name: String,
}

impl Tenant {
    pub(crate) async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        match self.command {
            TenantCommand::Create(create) => create.run().await,
            TenantCommand::List(List { at }) => {
                at.print_all(&at.operator()?.tenants().await?, line)
            }
            TenantCommand::Change(change) => {
                let wanted = TenantChange {
                    max_rooms: change.rooms,
                    max_participants: change.participants,
                    max_accounts: change.accounts,
                };
                let operator = change.at.operator()?;
                let changed = operator.change_tenant(&change.name, &wanted).await?;
                change.at.print(&changed, line)
            }
            TenantCommand::Root(Root { at, name }) => {
                print!("{}", at.operator()?.root(&name).await?);
                Ok(())
            }
            TenantCommand::Oidc(oidc) => oidc.run().await,
            TenantCommand::Scim(scim) => scim.run().await,
            TenantCommand::Delete(Delete { at, name }) => {
                Ok(at.operator()?.delete_tenant(&name).await?)
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let request = TenantRequest {
            name: self.name,
            max_rooms: self.rooms,
            max_participants: self.participants,
            max_accounts: self.accounts,
        };
        let made = self.at.operator()?.create_tenant(&request).await?;
        self.at.print(&made, line)
    }
}

/// What is told of an organisation: how much it has and may have.
fn line(tenant: &TenantInfo) -> String {
    format!(
        "{} rooms {}/{} accounts {}/{} participants {}",
        tenant.name,
        tenant.rooms,
        tenant.max_rooms,
        tenant.accounts,
        tenant.max_accounts,
        tenant.max_participants
    )
}

/// A name that can stand in an address.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let symbol = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match !text.is_empty() && text.bytes().all(symbol) {
        true => Ok(text.to_owned()),
        false => Err("a name is of a-z, 0-9 and -".to_owned()),
    }
}
