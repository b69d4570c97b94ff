//! `conclave device`: what people log in on, and taking it back.

use crate::account::Which;
use crate::room::At;
use crate::tenant;
use clap::{Args, Subcommand};
use conclave_wire::device::DeviceInfo;
use conclave_wire::id::DeviceId;
use std::error::Error;

#[derive(Args)]
pub(crate) struct Device {
    #[command(subcommand)]
    command: DeviceCommand,
}

#[derive(Subcommand)]
enum DeviceCommand {
    /// List the devices of an account.
    List(Which),
    /// Take back a device of an account, or all of them: their sessions end, they are out of every call, and get no certificate.
    Revoke(Revoke),
    /// Take back all devices of an organisation.
    RevokeAll(RevokeAll),
}

#[derive(Args)]
struct Revoke {
    #[command(flatten)]
    of: Which,
    /// Which one, as listed. Default: all of the account's
    #[arg(long)]
    device: Option<DeviceId>,
}

#[derive(Args)]
struct RevokeAll {
    #[command(flatten)]
    at: At,
    /// The organisation
    #[arg(value_parser = tenant::name)]
    tenant: String,
}

impl Device {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            DeviceCommand::List(of) => {
                let (operator, account) = of.find().await?;
                for device in operator.devices(account.account).await? {
                    println!("{}", line(&device));
                }
                Ok(())
            }
            DeviceCommand::Revoke(Revoke { of, device }) => {
                let (operator, account) = of.find().await?;
                let Some(device) = device else {
                    return Ok(operator.revoke_devices(account.account).await?);
                };
                let devices = operator.devices(account.account).await?;
                if !devices.iter().any(|known| known.device == device) {
                    return Err("the account has no such device".into());
                }
                Ok(operator.revoke_device(device).await?)
            }
            DeviceCommand::RevokeAll(RevokeAll { at, tenant }) => {
                Ok(at.operator()?.revoke_devices_of(&tenant).await?)
            }
        }
    }
}

/// What is told of a device: which, since when, until when it is certified, what
/// it is called.
fn line(device: &DeviceInfo) -> String {
    let moment = |millis: u64| {
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
    };
    let certified = device.certified_until.map_or_else(String::new, |until| {
        format!(" certified until {:.0}", moment(until))
    });
    let since = moment(device.created);
    let (id, name) = (device.device, &device.name);
    format!("{id} since {since:.0}{certified} \"{name}\"")
}
