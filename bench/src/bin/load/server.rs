//! The process under load: spoken to by lines of JSON, watched through `/proc`.

use conclave_wire::control::{Command, Event};
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A server that does not answer within this time has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take to end by itself.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How a server is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Offers and answers, then ICE, DTLS and SRTP.
    Webrtc,
    /// Addresses and keys told beforehand: for the floor, which negotiates
    /// nothing.
    Plain,
}

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) way: Way,
    pub(crate) command: Vec<String>,
}

impl Spec {
    /// `NAME=webrtc:COMMAND` or `NAME=plain:COMMAND`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text}: a server is NAME=webrtc:COMMAND or NAME=plain:COMMAND");
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (way, command) = rest.split_once(':').ok_or_else(wrong)?;
        let way = match way {
            "webrtc" => Way::Webrtc,
            "plain" => Way::Plain,
            _ => return Err(wrong()),
        };
        let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        if command.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            name: name.to_owned(),
            way,
            command,
        })
    }
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Server {
    pub(crate) fn start(spec: &Spec) -> io::Result<Self> {
        let mut child = std::process::Command::new(&spec.command[0])
            .args(&spec.command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let taken = || io::Error::other("a pipe is missing");
        let input = Some(child.stdin.take().ok_or_else(taken)?);
        let output = child.stdout.take().ok_or_else(taken)?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            input,
            lines,
        })
    }

    pub(crate) fn write(&mut self, line: &str) -> io::Result<()> {
        let input = self.input.as_mut();
        let input = input.ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(input, "{line}")?;
        input.flush()
    }

    pub(crate) fn command(&mut self, command: &Command) -> io::Result<()> {
        self.write(&serde_json::to_string(command)?)
    }

    /// The next line of its output.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        self.lines.recv_timeout(PATIENCE).map_err(|_| no_answer())
    }

    /// The answer to a connect command. `meanwhile` is done until it comes: a
    /// server may want those connected that have sent their offer before.
    pub(crate) fn answer(&mut self, mut meanwhile: impl FnMut()) -> io::Result<String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let line = match self.lines.recv_timeout(Duration::from_millis(1)) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    meanwhile();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match serde_json::from_str(&line)? {
                Event::Answer { answer, .. } => return Ok(answer),
                Event::Refused { code, .. } => {
                    return Err(io::Error::other(format!("refused: {code:?}")));
                }
                Event::Connected { .. }
                | Event::Lost { .. }
                | Event::Paused { .. }
                | Event::Wanted { .. } => {}
            }
        }
        Err(no_answer())
    }

    /// Processor time of all its threads so far, kernel included, in ns.
    pub(crate) fn processor_time(&self) -> io::Result<u64> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()))?;
        let mut sum = 0;
        for task in tasks {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let on_processor = text.split(' ').next().and_then(|ns| ns.parse().ok());
            sum += on_processor.unwrap_or(0u64);
        }
        Ok(sum)
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok());
        Ok(kilobytes.unwrap_or(0) * 1024)
    }
}

fn no_answer() -> io::Error {
    io::Error::other("the server does not answer")
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input ends a server, and then whatever wraps it.
        self.input = None;
        let deadline = Instant::now() + LAST_WORDS;
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
