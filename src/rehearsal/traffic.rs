//! What a load has seen, in columns of time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::load::{LoadReport, Outcome, Reply};
use crate::plan::{Column, Counted, Traffic};

/// Columns of a picture.
const COLUMNS: usize = 100;

/// No column is shorter: fewer requests make no rate.
const SHORTEST: Duration = Duration::from_millis(20);

impl LoadReport {
    /// The requests by the time of their end. Whom nginx asked is the new release where it is the one at `new`; where
    /// nginx does not say, what ended after `switched` is, in seconds since 1970.
    #[must_use]
    pub fn traffic(&self, new: u16, switched: Option<f64>, is_expected: impl Fn(Outcome) -> bool) -> Traffic {
        let end = |reply: &Reply| reply.started + reply.latency;
        let (Some(first), Some(last)) =
            (self.answers.iter().map(end).min(), self.answers.iter().map(end).max())
        else {
            return Traffic::default();
        };
        let count = ((last - first).div_duration_f64(SHORTEST) as usize).clamp(1, COLUMNS);
        let width = ((last - first) / count as u32).max(Duration::from_millis(1));
        let begin = unix(first);
        let mut columns: Vec<(Column, Vec<Duration>)> = vec![Default::default(); count];
        for reply in &self.answers {
            let index = (end(reply) - first).div_duration_f64(width) as usize;
            let (column, latencies) = &mut columns[index.min(count - 1)];
            let is_new = match reply.upstream.as_deref().and_then(|asked| asked.rsplit_once(':')) {
                Some((_, port)) if port.parse::<u16>().is_ok() => port.parse() == Ok(new),
                _ => switched.is_some_and(|switched| unix(end(reply)) >= switched),
            };
            *match (is_expected(reply.outcome), is_new) {
                (false, _) => &mut column.lost,
                (true, false) => &mut column.old,
                (true, true) => &mut column.new,
            } += 1;
            latencies.push(reply.latency);
        }
        let columns = columns.into_iter().map(|(mut column, mut latencies)| {
            latencies.sort();
            let told = |latency: &Duration| (latency.as_secs_f64() * 1e5).round() / 100.0;
            column.usual = latencies.get(latencies.len() / 2).map(told);
            column.slowest = latencies.last().map(told);
            column
        });
        Traffic { by: Counted::Load, begin, width: width.as_secs_f64(), columns: columns.collect() }
    }
}

/// A moment by the clock of the day.
fn unix(moment: Instant) -> f64 {
    let (now, today) = (Instant::now(), SystemTime::now());
    let then = today - now.saturating_duration_since(moment);
    then.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_in_a_column_of_its_release() {
        let begin = Instant::now() - Duration::from_secs(10);
        let reply = |at: u64, upstream: &str, outcome| Reply {
            started: begin + Duration::from_millis(at),
            latency: Duration::from_millis(5),
            outcome,
            marker: None,
            upstream: (!upstream.is_empty()).then(|| upstream.to_string()),
        };
        let well = Outcome::Status(200);
        let answers = vec![
            reply(0, "127.0.0.1:8888", well),
            reply(900, "127.0.0.1:8889", well),
            reply(950, "", Outcome::Broken),
            reply(1000, "unix:/root/live/app.sock", well),
            reply(2000, "unix:/root/live/app.sock", well),
        ];
        let switched = unix(begin + Duration::from_millis(1500));
        let traffic = LoadReport { answers }.traffic(8889, Some(switched), |outcome| outcome == well);
        let sums = (traffic.sum(|column| column.old), traffic.sum(|column| column.new), traffic.lost());
        assert_eq!(sums, (2, 2, 1));
        assert_eq!((traffic.columns.len(), traffic.width), (COLUMNS, 0.02));
        assert_eq!(traffic.columns[0].slowest, Some(5.0));
        assert_eq!(LoadReport { answers: Vec::new() }.traffic(1, None, |_| true), Traffic::default());
    }
}
