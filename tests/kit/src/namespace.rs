//! A test in network namespaces of its own, where the kernel shapes what goes
//! from one to the other:
//!
//! ```text
//!   the test, the server: HERE ── near ═══ far ── THERE: processes started there
//!                                  tbf
//! ```
//!
//! or in one from which one way leads out, and nobody is there ([`Alone`]).
//!
//! The test's process is started again inside them, and they end with it:
//! nothing of the machine's own network is touched. Where namespaces are not
//! permitted, or the kernel lacks `veth` or `tbf`, the test says so and is over;
//! where `CI` is set it fails, for nobody reads what a test says that passed.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

/// The address of this end.
pub const HERE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The address of the other end. Both are of the range for benchmarks
/// (RFC 2544), and nobody else's within the namespace.
pub const THERE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);

/// Set where the namespaces are there.
const INSIDE: &str = "CONCLAVE_TEST_NAMESPACES";

/// What `ip netns` needs to write is on a file system of the namespace alone.
const SET_UP: &str = "set -e
mount -t tmpfs none /run
ip link set lo up
ip netns add there
ip link add near type veth peer name far netns there
ip addr add 198.18.0.1/30 dev near
ip link set near up
ip -n there addr add 198.18.0.2/30 dev far
ip -n there link set far up
ip -n there link set lo up
tc qdisc replace dev near root tbf rate 100mbit burst 100kb latency 100ms
";

/// One address and a default route, to where nobody answers and every packet is
/// counted. Without addresses of its own making: those would be asked for.
const ALONE: &str = "set -e
ip link set lo up
ip link add way type veth peer name out
ip link set way addrgenmode none
ip link set out addrgenmode none
ip addr add 198.18.0.1/24 dev way
ip link set way up
ip link set out up
ip route add default via 198.18.0.2
";

/// The other end, from within the namespaces.
pub struct There(());

/// A namespace without anybody else, from within.
pub struct Alone(());

impl Alone {
    /// As [`There::from`].
    ///
    /// # Panics
    /// As [`There::from`].
    pub fn from(test: &str) -> Option<Self> {
        is_inside(test, ALONE).then_some(Self(()))
    }

    /// How many packets have left for elsewhere, questions for where that is
    /// included.
    ///
    /// # Panics
    /// When `ip` does not say.
    pub fn left(&self) -> u64 {
        let shown = Command::new("ip")
            .args(["-s", "-j", "link", "show", "way"])
            .output()
            .expect("ip");
        let links: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
        let packets = &links[0]["stats64"]["tx"]["packets"];
        packets.as_u64().expect("a number of packets")
    }
}

/// Whether this is the inner run of the test. If it is not, the inner run takes
/// place, and is over.
fn is_inside(test: &str, set_up: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let inside = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args([
                "--map-root-user",
                "--net",
                "--mount",
                "--kill-child",
                "bash",
                "-c",
            ])
            .arg(script)
            .stdin(Stdio::null());
        command
    };
    let refused = match inside(set_up).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    };
    if let Some(why) = refused {
        let what = "there are no network namespaces to be had here";
        let checked = std::env::var_os("CI").is_some_and(|set| !set.is_empty());
        assert!(!checked, "{what}, and CI is set: {why}");
        println!("skipped, {what}: {why}");
        return false;
    }
    let program = std::env::current_exe().expect("the test's program");
    let status = inside(&format!("{set_up} exec \"$0\" --exact \"$1\" --nocapture"))
        .arg(program)
        .arg(test)
        .env(INSIDE, "1")
        .status()
        .expect("unshare was there a moment ago");
    assert!(status.success(), "within the namespaces: {status}");
    false
}

impl There {
    /// Runs the test of that name again within namespaces. Gives the other end
    /// to the inner run, and nothing to the outer one, which is over.
    ///
    /// # Panics
    /// When the inner run fails, or there are no namespaces and `CI` is set.
    pub fn from(test: &str) -> Option<Self> {
        is_inside(test, SET_UP).then_some(Self(()))
    }

    /// A program that is to run at the other end.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", "there", program]);
        command
    }

    /// Limits what goes there by a token bucket with a queue of 300 ms, as the
    /// emulator's [`Rate::kbit`](crate::emulator::Rate::kbit).
    ///
    /// # Panics
    /// When `tc` refuses.
    pub fn limit(&self, kbit: u32) {
        let status = Command::new("tc")
            .args(["qdisc", "replace", "dev", "near", "root", "tbf"])
            .args([
                "rate",
                &format!("{kbit}kbit"),
                "burst",
                "2400",
                "latency",
                "300ms",
            ])
            .status()
            .expect("tc");
        assert!(status.success(), "tc: {status}");
    }
}
