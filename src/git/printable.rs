/// Text of the repository's, fit for a terminal: lossily decoded, and without control characters, which a
/// commit's author could use to rewrite what stands on the screen.
pub(super) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_cannot_steer_the_terminal() {
        assert_eq!(printable(b"red \x1b[31m caf\xe9"), "red \u{fffd}[31m caf\u{fffd}");
    }
}
