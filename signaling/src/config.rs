//! What the service is told at its start, and its limits.

use crate::domain::reach::Reach;
use crate::domain::retention::Periods;
use crate::origin::Origin;
use crate::store::PostgresUrl;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What the service is told at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where HTTPS is served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the database, the operator's token and the self-made certificate
    /// are kept. Made if it is not there.
    pub data_dir: PathBuf,
    /// The PostgreSQL database to use instead of a SQLite one in `data_dir`.
    pub database: Option<PostgresUrl>,
    /// The certificate chain and key, PEM. Without them the service makes a
    /// development certificate for [`Config::names`] and [`Config::addresses`].
    pub tls: Option<TlsFiles>,
    /// The MLS ciphersuite of new rooms (RFC 9420 section 17.1).
    pub suite: u16,
    /// Where people's browsers reach the service.
    pub origin: Origin,
    /// Host names of the service beside `localhost`.
    pub names: Vec<String>,
    /// Addresses of the service beside the loopback ones.
    pub addresses: Vec<IpAddr>,
    /// How long what is over is kept.
    pub periods: Periods,
    /// How far the endpoints of organisations may be reached.
    pub reach: Reach,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, PEM, the service's own certificate first.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// Members of one call, and leaves of its tree. MLS costs of a change grow with
/// it; the key id of a frame has room for 1024.
pub const MAX_MEMBERS: usize = 100;

/// People in a consultation: two, or a few more by the host's choice (a carer,
/// an interpreter, a group of at most eight with its therapist).
pub const CONSULTATION_PEOPLE: std::ops::RangeInclusive<u8> = 2..=9;

/// Fewest people that a room may be for: with fewer there is no call.
pub const MIN_PEOPLE: u32 = 2;

/// Longest name of a host that guests are told, characters.
pub const MAX_HOST_NAME: usize = 64;

/// Devices that hosts have removed from one call and that are certified for it no
/// more.
pub const MAX_BANNED: usize = 1_000;

/// Knocks that wait in one room. More would bury the hosts.
pub const MAX_KNOCKS: usize = 50;

/// How often a member may knock again within [`RESYNC_SPAN`]. Each is a commit
/// for everybody; more would let a broken client keep a call busy.
pub const MAX_RESYNCS: usize = 3;

/// The span of [`MAX_RESYNCS`].
pub const RESYNC_SPAN: Duration = Duration::from_secs(60);

/// Stays in one room: a full call, a full lobby, and those who look at the
/// door.
pub const MAX_STAYS: usize = 256;

/// Rooms the service keeps, and one organisation has at most.
pub const MAX_ROOMS: u32 = 10_000;

/// Organisations the service keeps.
pub const MAX_TENANTS: u32 = 1_000;

/// Accounts one organisation has at most.
pub const MAX_ACCOUNTS: u32 = 10_000;

/// Longest title of a room, in characters.
pub const MAX_TITLE: usize = 80;

/// Entries of one answer that lists something, where no number is asked for.
pub const PAGE: u32 = 50;

/// Most that can be asked for: more would keep the one connection to the
/// database from others.
pub const MAX_PAGE: u32 = 100;

/// After how long without use a session ends. Shorter logs out people who talk
/// to a patient, longer leaves a desk open.
pub const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);

/// After how long it ends however much it is used: a long working day.
pub const SESSION_LENGTH: Duration = Duration::from_secs(12 * 60 * 60);

/// How far behind the note of its last use may be: each note is a transaction.
pub const SESSION_NOTED: Duration = Duration::from_secs(60);

/// Sessions of one account: of more the one longest unused ends.
pub const MAX_SESSIONS: u32 = 20;

/// Devices of one account; each may have a certificate.
pub const MAX_ACCOUNT_DEVICES: u32 = 20;

/// Passkeys of one account: a few devices, and a key in the safe.
pub const MAX_PASSKEYS: u32 = 10;

/// How long an authenticator may take to make or to show a passkey.
pub const PASSKEY_LIMIT: Duration = Duration::from_secs(5 * 60);

/// For how long somebody who has logged in may set up another way to log in.
/// Longer would give it to whoever finds a desk open.
pub const LOGIN_RECENT: Duration = Duration::from_secs(10 * 60);

