//! What several runs of the same plan come to.

use crate::run::{Outcome, Plan};

/// Runs of one plan.
pub(crate) struct Table {
    pub(crate) plan: Plan,
    /// By server, then by round; nothing where a run failed.
    pub(crate) outcomes: Vec<Vec<Option<Outcome>>>,
}

pub(crate) fn print_head() {
    println!(
        "| shape | packets/s | burst | server | ns a forward | forwards/s a core | ratio | offered/s | of a core | lost | joined | p50 µs | p99 µs | p99.9 µs | opened | KiB a participant | KiB a subscription |"
    );
    println!("|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
}

impl Table {
    pub(crate) fn new(plan: Plan, servers: usize) -> Self {
        let mut outcomes = Vec::new();
        outcomes.resize_with(servers, Vec::new);
        Self { plan, outcomes }
    }

    pub(crate) fn has_wrong(&self) -> bool {
        let mut ran = self.outcomes.iter().flatten().flatten();
        ran.any(|outcome| outcome.wrong > 0)
    }

    /// A row a server.
    pub(crate) fn print(&self, names: &[&str]) {
        let costs: Vec<Vec<_>> = self.outcomes.iter().map(|rounds| costs(rounds)).collect();
        for ((name, rounds), own) in names.iter().zip(&self.outcomes).zip(&costs) {
            // Of the same round, as the machine is not always the same.
            let pairs = own.iter().zip(&costs[0]);
            let ratios = pairs.filter_map(|(own, first)| Some((*own)? / (*first)?));
            row(name, &self.plan, rounds, median(ratios.collect()));
        }
    }
}

fn costs(rounds: &[Option<Outcome>]) -> Vec<Option<f64>> {
    let outcomes = rounds.iter().map(Option::as_ref);
    let costs = outcomes.map(|outcome| outcome.map(Outcome::processor_a_forward));
    costs.collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The run with the median cost, and the latencies of all.
fn row(name: &str, plan: &Plan, rounds: &[Option<Outcome>], ratio: Option<f64>) {
    let mut outcomes: Vec<&Outcome> = rounds.iter().flatten().collect();
    outcomes.sort_by(|a, b| a.processor_a_forward().total_cmp(&b.processor_a_forward()));
    let (shape, rate, burst) = (plan.shape, plan.rate, plan.burst);
    let Some(outcome) = outcomes.get(outcomes.len() / 2) else {
        println!("| {shape} | {rate} | {burst} | {name} | failed |");
        return;
    };
    let mut latencies = outcome.latency.clone();
    latencies.clear();
    for outcome in &outcomes {
        // Their bounds are the same.
        let _ = latencies.add(&outcome.latency);
    }
    let latency = |quantile| match plan.sink {
        Some(_) => "-".to_owned(),
        None => format!("{:.0}", latencies.value_at_quantile(quantile) as f64 / 1e3),
    };
    let cost = outcome.processor_a_forward();
    let memory = |of: usize| outcome.memory as f64 / of.max(1) as f64 / 1024.0;
    println!(
        "| {shape} | {rate} | {burst} | {name} | {cost:.0} | {:.0} | {} | {:.0} | {:.2} % | {:.3} % | {:.1} | {} | {} | {} | {} | {:.1} | {:.1} |",
        1e9 / cost,
        ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
        outcome.expected as f64 / outcome.seconds,
        outcome.processor as f64 / outcome.seconds / 1e7,
        100.0 * outcome.loss(),
        outcome.joined,
        latency(0.5),
        latency(0.99),
        latency(0.999),
        outcome.verified,
        memory(shape.participants()),
        memory(shape.subscriptions()),
    );
}
