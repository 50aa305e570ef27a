//! Whole files or none.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes beside the file, then renames: never half a file; permissions stay. What is no regular file (a pipe, a
/// device, a link) is written through.
///
/// # Errors
/// The system's.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let known = path.symlink_metadata().ok();
    if known.as_ref().is_some_and(|data| !data.is_file()) {
        return fs::write(path, bytes);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let written = fs::OpenOptions::new().write(true).create_new(true).open(&beside);
    let done = written.and_then(|mut file| {
        if let Some(data) = &known {
            file.set_permissions(data.permissions())?;
        }
        file.write_all(bytes)
    });
    done.and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}
