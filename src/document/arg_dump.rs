//! The argument listing that Megatron-LM prints at start-up, alone or somewhere in a log.

use super::tree::Span;

/// One `name ........ value` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The name.
    pub name: Span,
    /// Python's `str()` of the value.
    pub value: Span,
}

/// One listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgDump {
    /// In order.
    pub arguments: Vec<Argument>,
    /// Whether its closing line was found.
    pub complete: bool,
}

const HEADER: &str = "--------------------- arguments ---------------------";
const FOOTER: &str = "--- end of arguments ---";

/// Whether the text holds a listing with at least one argument.
#[must_use]
pub fn has_arg_dump(text: &str) -> bool {
    text.contains(HEADER) && !find_arg_dumps(text).is_empty()
}

/// All listings of `text`. Lines in between that are none of theirs (other ranks, warnings) are passed over.
#[must_use]
pub fn find_arg_dumps(text: &str) -> Vec<ArgDump> {
    let mut dumps = Vec::new();
    let mut from = 0;
    while let Some(header) = text[from..].find(HEADER).map(|at| from + at) {
        let mut at = text[header..].find('\n').map_or(text.len(), |newline| header + newline + 1);
        let mut dump = ArgDump::default();
        while at < text.len() {
            let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
            let line = &text[at..end];
            if line.contains(FOOTER) {
                dump.complete = true;
                at = end;
                break;
            }
            if line.contains(HEADER) {
                break;
            }
            dump.arguments.extend(argument(line, at));
            at = end;
        }
        if !dump.arguments.is_empty() {
            dumps.push(dump);
        }
        from = at.max(header + HEADER.len());
    }
    dumps
}

/// `  name ....... value`, whatever a launcher put in front: names are padded with dots to 48 characters, longer
/// ones have none.
fn argument(line: &str, shift: usize) -> Option<Argument> {
    let line = line.trim_end_matches(['\n', '\r']);
    let (name, dots_end) = if let Some(space) = line.find(" ..") {
        let dots = line[space + 1..].find(|c| c != '.').unwrap_or(line.len() - space - 1);
        (word_before(line, space)?, space + 1 + dots)
    } else {
        let (name, space) = last_padded_word(line)?;
        (name, space + 1)
    };
    let value = line.get(dots_end..)?.strip_prefix(' ').unwrap_or("");
    let start = line.len() - value.len();
    Some(Argument {
        name: Span::new(shift + name.0, shift + name.1),
        value: Span::new(shift + start, shift + start + value.trim_end().len()),
    })
}

/// The identifier that ends at `end`.
fn word_before(line: &str, end: usize) -> Option<(usize, usize)> {
    let start = line[..end].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    (start < end).then_some((start, end))
}

/// A name of 47 characters (one dot) or more (no dot): `  name . value`, `  name  value`.
fn last_padded_word(line: &str) -> Option<((usize, usize), usize)> {
    let gap = line.find("  ")?;
    let indent = gap + line[gap..].find(|c| c != ' ')?;
    let length = line.get(indent..)?.find(' ')?;
    let name = &line[indent..indent + length];
    if length < 40 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    let after = &line[indent + length..];
    let space = if after.starts_with(" . ") { indent + length + 1 } else { indent + length };
    Some(((indent, indent + length), space))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_found_behind_rank_prefixes() {
        let long = "num_virtual_stages_per_pipeline_rank_and_then_some_more";
        let text = format!(
            "0: starting\n0: ------------------------ arguments ------------------------\n\
             0:   accumulate_allreduce_grads_in_fp32 .............. False\n\
             1: warning: something else\n\
             0:   data_path ....................................... ['a b', 'c']\n\
             0:   {long}  4\n\
             0: -------------------- end of arguments ---------------------\n0: done\n"
        );
        let dumps = find_arg_dumps(&text);
        let found: Vec<(&str, &str)> = dumps[0]
            .arguments
            .iter()
            .map(|argument| (argument.name.slice(&text), argument.value.slice(&text)))
            .collect();
        assert!(dumps[0].complete);
        assert_eq!(
            found,
            [("accumulate_allreduce_grads_in_fp32", "False"), ("data_path", "['a b', 'c']"), (long, "4")]
        );
    }
}
