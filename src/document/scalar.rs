//! What a scalar's text means, which depends on who reads it: `1e-4` is text to `PyYAML` and a number to `OmegaConf`.

use super::tree::Style;

/// Whose rules apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// `PyYAML` 6 (`safe_load`): YAML 1.1 with its own float pattern. Megatron-LM, Megatron-Bridge.
    PyYaml,
    /// `OmegaConf` 2: as `PyYAML`, but `1e-4` is a number. Hydra, `NeMo` 2.
    OmegaConf,
    /// YAML 1.2's core schema, which is JSON's too.
    Core,
}

/// A resolved scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// `null`, `~`, nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// Text.
    Text(&'a str),
}

/// Resolves one scalar. A quoted scalar is text; an explicit core tag (`!!int`, `!!str`, …) wins over the style.
#[must_use]
pub fn resolve<'a>(text: &'a str, style: Style, tag: Option<&str>, schema: Schema) -> Scalar<'a> {
    match tag.map(|tag| tag.trim_start_matches('!')) {
        Some("int" | "float" | "bool" | "null") => return plain(text, schema),
        Some(_) => return Scalar::Text(text),
        None => {}
    }
    match style {
        Style::Absent => Scalar::Null,
        Style::Plain => plain(text, schema),
        Style::Quoted | Style::Block => Scalar::Text(text),
    }
}

fn plain(text: &str, schema: Schema) -> Scalar<'_> {
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    match first {
        b'~' | b'n' | b'N' if matches!(text, "~" | "null" | "Null" | "NULL") => return Scalar::Null,
        b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'n' | b'N' | b'o' | b'O' => {
            return boolean(text, schema).map_or(Scalar::Text(text), Scalar::Bool);
        }
        b'0'..=b'9' | b'-' | b'+' | b'.' => {}
        _ => return Scalar::Text(text),
    }
    let number = integer(text, schema).map(Scalar::Int).or_else(|| float(text, schema).map(Scalar::Float));
    number.or_else(|| huge(text).map(Scalar::Float)).unwrap_or(Scalar::Text(text))
}

/// An integer of more than 64 bits, which Python holds and we round.
fn huge(text: &str) -> Option<f64> {
    let (negative, digits) = sign(text);
    let value: f64 = all_digits(digits, false)?.parse().ok()?;
    (digits.len() >= 19).then_some(if negative { -value } else { value })
}