/// Wrong passwords for one name that cost no waiting.
pub const FREE_TRIES: u32 = 5;

/// Longest wait between two tries for one name. A longer one would let anybody
/// keep others out for longer; with it, 288 passwords or codes a day are tried.
pub const THROTTLE_MOST: Duration = Duration::from_secs(300);

/// After how long without a try a name's tries are forgotten.
pub const THROTTLE_FORGETS: Duration = Duration::from_secs(24 * 60 * 60);

/// Names whose tries are counted at once; each costs about 100 bytes.
pub const MAX_THROTTLED: usize = 10_000;

/// Passwords hashed at once; each takes 64 MiB and a core for a fifth of a
/// second.
pub const HASHES_AT_ONCE: usize = 2;

/// Passwords that wait to be hashed; more would not be answered in time.
pub const HASHES_WAITING: usize = 24;

/// Guests' links of one room: three a working day, and those of the last month,
/// for more than a year.
pub const MAX_LINKS: usize = 1_000;

/// WebSockets of the process. Each costs about 50 kB.
pub const MAX_SOCKETS: u32 = 10_000;

/// Largest KeyPackage, bytes. One with a post-quantum suite takes about 4 kB.
pub const MAX_KEY_PACKAGE: usize = 16 << 10;

/// Wrong passwords that lock a link. More let an attacker guess more often,
/// fewer lock out people who mistype.
pub const MAX_WRONG_PASSWORDS: u32 = 5;

/// Largest message to all members, bytes. What clients say takes about 450.
pub const MAX_POST: usize = 1 << 10;

/// Largest word to one who waits, bytes. What clients say takes 831, whatever
/// it is.
pub const MAX_WORD: usize = 1 << 10;

/// Largest notice of one who waits about their devices, bytes. Clients' take 29.
pub const MAX_DEVICES: usize = 64;

/// Words to one who waits in [`WORDS_SPAN`], and so many of the last are told
/// again after a resume; likewise notices about devices.
pub const MAX_WORDS: usize = 8;

/// The span in which no more than [`MAX_WORDS`] are taken. Shorter lets a
/// visitor disturb the hosts more often.
pub const WORDS_SPAN: Duration = Duration::from_secs(20);

/// Length of a knock's tag: HMAC-SHA256, bytes.
pub const KNOCK_TAG_LEN: usize = 32;

/// Largest SDP offer, bytes. One with 200 slots takes about 150 kB.
pub const MAX_SDP: usize = 256 << 10;

/// Sections an offer may send on.
pub const MAX_SENDING: usize = 16;

/// Slots that one request may change.
pub const MAX_SLOTS: usize = 512;

/// Offers of one participant the media plane has not answered.
pub const MAX_PENDING_OFFERS: usize = 4;

/// How long a new socket may take for its first frame.
pub const FIRST_FRAME_LIMIT: Duration = Duration::from_secs(10);

/// How often the service pings a socket.
pub const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Silence after which a socket is lost: three pings. Longer keeps the tiles of
/// those who are gone, shorter loses those on bad radio.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(15);

/// How long writing one frame to a socket may take.
pub const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// Frames a client may send in a second, on average and at once.
pub const FRAMES_PER_SECOND: u32 = 200;

/// Unreadable frames after which a socket is closed.
pub const MAX_UNREADABLE: u32 = 16;

/// Frames that may wait for one socket. More than a resume can miss
/// ([`crate::domain::delivery::MAX_ENTRIES`]).
pub const MAX_QUEUED_FRAMES: usize = 8_192;

/// Bytes that may wait for one socket, likewise: the log's limit in base64url,
/// and a reserve.
pub const MAX_QUEUED_BYTES: usize = 48 << 20;

/// Inputs that may wait for one room; a socket that would add another waits.
pub const ROOM_MAILBOX: usize = 1_024;

/// Inputs a room handles in one transaction, at most.
pub const ROOM_BATCH: usize = 64;

/// Largest body of an HTTP request, bytes. None of them has one to speak of.
pub const MAX_BODY: usize = 4 << 10;

/// Largest body that holds an authenticator's answer, bytes: one with an RSA key
/// and everything that browsers add takes about 3 kB.
pub const MAX_PASSKEY_BODY: usize = 16 << 10;

