//! What may be shown: no control characters from a file's text or name, no novel-length values, no secrets.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::Regex;

/// Longest text of a message or label; values are cut rather than printed by the kilobyte.
pub const MAX_TEXT: usize = 400;

/// Whether a character says how to show others instead of being shown: an escape, a line end, or one that turns the
/// direction of reading around, with which a text can pretend to be another.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with control characters spelled out, cut to [`MAX_TEXT`] characters.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT && !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == MAX_TEXT {
            out.push('…');
            break;
        }
        match character {
            '\n' | '\t' => out.push(' '),
            _ if is_control(character) => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    Cow::Owned(out)
}

/// Names whose values are nobody's business: their last word is `token`, `secret`, `password` or the like.
const SECRET: &str = r#"(?ix)
    \b (?: [a-z0-9]+ [_-] )*
    (?: token | secret | password | passwd | passphrase | credentials? | apikey | (?: api | access | secret | private | auth ) [_-]? key )
    ["']? \s* [:=] \s* ["']? (?P<value> [^\s"',}\]\#]+ )"#;

/// A line of a file with the values of secrets starred out, byte for byte, so that places stay right.
#[must_use]
pub fn mask(line: &str) -> Cow<'_, str> {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let Some(pattern) = PATTERN.get_or_init(|| Regex::new(SECRET).ok()) else { return Cow::Borrowed(line) };
    let values: Vec<_> =
        pattern.captures_iter(line).filter_map(|found| found.name("value")).map(|v| v.range()).collect();
    if values.is_empty() {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    let mut from = 0;
    for value in values {
        out.push_str(&line[from..value.start]);
        out.push_str(&"*".repeat(value.len()));
        from = value.end;
    }
    out.push_str(&line[from..]);
    Cow::Owned(out)
}

/// What may be shown of the value of the setting or variable called `name`.
#[must_use]
pub fn mask_value(name: &str, value: &str) -> String {
    let name = name.rsplit(['.', ':', ' ']).next().unwrap_or(name);
    // a text like `a b` is one value here, whatever it looks like in a line
    let secret = mask(&format!("{name}: x")) != format!("{name}: x");
    if secret && !value.is_empty() && value != "null" { "***".to_owned() } else { mask(value).into_owned() }
}

/// A line with control characters replaced byte for byte.
#[must_use]
pub fn printable(line: &str) -> Cow<'_, str> {
    if !line.chars().any(|character| is_control(character) && character != '\t') {
        return Cow::Borrowed(line);
    }
    let shown = |character: char| match character {
        '\t' => "\t".to_owned(),
        _ if is_control(character) => "?".repeat(character.len_utf8()),
        _ => character.to_string(),
    };
    Cow::Owned(line.chars().map(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_settings_are_not() {
        for (line, shown) in [
            ("  HF_TOKEN: hf_abc # mine", "  HF_TOKEN: ****** # mine"),
            ("{\"WANDB_API_KEY\": \"k1\", \"x\": 2}", "{\"WANDB_API_KEY\": \"**\", \"x\": 2}"),
            ("password=abc", "password=***"),
            ("AWS_SECRET_ACCESS_KEY: 'a b'", "AWS_SECRET_ACCESS_KEY: '* b'"),
            ("moe_token_dispatcher_type: flex", "moe_token_dispatcher_type: flex"),
            ("tokenizer: gpt2", "tokenizer: gpt2"),
            ("max_tokens: 5", "max_tokens: 5"),
        ] {
            assert_eq!(mask(line), shown);
        }
    }

    #[test]
    fn values_of_secrets_are_masked_by_their_name() {
        assert_eq!(mask_value("env HF_TOKEN", "hf_a b"), "***");
        assert_eq!(mask_value("logger.wandb_api_key", "abc"), "***");
        assert_eq!(mask_value("logger.wandb_api_key", "null"), "null");
        assert_eq!(mask_value("moe_router_topk", "8"), "8");
        assert_eq!(mask_value("extra", "{password: abc}"), "{password: ***}");
    }

    #[test]
    fn control_characters_and_long_texts_are_tamed() {
        assert_eq!(clean("a\u{1b}[31m\nb"), "a\\u{1b}[31m b");
        assert_eq!(clean("pass\u{202e}dab"), "pass\\u{202e}dab");
        assert_eq!(clean(&"x".repeat(1000)).chars().count(), MAX_TEXT + 1);
        assert_eq!(printable("a\u{1b}b\tc"), "a?b\tc");
    }
}
