//! The right name that a wrong one was probably meant to be.

use super::expr::ExprSpan;
use super::token::ExprError;

/// The candidate nearest to `name`, if one is near enough that proposing it helps: an edit for every four characters,
/// a moved neighbour counting as one. Ties go to the first in alphabetical order.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.len() / 4).clamp(1, 3);
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        if candidate.len().abs_diff(name.len()) > allowed {
            continue;
        }
        let distance = strsim::osa_distance(name, candidate);
        if distance <= allowed && best.is_none_or(|found| (distance, candidate) < found) {
            best = Some((distance, candidate));
        }
    }
    best.map(|found| found.1)
}

/// `unknown field `x`, did you mean `y`?`
pub fn unknown<'a>(
    what: &str,
    name: &str,
    place: ExprSpan,
    candidates: impl IntoIterator<Item = &'a str>,
) -> ExprError {
    let hint = nearest(name, candidates).map_or_else(String::new, |right| format!(", did you mean `{right}`?"));
    ExprError::new(place, format!("unknown {what} `{name}`{hint}"))
}
