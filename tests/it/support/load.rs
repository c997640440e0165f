//! What tests ask of a load's replies.

use deployer::rehearsal::{LoadReport, Outcome, Reply};

pub trait Replies {
    fn count(&self, outcome: Outcome) -> usize;
    fn with_marker(&self, marker: &str) -> usize;
    /// Every reply that is not a 2xx.
    fn failures(&self) -> Vec<&Reply>;
}

impl Replies for LoadReport {
    fn count(&self, outcome: Outcome) -> usize {
        self.answers.iter().filter(|reply| reply.outcome == outcome).count()
    }

    fn with_marker(&self, marker: &str) -> usize {
        self.answers.iter().filter(|reply| reply.marker.as_deref() == Some(marker)).count()
    }

    fn failures(&self) -> Vec<&Reply> {
        let failed = |reply: &&Reply| !matches!(reply.outcome, Outcome::Status(200..=299));
        self.answers.iter().filter(failed).collect()
    }
}
