//! Lists as people write them on Megatron-LM's command line: `([0]*3+[1]*58)`.
//!
//! Arguments such as `--moe-layer-freq` are evaluated as Python when they hold a `[`
//! (NVIDIA/Megatron-LM@core_v0.19.0:megatron/training/arguments.py, `moe_freq_type`).

use crate::facts::value::Value;

/// Longest list: no model has as many layers.
const MAX_ITEMS: usize = 10_000;
/// Deepest nesting of brackets.
const MAX_DEPTH: u8 = 16;

/// The list; `None` when the text is something else.
#[must_use]
pub fn evaluate(text: &str) -> Option<Vec<Value>> {
    // a launcher may quote it once more for the shell
    let mut reader = Reader { rest: text.trim().trim_matches('\''), depth: 0 };
    let list = reader.sum()?;
    reader.rest.trim().is_empty().then(|| list.into_iter().map(Value::Int).collect())
}

struct Reader<'a> {
    rest: &'a str,
    depth: u8,
}

impl Reader<'_> {
    fn takes(&mut self, mark: char) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn sum(&mut self) -> Option<Vec<i64>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mut all = self.product()?;
        while self.takes('+') {
            all.extend(self.product()?);
        }
        self.depth -= 1;
        (all.len() <= MAX_ITEMS).then_some(all)
    }

    fn product(&mut self) -> Option<Vec<i64>> {
        let before = self.rest;
        let mut times = self.number().filter(|_| self.takes('*'));
        if times.is_none() {
            self.rest = before;
        }
        let list = self.list()?;
        while self.takes('*') {
            times = Some(times.unwrap_or(1).checked_mul(self.number()?)?);
        }
        let times = usize::try_from(times.unwrap_or(1).max(0)).ok()?;
        (list.len().checked_mul(times)? <= MAX_ITEMS).then(|| list.repeat(times))
    }

    fn list(&mut self) -> Option<Vec<i64>> {
        if self.takes('(') {
            let inner = self.sum()?;
            return self.takes(')').then_some(inner);
        }
        if !self.takes('[') {
            return None;
        }
        let mut items = Vec::new();
        while !self.takes(']') {
            if !items.is_empty() && !self.takes(',') {
                return None;
            }
            if self.takes(']') {
                break;
            }
            items.push(self.number()?);
        }
        Some(items)
    }

    fn number(&mut self) -> Option<i64> {
        self.rest = self.rest.trim_start();
        let sign = usize::from(self.rest.starts_with('-'));
        let digits = self.rest.get(sign..)?.bytes().take_while(u8::is_ascii_digit).count();
        let number = self.rest.get(..sign + digits)?.parse().ok()?;
        self.rest = self.rest.get(sign + digits..)?;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_products_of_lists() {
        let cases: [(&str, Option<&[i64]>); 9] = [
            ("([0]*3+[1]*2)", Some(&[0, 0, 0, 1, 1])),
            ("[0,1]*2", Some(&[0, 1, 0, 1])),
            ("([0]+[1]*2)", Some(&[0, 1, 1])),
            ("2 * [1, 0] + ([1])", Some(&[1, 0, 1, 0, 1])),
            ("[1]*-1", Some(&[])),
            ("[0]*3+[1", None),
            ("[1]*100000000", None),
            ("3", None),
            ("[a]", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|items| items.iter().copied().map(Value::Int).collect::<Vec<_>>());
            assert_eq!(evaluate(text), expected, "{text}");
        }
        assert_eq!(evaluate(&"(".repeat(10_000)), None);
    }
}
