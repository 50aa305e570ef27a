//! Texts of others inside Markdown and HTML: they stay texts, whatever they hold.

use super::clean::{clean, printable};

/// Text as a code span that holds in a cell of a table.
#[must_use]
pub fn code(text: &str) -> String {
    let text = clean(text);
    let longest = text.split(|c: char| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// Text that is text in a cell of a table, whatever it holds.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // an at sign would call somebody
            '@' => out.push_str("&#64;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// Text as text of an HTML element or a quoted attribute, cut where it is longer than anybody reads.
#[must_use]
pub fn html(text: &str) -> String {
    entities(&clean(text))
}

/// The same without a cut: half a command would be another command.
#[must_use]
pub fn html_whole(text: &str) -> String {
    entities(&text.lines().map(printable).collect::<Vec<_>>().join("\n"))
}

fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_cell() {
        assert_eq!(code("a|`b"), "``a\\|`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(escape("<b>|@you`\n*"), "&lt;b&gt;\\|&#64;you\\` \\*");
        assert_eq!(html("</title>\"'&\u{1b}"), "&lt;/title&gt;&quot;&#39;&amp;\\u{1b}");
    }
}
