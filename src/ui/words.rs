//! Numbers as a person reads them: durations, ages, sizes, counts.

use std::time::Duration;

use crate::model::size;
use crate::plan::Unit;

/// How long something took: `0.0 s`, `12.3 s`, `2 min 05 s`, `1 h 02 min`.
pub(crate) fn duration(took: Duration) -> String {
    let tenths = (took.as_millis() + 50) / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = (took.as_millis() + 500) / 1000;
    if seconds < 3600 {
        return format!("{} min {:02} s", seconds / 60, seconds % 60);
    }
    let minutes = (seconds + 30) / 60;
    format!("{} h {:02} min", minutes / 60, minutes % 60)
}

/// `1 commit`, `2 commits`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `12 MB of 61 MB`, `300 of 1200 objects`.
pub(crate) fn progress(done: u64, total: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => format!("{} of {}", size(done), size(total)),
        Unit::Objects => format!("{done} of {total} objects"),
    }
}

/// Whole percent, never above 100; an empty total is done.
pub(crate) fn percent(done: u64, total: u64) -> u8 {
    if total == 0 {
        return 100;
    }
    let share = u128::from(done.min(total)) * 100 / u128::from(total);
    u8::try_from(share).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_their_unit_at_every_edge() {
        let said = |millis| duration(Duration::from_millis(millis));
        assert_eq!(said(0), "0.0 s");
        assert_eq!(said(49), "0.0 s");
        assert_eq!(said(50), "0.1 s");
        assert_eq!(said(12_345), "12.3 s");
        assert_eq!(said(59_940), "59.9 s");
        assert_eq!(said(59_960), "1 min 00 s");
        assert_eq!(said(125_000), "2 min 05 s");
        assert_eq!(said(3_599_400), "59 min 59 s");
        assert_eq!(said(3_599_600), "1 h 00 min");
        assert_eq!(said(3_720_000), "1 h 02 min");
    }

    #[test]
    fn counts_and_shares() {
        assert_eq!(count(1, "commit"), "1 commit");
        assert_eq!(count(0, "commit"), "0 commits");
        assert_eq!(percent(0, 0), 100);
        assert_eq!(percent(1, 3), 33);
        assert_eq!(percent(5, 3), 100);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(progress(12_000_000, 61_000_000, Unit::Bytes), "12 MB of 61 MB");
        assert_eq!(progress(3, 12, Unit::Objects), "3 of 12 objects");
    }
}
