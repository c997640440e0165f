//! Takes known values out of whatever is shown or kept, however they are written there.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::view::{DecodedText, Strip};
use crate::model::Secrets;

/// Shorter values would blacken every other word, and show by that what they are.
const SHORTEST: usize = 4;
/// A line of a longer value, a key in PEM say, that is known by itself; shorter ones are common words.
const SHORTEST_LINE: usize = 8;
/// Of an encoded value, this much is surely no chance.
const SHORTEST_CODE: usize = 8;
/// Layers of encoding that are undone: JSON in a URL in JSON.
const LAYERS: usize = 4;

/// What must not be shown, and the name that stands for it.
///
/// The text is decoded, and not the value encoded: there are more ways to write a letter than could be listed.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    known: Vec<Known>,
    /// Whether a form would write one of the values with `+`.
    has_spaces: bool,
}

#[derive(Clone)]
struct Known {
    mark: String,
    /// To be found in a text that is decoded, fully or in part.
    plain: BTreeSet<String>,
    /// Without quotes, as where a shell joins the pieces of a word.
    bare: BTreeSet<String>,
    /// In hexadecimal.
    digits: String,
}

/// Places of known values in a text, each with the mark that goes there.
#[derive(Default)]
struct Matches<'r> {
    places: Vec<(Range<usize>, &'r str)>,
    /// Whether who takes more out than was taken out last reads another text.
    is_rest: bool,
}

/// What one run must not show: shared by the one that finds values and the one that shows texts, so that nobody in between
/// has to pass it on.
#[derive(Clone, Default)]
pub struct Concealed(Arc<RwLock<Redactor>>);

impl Concealed {
    /// From here on nothing shows these values.
    pub fn conceal(&self, secrets: &Secrets) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Redactor::new(secrets);
    }

    /// Takes them out of a text.
    pub fn redact(&self, text: &mut String) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).apply(text);
    }
}

impl Redactor {
    pub(crate) fn new(secrets: &Secrets) -> Redactor {
        let values = secrets.iter().map(|(name, secret)| (name, secret.reveal()));
        let values = values.filter(|(_, value)| value.len() >= SHORTEST);
        Redactor {
            has_spaces: secrets.values().any(|secret| secret.reveal().contains(' ')),
            known: values.map(|(name, value)| Known::new(name, value)).collect(),
        }
    }

    /// Replaces every known value in a text.
    pub(crate) fn apply(&self, text: &mut String) {
        if self.known.is_empty() {
            return;
        }
        let mut found = Matches::default();
        // What reads the text is not known: terminals, filters and logs each take other things out.
        for strip in [Strip::Controls, Strip::Colours, Strip::Sequences, Strip::AllSequences] {
            found.is_rest = false;
            self.find(text, strip, &mut found);
            if !found.is_rest {
                break;
            }
        }
        if !found.places.is_empty() {
            *text = found.replaced(text);
        }
    }

    fn find<'r>(&'r self, text: &str, strip: Strip, found: &mut Matches<'r>) {
        self.decode(DecodedText::new(text), strip, found);
        if self.has_spaces && text.contains('+') {
            let mut form = DecodedText::new(text);
            form.read_as_form();
            self.decode(form, strip, found);
        }
    }

    fn decode<'r>(&'r self, mut reading: DecodedText<'_>, strip: Strip, found: &mut Matches<'r>) {
        for layer in 0..=LAYERS {
            if layer > 0 && !reading.decode() {
                break;
            }
            found.is_rest |= reading.strip(strip);
            for known in &self.known {
                found.look(&reading, known, &known.plain, false);
            }
        }
        if reading.text().contains(['\'', '"']) {
            reading.unquote();
            for known in &self.known {
                found.look(&reading, known, &known.bare, true);
            }
        }
        if !reading.has_digits(2 * SHORTEST) {
            return;
        }
        reading.join_digits();
        for known in &self.known {
            found.look(&reading, known, [&known.digits], false);
        }
    }
}

