//! `conclave tenant oidc`: by which provider an organisation's people log in.

use crate::room::At;
use crate::tenant;
use clap::{Args, Subcommand};
use conclave_wire::account::{ProviderInfo, ProviderRequest, Role};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Oidc {
    #[command(subcommand)]
    command: OidcCommand,
}

#[derive(Subcommand)]
enum OidcCommand {
    /// Set the provider. It has to know this service as a confidential client with the redirect
    /// URI https://HOST/oidc/callback.
    Set(Box<Set>),
    /// Show it, without its secret.
    Show(Which),
    /// Forget it: nobody logs in by it any more. Sessions go on until they end.
    Remove(Which),
}

#[derive(Args)]
struct Set {
    #[command(flatten)]
    which: Which,
    /// Its name on the login page. Default: the organisation's
    #[arg(long)]
    label: Option<String>,
    /// Its issuer, as its discovery document says: https://…
    #[arg(long)]
    issuer: String,
    /// What it calls this service
    #[arg(long)]
    client_id: String,
    /// The file with the secret that it gave for that
    #[arg(long)]
    client_secret_file: PathBuf,
    /// A scope to ask for besides openid and profile; can be given more than once
    #[arg(long)]
    scope: Vec<String>,
    /// The claim that lists a person's groups. Default: groups
    #[arg(long)]
    groups_claim: Option<String>,
    /// A group of administrators; can be given more than once, as those below. Who is in groups
    /// of several roles has the least of them, who is in none is a member
    #[arg(long)]
    admin_group: Vec<String>,
    /// A group of hosts
    #[arg(long)]
    host_group: Vec<String>,
    /// A group of assistants
    #[arg(long)]
    assistant_group: Vec<String>,
    /// A group of presenters
    #[arg(long)]
    presenter_group: Vec<String>,
    /// Certificates, PEM, that are trusted besides the system's when the provider is asked
    #[arg(long)]
    ca: Option<PathBuf>,
}

#[derive(Args)]
struct Which {
    #[command(flatten)]
    at: At,
    /// The organisation's name
    #[arg(value_parser = tenant::name)]
    name: String,
}

impl Oidc {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            OidcCommand::Set(set) => set.run().await,
            OidcCommand::Show(Which { at, name }) => {
                at.print(&at.operator()?.provider(&name).await?, lines)
            }
            OidcCommand::Remove(Which { at, name }) => {
                Ok(at.operator()?.remove_provider(&name).await?)
            }
        }
    }
}

impl Set {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let Which { at, name } = self.which;
        let secret = std::fs::read_to_string(&self.client_secret_file)?;
        let request = ProviderRequest {
            name: self.label.unwrap_or_else(|| name.clone()),
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret: secret.trim().to_owned(),
            scopes: self.scope,
            groups_claim: self.groups_claim,
            roles: roles([
                (Role::Admin, self.admin_group),
                (Role::Host, self.host_group),
                (Role::Assistant, self.assistant_group),
                (Role::Presenter, self.presenter_group),
            ])?,
            ca: self.ca.map(std::fs::read_to_string).transpose()?,
        };
        let set = at.operator()?.set_provider(&name, &request).await?;
        at.print(&set, lines)
    }
}

/// Which group gives which role.
fn roles(groups: [(Role, Vec<String>); 4]) -> Result<BTreeMap<String, Role>, String> {
    let mut roles = BTreeMap::new();
    for (role, groups) in groups {
        for group in groups {
            if let Some(other) = roles.insert(group.clone(), role) {
                let (role, other) = (role.as_str(), other.as_str());
                return Err(format!("{group} is a group of {other} and of {role}"));
            }
        }
    }
    Ok(roles)
}

/// What is told of a provider.
fn lines(provider: &ProviderInfo) -> String {
    let mut lines = vec![
        format!("  name:      {}", provider.name),
        format!("  issuer:    {}", provider.issuer),
        format!("  client id: {}", provider.client_id),
        format!("  groups in: {}", provider.groups_claim),
    ];
    let scopes = provider.scopes.iter();
    lines.extend(scopes.map(|scope| format!("  scope:     {scope}")));
    for (group, role) in &provider.roles {
        lines.push(format!("  {}: {group}", role.as_str()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_gives_one_role() {
        let of = |admin: &[&str], host: &[&str]| {
            let list = |groups: &[&str]| groups.iter().map(|group| (*group).to_owned()).collect();
            roles([
                (Role::Admin, list(admin)),
                (Role::Host, list(host)),
                (Role::Assistant, Vec::new()),
                (Role::Presenter, Vec::new()),
            ])
        };
        let map = of(&["it"], &["doctors", "nurses"]).expect("no group twice");
        assert_eq!((map.len(), map["nurses"]), (3, Role::Host));
        assert!(of(&["it"], &["it"]).is_err());
    }
}
