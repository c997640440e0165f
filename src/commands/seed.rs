//! What a deploy sends: the git objects that the host lacks.

use super::Context;
use super::local::{Local, refused};
use crate::git::PackStage;
use crate::host::{HostSession, Upload};
use crate::plan::{Action, Event, Failure, Plan, Unit};

/// The reference under which objects travel.
pub(super) const SEED: &str = "refs/deployer/seed";

/// Packs what the host lacks, one file for each step that seeds.
pub(super) fn bundles(
    agent: &mut HostSession,
    context: &mut Context,
    local: &Local,
    plan: &Plan,
) -> Result<Vec<Option<Upload>>, Failure> {
    let mut uploads = Vec::new();
    for action in &plan.actions {
        let Action::Seed(seed) = action else {
            uploads.push(None);
            continue;
        };
        let module =
            seed.module.as_ref().and_then(|name| local.modules.iter().find(|module| module.name == *name));
        let repository = module.map_or(&local.repository, |module| &module.repository);
        let interrupt = context.interrupt;
        let observer = &mut *context.observer;
        let mut progress = |progress: crate::git::PackProgress| {
            let unit = match progress.stage {
                PackStage::Counting | PackStage::Compressing => Unit::Objects,
                PackStage::Writing => Unit::Bytes,
            };
            observer.event(Event::Progress { done: progress.done, total: progress.total, unit });
            agent.beat().is_ok() && interrupt.count() == 0
        };
        let bundle = repository.bundle(&seed.commit.id, SEED, &seed.haves, &mut progress).map_err(refused)?;
        uploads.push(bundle.map(|bundle| Upload {
            file: bundle.file,
            bytes: bundle.bytes,
            objects: bundle.objects,
        }));
    }
    Ok(uploads)
}
