//! Lengths of time as people write them.

use std::time::Duration;

use jiff::SignedDuration;

/// Anything longer is a slip of the pen, and a deadline so far away could not be computed everywhere.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads `30s`, `1m30s`, `500ms`, or a bare number of seconds; at most a day.
///
/// # Errors
/// A fragment that reads on after the name of what was set.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let malformed = || "must be a duration such as \"30s\", \"1m30s\" or \"500ms\"".to_owned();
    let too_long = || "must be a day at the most".to_owned();
    // jiff also takes words, signs and fractions: more ways to write the same, and to slip.
    if !text.bytes().all(|b| b.is_ascii_digit() || b"hms".contains(&b)) {
        return Err(malformed());
    }
    // A day has eight digits of milliseconds.
    if text.split(['h', 'm', 's']).any(|number| number.trim_start_matches('0').len() > 9) {
        return Err(too_long());
    }
    let time = match text.parse() {
        Ok(seconds) => SignedDuration::from_secs(seconds),
        Err(_) => text.parse().map_err(|_| malformed())?,
    };
    Duration::try_from(time).ok().filter(|time| *time <= LONGEST).ok_or_else(too_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, milliseconds) in [
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("15m", 900_000),
            ("2h", 7_200_000),
            ("1h1m1s1ms", 3_661_001),
            ("0s", 0),
            ("0", 0),
            ("45", 45_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "s", "30 s", "1.5s", "30s1m", "1s1s", "-1s", "5d", "s5", "5s3", "30S", "1m ", "٣s"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for text in ["25h", "86401", "99999999999999999999", "99999999999999999999h", "18446744073709551615h"]
        {
            assert_eq!(parse_duration(text), Err("must be a day at the most".to_owned()), "{text}");
        }
    }
}