/// Largest text of a privacy notice or a consent, bytes.
pub const MAX_CONSENT_TEXT: usize = 16 << 10;

/// Largest body that sets those texts: four of them, each byte written as an
/// escape of two at most.
pub const MAX_CONSENT_BODY: usize = 8 * MAX_CONSENT_TEXT + (4 << 10);

/// Versions of those texts. Consents refer to them, so they are kept.
pub const MAX_CONSENT_TEXTS: u32 = 1_000;

/// Largest text that an organisation says to everybody, bytes.
pub const MAX_PUBLIC_TEXT: usize = 64 << 10;

/// Largest body that sets one: in two languages, each byte written as an escape
/// of two at most.
pub const MAX_PUBLIC_TEXT_BODY: usize = 4 * MAX_PUBLIC_TEXT + (4 << 10);

/// How long an HTTP request may take, its body included.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// How long a graceful shutdown waits for connections to end.
pub const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// How long somebody may be at their organisation's provider, and after that
/// look for the code of a second factor.
pub const LOGIN_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Requests to providers at once. More wait for slow ones, fewer keep people
/// out when many begin to work.
pub const EXCHANGES_AT_ONCE: usize = 64;

/// How long a provider may take for one answer.
pub const PROVIDER_LIMIT: Duration = Duration::from_secs(4);

/// How long a login may take in all, so that whoever waits is told before
/// [`REQUEST_LIMIT`].
pub const PROVIDERS_LIMIT: Duration = Duration::from_secs(9);

/// Largest answer of a provider, bytes. Large ones list some dozens of keys.
pub const MAX_PROVIDER_ANSWER: usize = 256 << 10;

/// For how long what a provider says of itself is not asked for again.
pub const PROVIDER_KNOWN: Duration = Duration::from_secs(5 * 60);

/// Most people whom a marked room's calls are for, if not for everybody.
pub const MAX_LISTED: usize = 500;

/// Largest body that has such a list, bytes: that many of the longest names.
pub const MAX_ROOM_BODY: usize = 40 << 10;

/// Largest table of policies, bytes: each policy of each account, and what was
/// given is taken back.
pub const MAX_POLICY_SHEET: usize = 10 << 20;

/// Largest body that names a provider, bytes: certificates come along.
pub const MAX_PROVIDER_BODY: usize = 32 << 10;

/// Endpoints of one organisation that are told of events.
pub const MAX_WEBHOOKS: u32 = 10;

/// Events that may wait for one endpoint, about 300 bytes each. One that is so
/// far behind is switched off.
pub const MAX_DELIVERIES: u32 = 10_000;

/// How often is looked for what is to be delivered. Rarer tells later, more often
/// asks the database for nothing.
pub const DELIVERIES_EVERY: Duration = Duration::from_secs(1);

/// Endpoints that are sent something at once. Each waits for nobody but itself.
pub const DELIVERIES_AT_ONCE: usize = 32;

/// Events that one endpoint is sent before it is another's turn.
pub const DELIVERIES_IN_A_ROW: u32 = 10;

/// How long an endpoint may take for one event, from the name to the status.
pub const DELIVERY_LIMIT: Duration = Duration::from_secs(10);

/// How long an endpoint may take for a password that somebody waits for, so that
/// they are told before [`REQUEST_LIMIT`].
pub const MESSAGE_LIMIT: Duration = Duration::from_secs(8);

/// Passwords that are sent to endpoints at once; others wait for their turn, as
/// long as they may take in all.
pub const MESSAGES_AT_ONCE: usize = 32;

/// Passwords that one account, or the operator, may have sent in a row: a morning's
/// appointments. More would let a stolen account ring more telephones.
pub const MESSAGES_IN_A_ROW: u32 = 20;

/// After how long it may have another one sent: 480 a day.
pub const MESSAGE_EVERY: Duration = Duration::from_secs(180);

/// Accounts that are known to have had one sent lately; each costs about 50 bytes.
pub const MAX_SENDERS: usize = 10_000;

/// Answers that are kept for one account, or the operator, within a day; each
/// takes about a kilobyte. A program that makes more would be one gone wrong.
pub const MAX_ANSWERS: u32 = 10_000;

/// Largest answer that is kept, bytes: texts of consent that were just set.
pub const MAX_ANSWER: usize = MAX_CONSENT_BODY;
