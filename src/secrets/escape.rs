//! What programs write in place of a letter: in JSON, Python, C and shells, in URLs, in HTML.

use std::char::decode_utf16;

/// What one escape stands for.
pub(super) enum Piece {
    Letter(char),
    /// Maybe a part of a letter.
    Byte(u8),
}

/// Characters that an entity's name may have.
const LONGEST_NAME: usize = 10;

/// The escape that a text begins with, and its length.
pub(super) fn escape(text: &str) -> Option<(Piece, usize)> {
    let rest = text.get(1..)?;
    match text.as_bytes().first()? {
        b'%' if rest.starts_with('u') => unit(text, "%u"),
        b'%' => Some((Piece::Byte(u8::try_from(hex(rest, 2)?).ok()?), 3)),
        b'&' => entity(rest).map(|(letter, length)| (Piece::Letter(letter), 1 + length)),
        b'\\' => backslash(text, rest),
        _ => None,
    }
}

fn backslash(text: &str, rest: &str) -> Option<(Piece, usize)> {
    let letter = rest.chars().next()?;
    match letter {
        'u' | 'x' if rest[1..].starts_with('{') => {
            let digits = rest.get(2..)?.bytes().take(8).position(|byte| byte == b'}')?;
            let letter = char::from_u32(hex(&rest[2..], digits)?)?;
            Some((Piece::Letter(letter), 1 + 2 + digits + 1))
        }
        'u' => unit(text, "\\u"),
        'U' => Some((Piece::Letter(char::from_u32(hex(&rest[1..], 8)?)?), 10)),
        'x' => Some((Piece::Byte(u8::try_from(hex(&rest[1..], 2)?).ok()?), 4)),
        '0'..='7' => {
            let digits = rest.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            let byte = u8::from_str_radix(&rest[..digits], 8).ok()?;
            Some((Piece::Byte(byte), 1 + digits))
        }
        // Controls, which nobody sees.
        'a' | 'b' | 'e' | 'f' | 'n' | 'r' | 't' | 'v' => Some((Piece::Letter('\n'), 2)),
        plain => Some((Piece::Letter(plain), 1 + plain.len_utf8())),
    }
}

/// `\uXXXX`, or two of them for a letter beyond 16 bits.
fn unit(text: &str, mark: &str) -> Option<(Piece, usize)> {
    let one = |text: &str| u16::try_from(hex(text.strip_prefix(mark)?, 4)?).ok();
    let length = mark.len() + 4;
    let first = one(text)?;
    let second = text.get(length..).and_then(one);
    let units = [Some(first), second].into_iter().flatten();
    let letter = decode_utf16(units).next()?.ok()?;
    Some((Piece::Letter(letter), length * letter.len_utf16()))
}

fn hex(text: &str, digits: usize) -> Option<u32> {
    let digits = text.get(..digits)?;
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    only_digits.then(|| u32::from_str_radix(digits, 16).ok())?
}

/// An entity of HTML, behind its `&`.
fn entity(rest: &str) -> Option<(char, usize)> {
    let end = rest.bytes().take(LONGEST_NAME).position(|byte| byte == b';')?;
    let name = &rest[..end];
    let letter = match name.strip_prefix('#') {
        Some(number) => char::from_u32(match number.strip_prefix(['x', 'X']) {
            Some(digits) => hex(digits, digits.len())?,
            None => number.parse().ok()?,
        })?,
        None => named(name)?,
    };
    Some((letter, end + 1))
}

fn named(name: &str) -> Option<char> {
    let plain = PLAIN.iter().find(|(known, _)| *known == name);
    plain.map(|(_, letter)| *letter).or_else(|| {
        let place = LATIN.split(' ').position(|known| known == name)?;
        char::from_u32(0xa0 + u32::try_from(place).ok()?)
    })
}

const PLAIN: [(&str, char); 36] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lbrack", '['),
    ("lsqb", '['),
    ("bsol", '\\'),
    ("rbrack", ']'),
    ("rsqb", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lbrace", '{'),
    ("lcub", '{'),
    ("vert", '|'),
    ("verbar", '|'),
    ("rbrace", '}'),
    ("rcub", '}'),
    ("euro", '\u{20ac}'),
];

/// From U+00A0 on.
const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 \
    acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig \
    Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave \
    Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave \
    iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";
