//! The one connection to a host.

use std::path::Path;
use std::time::Instant;

use super::failure::unreachable;
use super::work::Work;
use crate::plan::{Event, Failure, Observer};
use crate::ssh::{ConnectOptions, Prompt, Session};

/// Opens the one connection; `prompt` is asked for passphrases.
///
/// # Errors
/// Where the host cannot be reached, or is not the one that is known.
pub fn connect(
    options: &ConnectOptions,
    prompt: &mut dyn Prompt,
    work: &mut Work,
) -> Result<Session, Failure> {
    let began = Instant::now();
    let target = &work.environment.target;
    let options = &ConnectOptions { client: work.environment.ssh, ..options.clone() };
    work.emit(Event::Connecting { host: target.host.clone() });
    let mut prompt = Asking { prompt, observer: &mut *work.observer };
    let session = Session::connect(target, options, &mut prompt, work.interrupt)
        .map_err(|error| unreachable(&error, &work.environment.name))?;
    for message in session.warnings().to_vec() {
        work.emit(Event::Warning { message });
    }
    work.emit(Event::Connected {
        host: session.host().to_string(),
        own_ssh: session.own_ssh().map(str::to_owned),
        took: began.elapsed(),
    });
    Ok(session)
}

/// Clears the screen of what moves before a person is asked.
struct Asking<'a> {
    prompt: &'a mut dyn Prompt,
    observer: &'a mut dyn Observer,
}

impl Prompt for Asking<'_> {
    fn passphrase(&mut self, key: &Path, attempt: usize) -> Option<String> {
        let what = format!("the passphrase of {}", key.display());
        self.observer.event(Event::Asking { what });
        self.prompt.passphrase(key, attempt)
    }

    fn can_answer(&self) -> bool {
        self.prompt.can_answer()
    }

    fn answer(&mut self, question: &str) -> Option<String> {
        self.observer.event(Event::Asking { what: question.to_owned() });
        self.prompt.answer(question)
    }

    fn tell(&mut self, message: &str) {
        self.observer.event(Event::Note { message: message.to_owned() });
    }
}
