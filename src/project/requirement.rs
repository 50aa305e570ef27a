//! Version requirements as Python packages write them, read far enough to tell whether they leave one release.

use crate::facts::environment::version_before;
use crate::facts::release::Package;

/// A line such as `megatron-core[mlm]==0.18.2 ; python_version > "3.9"` → name in lower case with dashes, specifiers.
#[must_use]
pub fn split(line: &str) -> Option<(String, &str)> {
    let line = line.split('#').next()?.split(';').next()?.trim();
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1,
        None => rest,
    };
    let specifiers = rest.trim().trim_start_matches('(').trim_end_matches(')');
    (!name.is_empty()).then(|| (name.to_lowercase().replace(['_', '.'], "-"), specifiers))
}

/// The one release of `package` that the specifiers allow; `None` if they leave several, or one that isn't known.
#[must_use]
pub fn only_release<'p>(package: &'p Package, specifiers: &str) -> Option<&'p str> {
    if specifiers.trim().is_empty() || specifiers.contains('@') {
        return None;
    }
    if let Some(pin) = exact(specifiers) {
        return package.find(pin).and_then(|index| package.releases.get(index)).map(|release| release.series.as_str());
    }
    let numbered = package.releases.iter().filter(|release| release.series != "main");
    // any patch release of a series may be meant: its first and the newest that is known stand for it
    let mut allowed = numbered.filter(|release| {
        let first = format!("{}.0", release.series);
        [first.as_str(), release.patch.as_str()].iter().any(|version| allows(specifiers, version))
    });
    let one = allowed.next()?;
    let newest = package.releases.iter().rev().find(|release| release.series != "main")?;
    // a range that is open above also allows releases that are not known here
    let open = one.series == newest.series && !specifiers.contains('<') && !specifiers.contains("~=");
    (allowed.next().is_none() && !open).then_some(one.series.as_str())
}

/// The version of a single `==` pin without a wildcard.
#[must_use]
pub fn exact(specifiers: &str) -> Option<&str> {
    let pin = specifiers.trim().trim_start_matches('=');
    let single = specifiers.trim().starts_with("==") && !pin.contains([',', '*']);
    single.then(|| pin.trim())
}

fn allows(specifiers: &str, version: &str) -> bool {
    specifiers.split(',').map(str::trim).all(|part| {
        let digits = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
        let (operator, wanted) = part.split_at(digits);
        let prefix = |wanted: &str| {
            let stem = wanted.trim_end_matches(".*");
            version == stem || version.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'))
        };
        match operator.trim() {
            "==" => prefix(wanted) || wanted == version,
            "!=" => !prefix(wanted),
            ">=" => !version_before(version, wanted),
            ">" => version_before(wanted, version),
            "<=" => !version_before(wanted, version),
            "<" => version_before(version, wanted),
            "~=" => {
                let series = wanted.rsplit_once('.').map_or(wanted, |(series, _)| series);
                !version_before(version, wanted) && prefix(series)
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::catalogue;
    use crate::facts::release::CORE;

    #[test]
    fn a_pin_that_leaves_one_release_is_one() {
        let package = catalogue().releases.packages.get(CORE).unwrap();
        let cases = [
            ("==0.18.2", Some("0.18")),
            ("==0.18.1rc3", Some("0.18")),
            (">=0.17,<0.18", Some("0.17")),
            ("~=0.16.0", Some("0.16")),
            ("==0.15.*", Some("0.15")),
            (">=0.16", None),
            (">=0.19", None),
            ("<0.13", Some("0.12")),
            ("", None),
            ("==0.3.0", None),
            (" @ git+https://github.com/NVIDIA/Megatron-LM", None),
        ];
        for (specifiers, expected) in cases {
            assert_eq!(only_release(package, specifiers), expected, "{specifiers}");
        }
        assert_eq!(split("Megatron_Core[mlm] >= 0.18 ; extra == 'x'"), Some(("megatron-core".to_owned(), ">= 0.18")));
        assert_eq!(split("# nothing"), None);
    }
}
