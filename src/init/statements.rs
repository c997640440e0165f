//! Python sources cut into statements and calls, without parsing them: strings and brackets are understood, no more.

/// One statement: what stands between brackets or in a long string is on one line with the rest; comments are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) indent: usize,
    pub(super) text: String,
}

impl Statement {
    /// Name and parameters, where it defines a function.
    pub(super) fn function(&self) -> Option<(&str, &str)> {
        let text = self.text.strip_prefix("async ").unwrap_or(&self.text);
        defined(text.trim_start().strip_prefix("def ")?)
    }

    /// Name and bases, where it defines a class.
    pub(super) fn class(&self) -> Option<(&str, &str)> {
        defined(self.text.strip_prefix("class ")?)
    }

    /// Name and value of an assignment.
    pub(super) fn assignment(&self) -> Option<(&str, &str)> {
        assignment(&self.text)
    }
}

fn defined(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
    let (name, rest) = text.split_at(end);
    let list = rest.trim_start().strip_prefix('(').map_or("", |list| &list[..end_of_list(list)]);
    Some((name, list))
}

pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    let mut line = String::new();
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let mut length = letter.len_utf8();
        match letter {
            '#' => length = rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => {
                length = string(rest);
                line.push_str(&rest[..length].replace('\n', " "));
            }
            '\\' if rest[1..].starts_with('\n') => {
                length = 2;
                line.push(' ');
            }
            '\n' if depth == 0 => end(&mut line, &mut found),
            '\n' => line.push(' '),
            _ => {
                match letter {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                line.push(letter);
            }
        }
        rest = &rest[length..];
    }
    end(&mut line, &mut found);
    found
}

fn end(line: &mut String, found: &mut Vec<Statement>) {
    let text = line.trim();
    if !text.is_empty() {
        found.push(Statement { indent: line.len() - line.trim_start().len(), text: text.to_owned() });
    }
    line.clear();
}

/// The length of the string that a text begins with, its quotes among it.
pub(super) fn string(text: &str) -> usize {
    let quote = &text[..1];
    let long = quote.repeat(3);
    let quote = if text.starts_with(&long) { &long[..] } else { quote };
    let mut at = quote.len();
    while let Some(letter) = text[at..].chars().next() {
        if text[at..].starts_with(quote) {
            return at + quote.len();
        }
        // One that is never closed ends with its line.
        if letter == '\n' && quote.len() == 1 {
            return at;
        }
        at += letter.len_utf8();
        if letter == '\\' {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

/// Name and value of an assignment: `NAME = value`, `NAME: type = value`.
pub(super) fn assignment(text: &str) -> Option<(&str, &str)> {
    let (left, right) = text.split_once('=')?;
    let name = left.split(':').next()?.trim_end();
    (is_name(name) && !right.starts_with('=')).then(|| (name, right.trim()))
}

pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// A call at the beginning of an expression: `app.route("/x", methods=["GET"])`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallExpression<'a> {
    /// `app.route`.
    pub(super) name: &'a str,
    pub(super) arguments: Vec<&'a str>,
    /// What stands behind the closing bracket.
    pub(super) rest: &'a str,
}

impl<'a> CallExpression<'a> {
    /// The function's own name.
    pub(super) fn last(&self) -> &'a str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

    /// What it is called on.
    pub(super) fn receiver(&self) -> Option<&'a str> {
        self.name.rsplit_once('.').map(|(receiver, _)| receiver)
    }

    pub(super) fn positional(&self, index: usize) -> Option<&'a str> {
        let is_plain = |argument: &&&str| keyword(argument).is_none();
        self.arguments.iter().filter(is_plain).nth(index).copied()
    }

    pub(super) fn keyword(&self, name: &str) -> Option<&'a str> {
        self.arguments
            .iter()
            .find_map(|argument| keyword(argument).filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    }
}

fn keyword(argument: &str) -> Option<(&str, &str)> {
    assignment(argument).filter(|(name, _)| argument[name.len()..].trim_start().starts_with('='))
}