/// `y` and `n` alone are text to `PyYAML`, although YAML 1.1 says otherwise.
fn boolean(text: &str, schema: Schema) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => return Some(true),
        "false" | "False" | "FALSE" => return Some(false),
        _ => {}
    }
    match text {
        _ if schema == Schema::Core => None,
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn integer(text: &str, schema: Schema) -> Option<i64> {
    let (negative, digits) = sign(text);
    let value = if let Some(hex) = digits.strip_prefix("0x") {
        i64::from_str_radix(&hex.replace('_', ""), 16).ok()?
    } else if let (Some(octal), Schema::Core) = (digits.strip_prefix("0o"), schema) {
        i64::from_str_radix(octal, 8).ok()?
    } else if schema == Schema::Core {
        all_digits(digits, false)?.parse().ok()?
    } else if let Some(binary) = digits.strip_prefix("0b") {
        i64::from_str_radix(&binary.replace('_', ""), 2).ok()?
    } else if digits.contains(':') {
        sexagesimal(digits)?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(&all_digits(digits, true)?, 8).ok()?
    } else {
        all_digits(digits, true)?.parse().ok()?
    };
    Some(if negative { -value } else { value })
}

/// The digits without underscores, if there is nothing else.
fn all_digits(text: &str, underscores: bool) -> Option<String> {
    let legal = |c: char| c.is_ascii_digit() || (underscores && c == '_');
    if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(legal) {
        return None;
    }
    Some(text.replace('_', ""))
}

/// `12:30:45` is 45045 to YAML 1.1.
fn sexagesimal(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let first = parts.next()?;
    if first.starts_with('0') {
        return None;
    }
    let mut value: i64 = all_digits(first, true)?.parse().ok()?;
    for part in parts {
        let digit: i64 = all_digits(part, false).filter(|part| part.len() <= 2)?.parse().ok()?;
        value = value.checked_mul(60)?.checked_add(Some(digit).filter(|digit| *digit < 60)?)?;
    }
    Some(value)
}

/// `PyYAML` needs a dot, and a sign in the exponent; the others don't.
fn float(text: &str, schema: Schema) -> Option<f64> {
    let (negative, digits) = sign(text);
    let value = match digits {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        _ => {
            let clean = if schema == Schema::Core { digits.to_owned() } else { digits.replace('_', "") };
            let (mantissa, exponent) = match clean.find(['e', 'E']) {
                Some(at) => (&clean[..at], Some(&clean[at + 1..])),
                None => (clean.as_str(), None),
            };
            let dot = mantissa.contains('.');
            let numeric = mantissa.chars().all(|c| c.is_ascii_digit() || c == '.')
                && mantissa.chars().any(|c| c.is_ascii_digit());
            let signed = exponent.is_none_or(|exponent| exponent.starts_with(['+', '-']));
            let legal = exponent.is_none_or(|text| {
                let digits = text.trim_start_matches(['+', '-']);
                !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
            });
            if !numeric || !legal || (schema == Schema::PyYaml && !(dot && signed)) || (!dot && exponent.is_none()) {
                return None;
            }
            clean.parse().ok()?
        }
    };
    Some(if negative { -value } else { value })
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, schema: Schema) -> Scalar<'_> {
        resolve(text, Style::Plain, None, schema)
    }

    #[test]
    fn pyyaml_reads_what_its_patterns_say() {
        let py = |text| read(text, Schema::PyYaml);
        assert_eq!(py("yes"), Scalar::Bool(true));
        assert_eq!(py("on"), Scalar::Bool(true));
        assert_eq!(py("y"), Scalar::Text("y"));
        assert_eq!(py("1e-4"), Scalar::Text("1e-4"));
        assert_eq!(py("6.02E23"), Scalar::Text("6.02E23"));
        assert_eq!(py("1.0e-4"), Scalar::Float(1.0e-4));
        assert_eq!(py("1.5e+3"), Scalar::Float(1500.0));
        assert_eq!(py(".5"), Scalar::Float(0.5));
        assert_eq!(py("1."), Scalar::Float(1.0));
        assert_eq!(py("017"), Scalar::Int(15));
        assert_eq!(py("0o17"), Scalar::Text("0o17"));
        assert_eq!(py("0x1F"), Scalar::Int(31));
        assert_eq!(py("0b11"), Scalar::Int(3));
        assert_eq!(py("1_000"), Scalar::Int(1000));
        assert_eq!(py("100_000.5"), Scalar::Float(100_000.5));
        assert_eq!(py("12:30:45"), Scalar::Int(45045));
        assert_eq!(py("NaN"), Scalar::Text("NaN"));
        assert_eq!(py("-.inf"), Scalar::Float(f64::NEG_INFINITY));
        assert_eq!(py("~"), Scalar::Null);
        assert_eq!(py("949,50,1"), Scalar::Text("949,50,1"));
        assert_eq!(py("-"), Scalar::Text("-"));
    }

    #[test]
    fn other_readers_differ_where_the_specification_does() {
        assert_eq!(read("1e-4", Schema::OmegaConf), Scalar::Float(1e-4));
        assert_eq!(read("017", Schema::OmegaConf), Scalar::Int(15));
        assert_eq!(read("yes", Schema::Core), Scalar::Text("yes"));
        assert_eq!(read("017", Schema::Core), Scalar::Int(17));
        assert_eq!(read("0o17", Schema::Core), Scalar::Int(15));
        assert_eq!(read("1e5", Schema::Core), Scalar::Float(1e5));
        assert_eq!(read("12:30:45", Schema::Core), Scalar::Text("12:30:45"));
    }

    #[test]
    fn quotes_and_tags_decide() {
        assert_eq!(resolve("64", Style::Quoted, None, Schema::PyYaml), Scalar::Text("64"));
        assert_eq!(resolve("64", Style::Plain, Some("!!str"), Schema::PyYaml), Scalar::Text("64"));
        assert_eq!(resolve("64", Style::Quoted, Some("!!int"), Schema::PyYaml), Scalar::Int(64));
        assert_eq!(resolve("", Style::Absent, None, Schema::PyYaml), Scalar::Null);
    }
}
