//! `conclave webhook`: who is told of what happens in an organisation.

use crate::room::{At, moment};
use crate::tenant;
use clap::{ArgGroup, Args, Subcommand};
use conclave_wire::id::WebhookId;
use conclave_wire::webhook::{EventKind, WebhookChange, WebhookInfo, WebhookMade, WebhookRequest};
use std::error::Error;

#[derive(Args)]
pub(crate) struct Webhook {
    #[command(subcommand)]
    command: WebhookCommand,
}

#[derive(Subcommand)]
enum WebhookCommand {
    /// Make an endpoint that is told of events; prints the secret that they are signed with, once.
    Create(Create),
    /// List the endpoints of an organisation, and how each stands.
    List(List),
    /// Print how an endpoint stands.
    Show(Which),
    /// Change where an endpoint is or what it is told, or switch it off and on.
    Change(Change),
    /// Draw an endpoint another secret and print it, once. The one before it signs as well for
    /// 24 hours.
    RenewSecret(Which),
    /// Delete an endpoint with what it was still to be told.
    Delete(Which),
}

#[derive(Args)]
struct Create {
    #[command(flatten)]
    at: At,
    /// Where to: https://… What may be reached, `conclave serve --webhooks-to` says
    url: String,
    /// The organisation
    #[arg(long, default_value = "default", value_parser = tenant::name)]
    tenant: String,
    /// Of what; can be given more than once. Default: of everything but password.send, which sends
    /// the passwords of rooms' links to telephones
    #[arg(long = "event", value_parser = event)]
    events: Vec<EventKind>,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    at: At,
    /// The organisation
    #[arg(long, default_value = "default", value_parser = tenant::name)]
    tenant: String,
}

#[derive(Args)]
struct Which {
    #[command(flatten)]
    at: At,
    /// The endpoint, as listed
    #[arg(allow_hyphen_values = true)]
    webhook: WebhookId,
}

#[derive(Args)]
#[command(group(ArgGroup::new("changes").required(true).multiple(true).args(["url", "events", "all_events", "on", "off"])))]
struct Change {
    #[command(flatten)]
    which: Which,
    /// Where to
    #[arg(long)]
    url: Option<String>,
    /// Of what; can be given more than once
    #[arg(long = "event", value_parser = event, conflicts_with = "all_events")]
    events: Vec<EventKind>,
    /// Of everything but password.send
    #[arg(long)]
    all_events: bool,
    /// Switch it on; what was given up within the last seven days is tried again
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// Switch it off; what waits for it is given up
    #[arg(long)]
    off: bool,
}

impl Webhook {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            WebhookCommand::Create(Create {
                at,
                url,
                tenant,
                events,
            }) => {
                let request = WebhookRequest { url, events };
                let made = at.operator()?.create_webhook(&tenant, &request).await?;
                at.print(&made, with_secret)
            }
            WebhookCommand::List(List { at, tenant }) => {
                at.print_all(&at.operator()?.webhooks(&tenant).await?, line)
            }
            WebhookCommand::Show(Which { at, webhook }) => {
                at.print(&at.operator()?.webhook(webhook).await?, line)
            }
            WebhookCommand::Change(change) => change.run().await,
            WebhookCommand::RenewSecret(Which { at, webhook }) => {
                let renewed = at.operator()?.renew_webhook_secret(webhook).await?;
                at.print(&renewed, with_secret)
            }
            WebhookCommand::Delete(Which { at, webhook }) => {
                Ok(at.operator()?.delete_webhook(webhook).await?)
            }
        }
    }
}

impl Change {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let Which { at, webhook } = self.which;
        let wanted = WebhookChange {
            url: self.url,
            events: (self.all_events || !self.events.is_empty()).then_some(self.events),
            enabled: (self.on || self.off).then_some(self.on),
        };
        let changed = at.operator()?.change_webhook(webhook, &wanted).await?;
        at.print(&changed, line)
    }
}

/// What is told of an endpoint: which, how it stands, where it is, of what.
fn line(webhook: &WebhookInfo) -> String {
    let stands = match (webhook.enabled, webhook.failing_since) {
        (false, _) => "off".to_owned(),
        (true, None) => "on".to_owned(),
        (true, Some(since)) => format!("failing since {}", moment(since)),
    };
    let events: Vec<_> = webhook.events.iter().map(|event| event.as_str()).collect();
    let events = match events.is_empty() {
        true => "everything".to_owned(),
        false => events.join(" "),
    };
    let (id, url) = (webhook.webhook, &webhook.url);
    let (waiting, given_up) = (webhook.waiting, webhook.given_up);
    format!("{id} {stands}, waiting {waiting}, given up {given_up}, {url} of {events}")
}

fn with_secret(made: &WebhookMade) -> String {
    format!("{}\n  secret: {}", line(&made.webhook), made.secret)
}

fn event(name: &str) -> Result<EventKind, String> {
    EventKind::parse(name).ok_or_else(|| {
        let all: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("the events are {}", all.join(", "))
    })
}
