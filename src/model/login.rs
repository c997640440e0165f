/// A user's or a group's name as a host says it, where it can stand in a line for root to paste; `None` for what would be
/// read as something else there.
pub fn login(name: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = name.starts_with(plain);
    let is_name = begins && name.len() <= 64 && name.chars().all(|c| plain(c) || "-.+@".contains(c));
    // To sudoers that word is everybody.
    (is_name && name != "ALL").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::login;

    #[test]
    fn only_a_name_is_one() {
        for name in ["deploy", "www-data", "_apt", "a.b", "ann@corp.example", "1000"] {
            assert_eq!(login(name), Some(name));
        }
        let long = "x".repeat(65);
        for name in [
            "",
            "-rf",
            "a b",
            "a;reboot",
            "$(reboot)",
            "`id`",
            "a\nb",
            "%wheel",
            "#0",
            "+all",
            "ALL",
            "a/b",
            "~",
            "ü",
            "a'b",
            &long,
        ] {
            assert_eq!(login(name), None, "{name:?}");
        }
    }
}