impl<'r> Matches<'r> {
    /// Looks for patterns. With `is_split`, something must have been taken out of what is found: a value that stands in
    /// quotes by itself must not make of its word without them a secret.
    fn look<'p>(
        &mut self,
        reading: &DecodedText<'_>,
        known: &'r Known,
        patterns: impl IntoIterator<Item = &'p String>,
        is_split: bool,
    ) {
        for pattern in patterns {
            let places = reading.text().match_indices(pattern.as_str());
            let places = places.map(|(at, _)| reading.source(at..at + pattern.len()));
            let places = places.filter(|place| !is_split || place.len() > pattern.len());
            self.places.extend(places.map(|place| (place, &*known.mark)));
        }
    }

    fn replaced(mut self, text: &str) -> String {
        self.places.sort_by_key(|(place, _)| (place.start, Reverse(place.end)));
        let mut places = self.places.into_iter().peekable();
        let mut shown = String::new();
        let mut from = 0;
        while let Some((mut place, mut mark)) = places.next() {
            // One value may be part of another, or reach into it: the longest gives its name.
            let mut longest = place.len();
            while let Some((next, other)) = places.next_if(|(next, _)| next.start < place.end) {
                place.end = place.end.max(next.end);
                if next.len() > longest {
                    (longest, mark) = (next.len(), other);
                }
            }
            shown.push_str(&text[from..place.start]);
            shown.push_str(mark);
            from = place.end;
        }
        shown + &text[from..]
    }
}

