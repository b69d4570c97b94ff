//! What the server tells its operator: enough to run it, nothing about whom.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conclave_kit::{Member, Native, PATIENCE, Server};
use conclave_wire::client::Request;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// Label names, and nothing else may be one.
const LABELS: &[&str] = &["reason", "code", "kind", "le"];

/// Name, labels, value of one sample line.
fn parse(line: &str) -> (&str, Vec<(&str, &str)>) {
    let sample = line.rsplit_once(' ').expect("a value").0;
    let Some((name, labels)) = sample.split_once('{') else {
        return (sample, Vec::new());
    };
    let labels = labels
        .trim_end_matches('}')
        .split(',')
        .filter(|label| !label.is_empty());
    let pair = |label| -> (&str, &str) {
        let (name, value) = str::split_once(label, '=').expect("a value");
        (name, value.trim_matches('"'))
    };
    (name, labels.map(pair).collect())
}

/// A word of a closed list, not a name or an identifier: lower case and short.
fn plain_word(value: &str) -> bool {
    value.len() <= 32
        && value.split('-').all(|part| {
            !part.is_empty() && part.len() <= 14 && part.bytes().all(|b| b.is_ascii_lowercase())
        })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_name_nobody() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = Native::host(&door, &room.host_link(&door), "Wilhelmina", 440.0);
    anna.admitted().await;
    let mut ben = Native::guest(&door, &room.link(&door), "Bartholomew", 660.0);
    ben.admitted().await;
    let (anna_id, ben_id) = (anna.id().await, ben.id().await);
    ben.gets(PATIENCE, 10, &[anna_id]).await;
    anna.gets(PATIENCE, 10, &[ben_id]).await;
    // Some refusals, so that those are counted, too.
    let mut clara = Member::enter(&door, &room, "Clara", false).await;
    clara.raw.refused(Request::EndCall {}).await;

    let metrics = server.metrics().await;
    assert!(metrics.samples.len() >= 20, "{}", metrics.text);
    let mut secrets = vec![
        "Wilhelmina".to_owned(),
        "Bartholomew".to_owned(),
        "Clara".to_owned(),
        "127.0.0.1".to_owned(),
        "localhost".to_owned(),
    ];
    for id in [&room.id.0, &anna_id.0, &ben_id.0, &clara.id().0] {
        secrets.push(URL_SAFE_NO_PAD.encode(id));
        secrets.push(id.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    for secret in &secrets {
        assert!(
            !metrics.text.contains(secret.as_str()),
            "{secret} is in the metrics"
        );
    }
    for line in metrics
        .text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (name, labels) = parse(line);
        assert!(
            name.starts_with("conclave_") || name.starts_with("process_"),
            "{line}"
        );
        for (label, value) in labels {
            assert!(LABELS.contains(&label), "{label} in {line}");
            let bound = label == "le" && (value == "+Inf" || value.parse::<f64>().is_ok());
            assert!(bound || plain_word(value), "{value} in {line}");
        }
    }
    // They count this call.
    assert_eq!(metrics.sum("conclave_members"), 2.0, "{}", metrics.text);
    assert_eq!(metrics.sum("conclave_calls"), 1.0, "{}", metrics.text);
    assert!(metrics.sum("forwarded") >= 40.0, "{}", metrics.text);

    anna.inner.end_call().await;
    ben.told(PATIENCE, conclave_client::event::Event::Ended)
        .await;
    conclave_kit::eventually(PATIENCE, "no call is counted", async || {
        let metrics = server.metrics().await;
        (metrics.sum("conclave_members") == 0.0 && metrics.sum("conclave_calls") == 0.0)
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_probes_answer() {
    let server = Server::start(PROGRAM).await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(
            server.door().get(path).await.expect("a reply").status,
            200,
            "{path}"
        );
    }
}
