//! Bytes of one file, within limits, as text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Configs are kilobytes; anything this large is a log or data.
pub const MAX_CONFIG: u64 = 8 << 20;
/// Logs may hold a printed argument listing.
pub const MAX_LOG: u64 = 512 << 20;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system said no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Too large.
    #[error("{size} MiB is more than a config ever has (limit {limit} MiB); a log with printed arguments ends in .log")]
    TooLarge {
        /// In MiB, rounded up.
        size: u64,
        /// In MiB.
        limit: u64,
    },
    /// A pipe, a device, a folder.
    #[error("no regular file; pipe the text in and name it `-`")]
    Special,
    /// Zero bytes in it.
    #[error("a binary file, no config")]
    Binary,
    /// A byte order mark of UTF-16.
    #[error("UTF-16; convert it, for example with iconv -f UTF-16 -t UTF-8")]
    Utf16,
    /// Not UTF-8.
    #[error("not UTF-8: byte {byte} on line {line}; convert it, for example with iconv -t UTF-8")]
    Encoding {
        /// Offset of the first bad byte.
        byte: usize,
        /// Its line, from 1.
        line: usize,
    },
}

impl ReadError {
    /// Whether a file that nobody named is worth a word: the system refused it, or it names our settings somewhere.
    #[must_use]
    pub fn concerns(&self, path: &Path) -> bool {
        match self {
            Self::Io(_) => true,
            Self::Encoding { .. } => {
                std::fs::read(path).is_ok_and(|bytes| bytes.windows(4).any(|part| part == b"moe_" || part == b"moe-"))
            }
            _ => false,
        }
    }
}

/// Reads a file as UTF-8 text. A log may be large and hold bad bytes: they are replaced.
///
/// # Errors
/// [`ReadError`].
pub fn read_text(path: &Path, log: bool) -> Result<String, ReadError> {
    let limit = if log { MAX_LOG } else { MAX_CONFIG };
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)?;
    } else {
        // looked at before it is opened: opening a pipe waits for a writer
        let data = std::fs::metadata(path)?;
        if !data.is_file() {
            return Err(ReadError::Special);
        }
        let size = data.len();
        check_size(size, limit)?;
        let file = File::open(path)?;
        bytes.reserve(usize::try_from(size).unwrap_or(0));
        file.take(limit + 1).read_to_end(&mut bytes)?;
    }
    check_size(bytes.len() as u64, limit)?;
    decode(bytes, log)
}

/// Bytes that come from elsewhere than a file, as text, within the same limits.
///
/// # Errors
/// [`ReadError`].
pub fn text_of(bytes: Vec<u8>, log: bool) -> Result<String, ReadError> {
    check_size(bytes.len() as u64, if log { MAX_LOG } else { MAX_CONFIG })?;
    decode(bytes, log)
}

fn check_size(size: u64, limit: u64) -> Result<(), ReadError> {
    if size > limit {
        return Err(ReadError::TooLarge { size: size.div_ceil(1 << 20), limit: limit >> 20 });
    }
    Ok(())
}

fn decode(bytes: Vec<u8>, log: bool) -> Result<String, ReadError> {
    if log {
        return Ok(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        });
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(ReadError::Utf16);
    }
    if bytes.contains(&0) {
        return Err(ReadError::Binary);
    }
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1;
        ReadError::Encoding { byte, line }
    })
}
