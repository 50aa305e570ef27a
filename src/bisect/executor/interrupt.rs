//! Ctrl-C as a flag, so that a search can end its probes and leave its session to be resumed.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on Ctrl-C, SIGTERM and SIGHUP only set the flag; the second one ends the program at once.
///
/// # Errors
/// The system refuses a handler.
pub fn install() -> io::Result<()> {
    if FLAG.get().is_some() {
        return Ok(());
    }
    let set = FLAG.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // in this order: what ends the program looks at the flag before it is set
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(set))?;
        flag::register(signal, Arc::clone(set))?;
    }
    Ok(())
}

/// Whether somebody wants us to stop.
#[must_use]
pub fn interrupted() -> bool {
    FLAG.get().is_some_and(|flag| flag.load(Ordering::SeqCst))
}