pub(super) fn call(expression: &str) -> Option<CallExpression<'_>> {
    let (name, rest) = expression.split_once('(')?;
    let name = name.trim();
    let list = &rest[..end_of_list(rest)];
    name.split('.').all(is_name).then(|| CallExpression {
        name,
        arguments: split(list),
        rest: rest[list.len()..].trim_start_matches(')').trim(),
    })
}

/// Where the bracket that is open before `text` is closed.
pub(super) fn end_of_list(text: &str) -> usize {
    outside(text).find(|(_, _, depth)| *depth < 0).map_or(text.len(), |(at, _, _)| at)
}

/// The parts between the commas of a list.
pub(super) fn split(list: &str) -> Vec<&str> {
    let mut start = 0;
    let mut found = Vec::new();
    for (at, letter, depth) in outside(list) {
        if letter == ',' && depth == 0 {
            found.push(list[start..at].trim());
            start = at + 1;
        }
    }
    found.push(list[start..].trim());
    found.retain(|part| !part.is_empty());
    found
}

/// What stands in the brackets of the lists that an expression is made of: `[a, b] + [c]`.
pub(super) fn lists(expression: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, letter, depth) in outside(expression) {
        match (letter, depth) {
            ('[', 1) => start = at + 1,
            (']', 0) if start > 0 => found.extend(split(&expression[start..at])),
            _ => {}
        }
    }
    found
}

/// The letters outside of strings, with the depth of brackets behind each.
fn outside(text: &str) -> impl Iterator<Item = (usize, char, i32)> {
    let (mut at, mut depth) = (0, 0);
    std::iter::from_fn(move || {
        loop {
            let letter = text[at..].chars().next()?;
            let here = at;
            if matches!(letter, '"' | '\'') {
                at += string(&text[at..]).max(1);
                continue;
            }
            at += letter.len_utf8();
            match letter {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            return Some((here, letter, depth));
        }
    })
}

/// The text of a string that is nothing else: `"x"`, `r'x'`.
pub(super) fn literal(expression: &str) -> Option<&str> {
    let text = expression.trim().trim_start_matches(['r', 'R']);
    let is_string = text.starts_with(['"', '\'']) && string(text) == text.len() && text.len() > 1;
    let quotes = if text.starts_with("\"\"\"") || text.starts_with("'''") { 3 } else { 1 };
    (is_string && text.len() >= 2 * quotes).then(|| &text[quotes..text.len() - quotes])
}

/// The strings of a statement, one after the other.
pub(super) fn strings(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'']) {
        let length = string(&rest[at..]).max(1);
        found.extend(literal(&rest[at..at + length]));
        rest = &rest[at + length..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_where_brackets_and_strings_are_closed() {
        let text = "'''docs\n@app.route(\"/no\")\n'''\n@app.route(\n    \"/a,(b\",  # why\n    methods=['GET'],\n)\n\
                    def a(x, y: int = 2) -> str:\n    return \"#\" + \\\n        'it''s'\n";
        let found = statements(text);
        let shown: Vec<(usize, &str)> = found.iter().map(|it| (it.indent, &*it.text)).collect();
        assert_eq!(shown[1].1, "@app.route(     \"/a,(b\",       methods=['GET'], )");
        assert_eq!(shown[2].1, "def a(x, y: int = 2) -> str:");
        assert_eq!(shown[3], (4, "return \"#\" +          'it''s'"));
        assert_eq!(shown.len(), 4);
        assert_eq!(found[2].function(), Some(("a", "x, y: int = 2")));
        let route = call(&shown[1].1[1..]).unwrap();
        assert_eq!((route.receiver(), route.last()), (Some("app"), "route"));
        assert_eq!(route.positional(0).and_then(literal), Some("/a,(b"));
        assert_eq!(route.keyword("methods"), Some("['GET']"));
    }

    #[test]
    fn what_is_cut_short_is_read_to_its_end() {
        for text in ["x = (", "\"", "'''", "f('", "a \\", "é = 'é"] {
            for found in statements(text) {
                let _ = (call(&found.text), literal(&found.text), lists(&found.text));
            }
        }
        assert_eq!(lists("[a, [b]] + f([c]) + [d]"), ["a", "[b]", "d"]);
    }
}
