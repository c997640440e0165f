//! Texts with places to fill in, and names made of texts.

/// Puts a value into each `{{name}}` of a template, in one pass: a value that holds such a mark is not read again.
pub(crate) fn fill(template: &str, mut value: impl FnMut(&str) -> String) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
    {
        text.push_str(before);
        text.push_str(&value(name));
        rest = after;
    }
    text + rest
}

/// Eight letters by which texts are told apart that look the same in a name.
pub(crate) fn mark(text: &str) -> String {
    let hash = hmac_sha256::Hash::hash(text.as_bytes());
    hash[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_read_as_a_mark() {
        let text = fill("{{a}} and {{b}} }}", |name| match name {
            "a" => "{{b}}".to_string(),
            _ => "{{".to_string(),
        });
        assert_eq!(text, "{{b}} and {{ }}");
    }
}
