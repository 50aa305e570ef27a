//! A line of a log without what launchers, Ray and terminals put around it.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// What is left of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Borrowed from the input unless bytes had to be replaced or colours taken out.
    pub text: Cow<'a, str>,
    /// The global rank that a launcher's prefix names; srun's label counts tasks, which are ranks.
    pub rank: Option<u32>,
    /// How many more ranks said the same, where Ray folded them.
    pub repeated: u32,
}

const ESCAPE: u8 = 0x1b;

/// Normalises one line, with or without its end.
#[must_use]
pub fn normalise(bytes: &[u8]) -> Line<'_> {
    let bytes = trim_end(bytes);
    let text = match without_colours(bytes) {
        Cow::Borrowed(bytes) => {
            std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
        }
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    };
    let mut rank = None;
    let mut start = 0;
    while let Some((length, found)) = prefix(&text[start..]) {
        start += length;
        rank = found.or(rank);
    }
    let (end, repeated) = repeated(&text[start..]);
    let kept = start..start + end;
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[kept]),
        Cow::Owned(text) if kept.len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text[kept].to_owned()),
    };
    Line { text, rank, repeated }
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let kept = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | b' ' | b'\t'));
    &bytes[..kept.map_or(0, |last| last + 1)]
}

/// Without the control sequences of a terminal: ESC [ parameters letter.
#[must_use]
pub fn without_colours(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr(ESCAPE, bytes) else { return Cow::Borrowed(bytes) };
    let mut kept = bytes[..first].to_vec();
    let mut rest = &bytes[first..];
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == ESCAPE && after.first() == Some(&b'[') {
            let parameters = after[1..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
            let letter = usize::from(after.get(1 + parameters).is_some_and(u8::is_ascii_alphabetic));
            rest = &after[1 + parameters + letter..];
        } else {
            kept.push(byte);
        }
    }
    Cow::Owned(kept)
}

/// The length of a launcher's prefix at the start of the text, and the rank it names.
fn prefix(text: &str) -> Option<(usize, Option<u32>)> {
    let body = text.trim_start_matches([' ', '\t']);
    let skipped = text.len() - body.len();
    let found = match body.as_bytes().first()? {
        b'0'..=b'9' => label(body),
        b'[' => torchrun(body),
        b'(' => ray(body),
        _ => None,
    };
    found.map(|(length, rank)| (skipped + length, rank))
}

/// `12: ` of srun and mpirun.
fn label(text: &str) -> Option<(usize, Option<u32>)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let fits = digits <= 6 && text[digits..].starts_with(": ");
    fits.then(|| (digits + 2, text[..digits].parse().ok()))
}

/// `[rank3]:` of `PyTorch` and `[default0]:` of torchrun, whose number is the rank on its node only.
fn torchrun(text: &str) -> Option<(usize, Option<u32>)> {
    let (name, global) = [("[rank", true), ("[default", false)].into_iter().find(|(name, _)| text.starts_with(name))?;
    let rest = &text[name.len()..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let after = rest[digits..].strip_prefix("]:")?;
    let space = usize::from(after.starts_with([' ', '\t']));
    let rank = if global { rest[..digits].parse().ok() } else { None };
    (digits > 0).then_some((name.len() + digits + 2 + space, rank))
}

/// `(Actor[rank=3] pid=123, ip=10.0.0.1) ` of Ray.
fn ray(text: &str) -> Option<(usize, Option<u32>)> {
    let end = text.find(')')?;
    let inside = &text[1..end];
    let (actor, pid) = inside.split_once(" pid=")?;
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']' | b'=');
    if actor.is_empty() || !actor.bytes().all(named) || !pid.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let rank = actor.split_once("[rank=").and_then(|(_, rank)| rank.strip_suffix(']')?.parse().ok());
    let space = usize::from(text[end + 1..].starts_with([' ', '\t']));
    Some((end + 1 + space, rank))
}

/// Where the text ends without ` [repeated 7x across cluster]`, and the 7.
fn repeated(text: &str) -> (usize, u32) {
    const END: &str = "x across cluster]";
    let found = || {
        let before = text.strip_suffix(END)?;
        let start = memmem::rfind(before.as_bytes(), b"[repeated ")?;
        let times = before[start + "[repeated ".len()..].parse().ok()?;
        Some((before[..start].trim_end().len(), times))
    };
    found().unwrap_or((text.len(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (String, Option<u32>, u32) {
        let line = normalise(text.as_bytes());
        (line.text.into_owned(), line.rank, line.repeated)
    }

    #[test]
    fn what_launchers_put_around_a_line() {
        for (text, expected) in [
            ("plain", ("plain", None, 0)),
            ("12: [rank3]: text\r\n", ("text", Some(3), 0)),
            (" 0: Training epoch 0", ("Training epoch 0", Some(0), 0)),
            ("[default5]:text", ("text", None, 0)),
            ("(Worker[rank=9] pid=77, ip=10.0.0.2) text [repeated 7x across cluster]", ("text", Some(9), 7)),
            ("(Actor pid=1) text", ("text", None, 0)),
            ("(not an actor) text", ("(not an actor) text", None, 0)),
            ("1234567: text", ("1234567: text", None, 0)),
            ("\x1b[31mstep: 10\x1b[0m  \x1b[32mloss: 7\x1b[39m", ("step: 10  loss: 7", None, 0)),
            ("\x1b", ("\x1b", None, 0)),
            ("\x1b[", ("", None, 0)),
            ("(", ("(", None, 0)),
            ("[rank", ("[rank", None, 0)),
            ("", ("", None, 0)),
        ] {
            let found = of(text);
            assert_eq!((found.0.as_str(), found.1, found.2), expected, "{text}");
        }
    }

    #[test]
    fn nothing_is_copied_without_need() {
        assert!(matches!(normalise(b"3: text").text, Cow::Borrowed("text")));
        assert_eq!(normalise(b"a\xffb").text, "a\u{fffd}b");
    }
}
