//! Terminal codes in text that went through a terminal.

use std::borrow::Cow;

/// The text without escape sequences (`ESC [ … letter`).
#[must_use]
pub fn without_codes(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, code)) = rest.split_once("\u{1b}[") {
        clean.push_str(before);
        rest = code.find(|c: char| c.is_ascii_alphabetic()).map_or("", |letter| &code[letter + 1..]);
    }
    Cow::Owned(clean + rest)
}
