//! The look at migrations that `plan` takes: what a deploy would be refused for, without one.

use super::Context;
use super::deploy::{DeployArgs, asked};
use super::local::{Local, refused};
use super::seed::SEED;
use crate::host::{Host, Upload, nonce};
use crate::model::ExitCode;
use crate::plan::{self, Failure, Migrations, Silent};

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
    host: &mut Host,
    options: &DeployArgs,
    local: &mut Local,
) -> Result<Judged, Failure> {
    let nonce = nonce();
    let look = |context: &mut Context, local: &Local, host: &Host| {
        let mut quiet = Context { observer: &mut Silent, prompt: &mut *context.prompt, ..*context };
        asked(&mut quiet, options, local, &host.state, &host.name, |request| {
            plan::look(&host.state, request, &nonce)
        })
    };
    match look(context, local, host)? {
        Ok(None) => return Ok(Judged::Nothing),
        Err(why) => return Ok(Judged::Later(why)),
        Ok(Some(_)) => {}
    }
    // Only now are they needed, and whoever lacks them can still see the rest.
    let agent = &mut host.agent;
    match context.secrets(&mut || drop(agent.beat())) {
        Ok(secrets) => local.secrets = secrets,
        Err(failure) if failure.exit == ExitCode::Interrupted => return Err(failure),
        Err(failure) => return Ok(Judged::Later(failure.what)),
    }
    match look(context, local, host)? {
        Ok(Some(look)) => take(context, host, local, look),
        Ok(None) => Ok(Judged::Nothing),
        Err(why) => Ok(Judged::Later(why)),
    }
}

fn take(
    context: &mut Context,
    host: &mut Host,
    local: &Local,
    look: plan::PlannedLook,
) -> Result<Judged, Failure> {
    let agent = &mut host.agent;
    let mut progress = |_| agent.beat().is_ok();
    let bundle =
        local.repository.bundle(&local.commit.id, SEED, &look.haves, &mut progress).map_err(refused)?;
    let upload =
        bundle.map(|bundle| Upload { file: bundle.file, bytes: bundle.bytes, objects: bundle.objects });
    let (found, last) = host.look(&mut context.work(), &look.plan, upload)?;
    Ok(match found {
        Some(found) => Judged::Found(found),
        None => Judged::Later(last.unwrap_or_else(|| "they could not be looked at".to_string())),
    })
}
