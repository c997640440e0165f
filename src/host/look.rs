//! The look at migrations: an action that reads, of which the answer is wanted and no step told.

use super::failure::lost;
use super::message::Message;
use super::observe::Host;
use super::request::{After, Request};
use super::upload::Upload;
use super::work::Work;
use crate::plan::{Event, Failure, Migrations, Plan};

impl Host<'_> {
    /// Looks at migrations; what was found, and the last that was printed.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub fn look(
        &mut self,
        work: &mut Work,
        plan: &Plan,
        upload: Option<Upload>,
    ) -> Result<(Option<Migrations>, Option<String>), Failure> {
        let (agent, uploads) = (&mut self.agent, [upload]);
        let failed = |error| lost(error, &self.name);
        agent.ask(&Request::carry_out(plan, &uploads, After::More)).map_err(failed)?;
        for upload in uploads.into_iter().flatten() {
            upload.pieces(&mut |piece| agent.upload(piece).map(|()| true)).map_err(failed)?;
            agent.uploaded();
        }
        let (mut found, mut last) = (None, None);
        let done = agent.until(&mut |message| {
            match message {
                Message::Migrations(migrations) => found = Some(migrations),
                Message::Log(line) if !line.trim().is_empty() => {
                    work.emit(Event::Output { line: line.clone() });
                    last = Some(line);
                }
                Message::Done(_) => return Some(()),
                _ => {}
            }
            None
        });
        done.map_err(failed)?;
        Ok((found, last))
    }
}