impl Known {
    fn new(name: &str, value: &str) -> Known {
        let mut plain = BTreeSet::new();
        // Output comes line by line.
        let lines = value.lines().map(str::trim).filter(|_| value.contains('\n'));
        for text in lines.filter(|line| line.len() >= SHORTEST_LINE).chain([value]) {
            let mut reading = DecodedText::new(text);
            reading.strip(Strip::Controls);
            plain.insert(reading.text().to_owned());
            for _ in 0..LAYERS {
                reading.decode();
                reading.strip(Strip::Controls);
            }
            plain.insert(reading.text().to_owned());
        }
        let bare = plain.iter().map(|text| {
            let mut reading = DecodedText::new(text);
            reading.unquote();
            reading.text().to_owned()
        });
        let mut bare: BTreeSet<String> = bare.collect();
        plain.extend(base64(value.as_bytes()));
        for patterns in [&mut plain, &mut bare] {
            patterns.retain(|pattern| pattern.len() >= SHORTEST);
        }
        Known {
            mark: format!("[{name} redacted]"),
            plain,
            bare,
            digits: value.bytes().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// In base64 a value looks in one of three ways, by where it begins in what was encoded, `user:password` say. Its first
/// and last letters hang on its neighbours, and are left out.
fn base64(value: &[u8]) -> Vec<String> {
    let mut codes = Vec::new();
    for shift in 0..3_usize {
        let mut bytes = vec![0; shift];
        bytes.extend(value);
        let first = (shift * 8).div_ceil(6);
        let end = bytes.len() * 8 / 6;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let code = engine.encode(&bytes);
            codes.extend(code.get(first..end).map(str::to_owned));
        }
    }
    codes.retain(|code| code.len() >= SHORTEST_CODE);
    codes
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::model::Secret;
    use crate::shell::quote;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    fn redactor(secrets: &[(&str, &str)]) -> Redactor {
        let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value)));
        Redactor::new(&secrets.collect())
    }

    fn redacted(redactor: &Redactor, text: &str) -> String {
        let mut text = text.to_owned();
        redactor.apply(&mut text);
        text
    }

    /// `p?ss w/"rdü'$x>>>😀`, as programs write it.
    const SPELLINGS: &[(&str, &str)] = &[
        ("JSON", r#""p?ss w/\"rd\u00fc'$x>>>\ud83d\ude00""#),
        ("JSON, upper case", r#""p?ss w/\"rd\u00FC'$x>>>\uD83D\uDE00""#),
        ("JSON of PHP", r#""p?ss w\/\"rd\u00fc'$x>>>\ud83d\ude00""#),
        ("JSON for HTML", r#""p?ss w/\"rdü\u0027$x\u003e\u003E\u003e😀""#),
        ("JSON in JSON", r#""{\"p\": \"p?ss w/\\\"rd\\u00fc'$x>>>\\ud83d\\ude00\"}""#),
        ("encodeURIComponent", "p%3Fss%20w%2F%22rd%C3%BC'%24x%3E%3E%3E%F0%9F%98%80"),
        ("lower case", "p%3fss%20w%2f%22rd%c3%bc%27%24x%3e%3e%3e%f0%9f%98%80"),
        ("a path", "p%3Fss%20w/%22rd%C3%BC%27%24x%3E%3E%3E%F0%9F%98%80"),
        ("a form", "p%3Fss+w%2F%22rd%C3%BC%27%24x%3E%3E%3E%F0%9F%98%80"),
        ("a URL in a URL", "p%253Fss%2520w%252F%2522rd%25C3%25BC'%2524x%253E%253E%253E%25F0%259F%2598%2580"),
        ("Latin-1 in a URL", "p%3Fss%20w/%22rd%FC%27%24x%3E%3E%3E😀"),
        ("escape()", "p%3Fss%20w/%22rd%FC%27%24x%3E%3E%3E%uD83D%uDE00"),
        ("HTML", "p?ss w/&quot;rdü&#x27;$x&gt;&gt;&gt;😀"),
        ("HTML, names", "p&quest;ss w&sol;&quot;rd&uuml;&apos;&dollar;x&gt;&gt;&gt;😀"),
        ("HTML, numbers", "p&#63;ss w/&#34;rd&#252;&#39;$x&#62;&#62;&#62;&#128512;"),
        ("HTML, hexadecimal", "p&#x3F;ss w/&#x22;rd&#xFC;&#x27;$x&#x3e;&gt;&gt;&#x1f600;"),
        ("repr", r#"'p?ss w/"rdü\'$x>>>😀'"#),
        ("ascii", r#"'p?ss w/"rd\xfc\'$x>>>\U0001f600'"#),
        ("bytes", r#"b'p?ss w/"rd\xc3\xbc\'$x>>>\xf0\x9f\x98\x80'"#),
        ("octal", r#""p?ss w/\"rd\303\274'$x>>>\360\237\230\200""#),
        ("Rust, Ruby", r#""p?ss w/\"rd\u{fc}'$x>>>\u{1f600}""#),
        ("shlex", r#"'p?ss w/"rdü'"'"'$x>>>😀'"#),
        ("a shell", r#"'p?ss w/"rdü'\''$x>>>😀'"#),
        ("another shell", r#""p?ss w/\"rdü'\$x>>>😀""#),
        ("printf %q", r#"p\?ss\ w/\"rdü\'\$x\>\>\>😀"#),
        ("bash -x", r#"$'p?ss w/"rd\303\274\'$x>>>\360\237\230\200'"#),
        ("hexadecimal", "703f737320772f227264c3bc2724783e3e3ef09f9880"),
        ("upper case", "703F737320772F227264C3BC2724783E3E3EF09F9880"),
        ("with colons", "70:3f:73:73:20:77:2f:22:72:64:c3:bc:27:24:78:3e:3e:3e:f0:9f:98:80"),
        (
            "bytes in C",
            "0x70, 0x3f, 0x73, 0x73, 0x20, 0x77, 0x2f, 0x22, 0x72, 0x64, 0xc3, 0xbc, 0x27, 0x24, 0x78, 0x3e, 0x3e, 0x3e, 0xf0, 0x9f, 0x98, 0x80",
        ),
        ("coloured", "p?ss \u{1b}[36mw/\"rdü\u{1b}[0m'$x>>>😀"),
        ("coloured in JSON", r#""p?ss \u001b[36mw/\"rd\u00fc\u001b[0m'$x>>>\ud83d\ude00""#),
        ("broken by NUL", "p?ss\0 w/\"rdü'$x>>>😀"),
        ("written over", "p?ss w/\r\"rdü'$x>>>\u{8}😀"),
        ("a title inside", "p?ss w/\u{1b}]0;title\u{7}\"rdü'$x>>>😀"),
        ("C1", "p?ss w/\u{9b}1m\"rdü'$x\u{85}>>>😀"),
        ("C1 that begins nothing", "p\u{9b}?ss w/\"\u{1b}[36mrdü'$x>>>😀"),
        ("direction", "p?ss w/\u{202e}\"rdü'$x\u{200b}>>>😀"),
    ];

    #[test]
    fn a_value_is_found_in_every_spelling() {
        let value = "p?ss w/\"rdü'$x>>>😀";
        let redactor = redactor(&[("DB", value)]);
        let mut all: Vec<(&str, String)> =
            SPELLINGS.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        all.extend([
            ("as it stands", value.to_owned()),
            ("Rust", format!("{value:?}")),
            ("serde", serde_json::to_string(value).unwrap()),
            ("our own", quote(value).unwrap()),
            ("base64", STANDARD.encode(value)),
            ("base64 of 1", STANDARD.encode(format!("x{value}y"))),
            ("base64 of 2", STANDARD.encode(format!("ann:{value}"))),
            ("base64 for URLs", URL_SAFE.encode(value)),
            ("base64 in a URL", STANDARD.encode(value).replace('+', "%2B").replace('/', "%2f")),
        ]);
        let missed: Vec<_> = all
            .iter()
            .map(|(name, text)| (name, redacted(&redactor, &format!("before {text} after"))))
            .filter(|(_, shown)| {
                let rest = shown.replacen("[DB redacted]", "", 1);
                !shown.contains("[DB redacted]") || !rest.starts_with("before ") || !rest.ends_with(" after")
                    // What stands around it stays: quotes, the ends of base64.
                    || rest.len() > "before  after".len() + 15
            })
            .collect();
        assert!(missed.is_empty(), "{} of {}: {missed:#?}", missed.len(), all.len());
    }

    #[test]
    fn longer_values_go_first_and_short_ones_stay() {
        let known = redactor(&[("A", "hunter2"), ("B", "hunter2-and-more"), ("C", "on")]);
        let shown = redacted(&known, "hunter2-and-more hunter2 on");
        assert_eq!(shown, "[B redacted] [A redacted] on");
        let known = redactor(&[("A", "one-two"), ("B", "two-three")]);
        assert_eq!(redacted(&known, "one-two-three"), "[B redacted]");
    }

    #[test]
    fn ordinary_text_stays() {
        let known = redactor(&[("A", "\"true\""), ("B", "a b+c%41"), ("C", "it's"), ("D", "1234")]);
        for text in [
            "is it true or 'true'?",
            "its 12 34, 0x12 and %C3%BC &uuml; \\u00fc 100%",
            "a\u{1b}[36mb\u{1b}[0m c \0 \u{9b}31m d\r50 %\r100 %",
            "x += 'a' + \"b\" # \\",
            "",
        ] {
            assert_eq!(redacted(&known, text), text);
        }
        assert_eq!(redacted(&known, "say a b+c%41, it's"), "say [B redacted], [C redacted]");
        assert_eq!(redacted(&Redactor::default(), "hunter2"), "hunter2");
    }

    #[test]
    fn a_key_of_many_lines_is_found_line_by_line() {
        let redactor = redactor(&[("KEY", "-----BEGIN KEY-----\nMIIEvQIBADAN\nend\n")]);
        assert_eq!(redacted(&redactor, "> MIIEvQIBADAN"), "> [KEY redacted]");
        assert_eq!(redacted(&redactor, "the end"), "the end");
        assert_eq!(
            redacted(&redactor, r#"{"key": "-----BEGIN KEY-----\nMIIEvQIBADAN\nend\n"}"#),
            r#"{"key": "[KEY redacted]\n"}"#
        );
    }

    #[test]
    fn a_long_line_takes_no_longer_for_each_letter() {
        let redactor = redactor(&[("A", "p ss-wörd"), ("B", "another one")]);
        for piece in
            ["&amp;", "\\u00fc", "%2525", "\u{1b}[36m", "\u{1b}]", "\\", "&", "a+'b'", "p ss-w", "\0x"]
        {
            let mut text = piece.repeat(100_000);
            text.push_str("p%20ss-w\\u00f6rd");
            let began = Instant::now();
            redactor.apply(&mut text);
            // Where it goes over the rest for each of them, it takes minutes.
            assert!(began.elapsed() < Duration::from_secs(20), "{piece:?}: {:?}", began.elapsed());
            let hidden_by_terminals = piece == "\u{1b}]" || piece == "\\";
            assert!(hidden_by_terminals || text.ends_with("[A redacted]"), "{piece:?}");
        }
    }
}
