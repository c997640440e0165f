//! The requests that were counted while a release became live.

use serde::{Deserialize, Serialize};

/// Columns beyond these are not looked at: the counter makes fewer.
const MOST: usize = 1000;

/// Requests by the time at which they were answered, in columns of one width.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    pub by: Counted,
    /// When the first column begins, in seconds since 1970 by the host's clock.
    pub begin: f64,
    /// How many seconds a column is.
    pub width: f64,
    pub columns: Vec<Column>,
}

/// Who counted the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// The clients of a rehearsal, who sent them.
    Load,
    /// nginx's access log; what it has before the switch is the old release's.
    Log,
    /// Only the watch's own looks are there.
    #[default]
    Nobody,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Answered by the old release.
    pub old: u64,
    pub new: u64,
    /// Not answered as they should have been.
    pub lost: u64,
    /// What half of the answers took at most, in milliseconds.
    pub usual: Option<f64>,
    pub slowest: Option<f64>,
}

impl Column {
    /// All of its requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.old.saturating_add(self.new).saturating_add(self.lost)
    }
}

impl Traffic {
    /// The requests of all columns.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.sum(Column::requests)
    }

    /// Those of them that were not answered as they should have been.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sum(|column| column.lost)
    }

    /// A sum over all columns.
    #[must_use]
    pub fn sum(&self, of: impl Fn(&Column) -> u64) -> u64 {
        self.columns.iter().fold(0, |sum, column| sum.saturating_add(of(column)))
    }

    /// How long all of it lasts, in seconds.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn seconds(&self) -> f64 {
        self.columns.len() as f64 * self.width
    }

    /// What a picture can be drawn of, whatever a host told.
    #[must_use]
    pub fn drawable(mut self) -> Option<Traffic> {
        self.columns.truncate(MOST);
        for column in &mut self.columns {
            for latency in [&mut column.usual, &mut column.slowest] {
                *latency = latency.filter(|value| (0.0..1e9).contains(value));
            }
        }
        let is_sound = (0.0..1e12).contains(&self.begin) && (1e-3..1e9).contains(&self.width);
        (is_sound && !self.columns.is_empty()).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_tells_is_counted_and_made_sound() {
        let column = Column { old: 1, new: u64::MAX, lost: 2, usual: Some(f64::MAX), slowest: Some(3.5) };
        let traffic = Traffic { by: Counted::Log, begin: 10.0, width: 0.5, columns: vec![column; 3000] };
        assert_eq!((traffic.lost(), traffic.requests()), (6000, u64::MAX));
        let drawn = traffic.clone().drawable().expect("it can be drawn");
        assert_eq!((drawn.columns.len(), drawn.seconds()), (MOST, MOST as f64 / 2.0));
        assert_eq!((drawn.columns[0].usual, drawn.columns[0].slowest), (None, Some(3.5)));
        for broken in [
            Traffic { width: 0.0, ..traffic.clone() },
            Traffic { begin: -1.0, ..traffic.clone() },
            Traffic { columns: Vec::new(), ..traffic },
        ] {
            assert_eq!(broken.drawable(), None);
        }
    }
}
