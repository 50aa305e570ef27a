//! Text of a condition → tokens with their places.

use super::expr::ExprSpan;

/// Something wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// Where in the expression's text.
    pub span: ExprSpan,
    /// What is wrong, with candidates where there are any.
    pub message: String,
}

impl ExprError {
    /// An error at `span`.
    pub fn new(span: ExprSpan, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }
}

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A name.
    Name(String),
    /// A string literal, unescaped.
    Text(String),
    /// An integer literal.
    Int(i64),
    /// A float literal.
    Float(f64),
    /// An operator or bracket.
    Mark(&'static str),
    /// After the last token.
    End,
}

const MARKS: [&str; 23] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", ".", "?", ":",
    ";",
];

/// All tokens of `text`, the last one being [`Token::End`].
///
/// # Errors
/// A character that starts no token, an open string, a number that fits nowhere.
pub fn tokenize(text: &str) -> Result<Vec<(Token, ExprSpan)>, ExprError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let rest = &text[at..];
        let (token, length) = match first {
            'a'..='z' | 'A'..='Z' | '_' => name(rest),
            '0'..='9' => number(rest, at)?,
            '"' | '\'' => string(rest, first, at)?,
            _ => mark(rest, at)?,
        };
        tokens.push((token, span(at, at + length)));
        at += length;
    }
    tokens.push((Token::End, span(text.len(), text.len())));
    Ok(tokens)
}

/// A span from byte offsets; expressions are far shorter than 4 GiB.
#[must_use]
pub fn span(start: usize, end: usize) -> ExprSpan {
    let clip = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    ExprSpan { start: clip(start), end: clip(end) }
}

fn name(rest: &str) -> (Token, usize) {
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    (Token::Name(rest[..length].to_owned()), length)
}

fn number(rest: &str, at: usize) -> Result<(Token, usize), ExprError> {
    let mut length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
    if rest[..length].ends_with(['e', 'E']) && rest[length..].starts_with(['-', '+']) {
        let exponent = &rest[length + 1..];
        length += 1 + exponent.find(|c: char| !c.is_ascii_digit()).unwrap_or(exponent.len());
    }
    let text = &rest[..length];
    if let Ok(whole) = text.parse() {
        return Ok((Token::Int(whole), length));
    }
    match text.parse() {
        Ok(number) => Ok((Token::Float(number), length)),
        Err(_) => Err(ExprError::new(span(at, at + length), format!("`{text}` is no number"))),
    }
}

fn string(rest: &str, quote: char, at: usize) -> Result<(Token, usize), ExprError> {
    let mut value = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        match character {
            _ if character == quote => return Ok((Token::Text(value), index + 1)),
            '\\' => {
                if let Some((_, escaped)) = characters.next() {
                    // a regular expression keeps its backslashes; only quotes are escaped
                    if escaped != quote {
                        value.push('\\');
                    }
                    value.push(escaped);
                }
            }
            _ => value.push(character),
        }
    }
    Err(ExprError::new(span(at, at + rest.len()), "the text starting here has no closing quote"))
}

fn mark(rest: &str, at: usize) -> Result<(Token, usize), ExprError> {
    MARKS.iter().find(|mark| rest.starts_with(**mark)).map(|mark| (Token::Mark(mark), mark.len())).ok_or_else(|| {
        let character = rest.chars().next().unwrap_or(' ');
        let hint = match character {
            '=' => ", write `==`",
            '&' => ", write `&&`",
            '|' => ", write `||`",
            _ => "",
        };
        ExprError::new(span(at, at + character.len_utf8()), format!("`{character}` means nothing here{hint}"))
    })
}
