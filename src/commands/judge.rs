//! The look at migrations that `plan` takes: what a deploy would be refused for, without one.

use std::io::Read;

use super::Context;
use super::deploy::{DeployArgs, asked};
use super::host::Visit;
use super::local::{Local, refused};
use super::script::{After, Upload, request};
use super::seed::SEED;
use crate::host::Message;
use crate::model::ExitCode;
use crate::plan::{self, Event, Failure, Migrations, Silent};

/// What came of a look.
pub(super) enum Judged {
    /// There is nothing to look at.
    Nothing,
    Found(Migrations),
    /// Only the deploy can tell; why.
    Later(String),
}

/// Looks at what a deploy of the commit would migrate, in a folder of its own on the host: neither slot nor lock is touched.
///
/// # Errors
/// Where the connection is lost or a person interrupts.
pub(super) fn judge(
    context: &mut Context,
    visit: &mut Visit,
    options: &DeployArgs,
    local: &mut Local,
) -> Result<Judged, Failure> {
    let nonce = crate::host::nonce();
    let look = |context: &mut Context, local: &Local, visit: &Visit| {
        let mut quiet = Context { observer: &mut Silent, prompt: &mut *context.prompt, ..*context };
        asked(&mut quiet, options, local, &visit.state, &visit.host, |request| {
            plan::look(&visit.state, request, &nonce)
        })
    };
    match look(context, local, visit)? {
        Ok(None) => return Ok(Judged::Nothing),
        Err(why) => return Ok(Judged::Later(why)),
        Ok(Some(_)) => {}
    }
    // Only now are they needed, and whoever lacks them can still see the rest.
    let shell = &mut visit.shell;
    match context.secrets(&mut || drop(shell.beat())) {
        Ok(secrets) => local.secrets = secrets,
        Err(failure) if failure.exit == ExitCode::Interrupted => return Err(failure),
        Err(failure) => return Ok(Judged::Later(failure.what)),
    }
    match look(context, local, visit)? {
        Ok(Some(look)) => take(context, visit, local, look),
        Ok(None) => Ok(Judged::Nothing),
        Err(why) => Ok(Judged::Later(why)),
    }
}

fn take(
    context: &mut Context,
    visit: &mut Visit,
    local: &Local,
    look: plan::Look,
) -> Result<Judged, Failure> {
    let Visit { shell, host, .. } = visit;
    let mut progress = |_| shell.beat().is_ok();
    let bundle =
        local.repository.bundle(&local.commit.id, SEED, &look.haves, &mut progress).map_err(refused)?;
    let failed = |error| super::host::lost(error, host);
    let mut uploads =
        vec![bundle.map(|bundle| Upload { file: bundle.file, bytes: bundle.bytes, objects: bundle.objects })];
    shell.ask(&request(&look.plan, &uploads, After::More)).map_err(failed)?;
    if let Some(upload) = uploads.remove(0) {
        let mut file = upload.file;
        let mut piece = vec![0; 256 * 1024];
        loop {
            let count = file.read(&mut piece).map_err(|error| failed(error.into()))?;
            if count == 0 {
                break;
            }
            shell.upload(&piece[..count]).map_err(failed)?;
        }
        shell.uploaded();
    }
    let (mut found, mut last) = (None, None);
    let done = shell.until(&mut |message| {
        match message {
            Message::Migrations(migrations) => found = Some(migrations),
            Message::Log(line) if !line.trim().is_empty() => {
                context.emit(Event::Output { line: line.clone() });
                last = Some(line);
            }
            Message::Done(_) => return Some(()),
            _ => {}
        }
        None
    });
    done.map_err(failed)?;
    Ok(match found {
        Some(found) => Judged::Found(found),
        None => Judged::Later(last.unwrap_or_else(|| "they could not be looked at".to_string())),
    })
}
