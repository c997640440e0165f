/// How long ago, in its largest whole unit: `40 s`, `3 min`, `2 h`, `5 d`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The whole seconds of an age that the host's clock tells; one that lies ahead is none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn whole_seconds(age: f64) -> u64 {
    age.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_use_one_unit() {
        assert_eq!(age(0), "0 s");
        assert_eq!(age(59), "59 s");
        assert_eq!(age(60), "1 min");
        assert_eq!(age(3599), "59 min");
        assert_eq!(age(7200), "2 h");
        assert_eq!(age(86_399), "23 h");
        assert_eq!(age(432_000), "5 d");
        assert_eq!(whole_seconds(59.9), 59);
        assert_eq!(whole_seconds(-3.0), 0);
    }
}
