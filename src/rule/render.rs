//! Templates → text.

use super::eval::{Context, Term, eval};
use super::model::{Part, Template};

/// Fills in a template; what is not known reads `?`.
#[must_use]
pub fn render(template: &Template, context: &impl Context) -> String {
    let mut text = String::new();
    for part in template.iter() {
        match part {
            Part::Text(piece) => text.push_str(piece),
            Part::Expr(expr, _) => match eval(expr, context) {
                Term::Unknown => text.push('?'),
                term => text.push_str(&term.to_value().to_string()),
            },
        }
    }
    text
}
