//! The lock: how its holder is spoken of.

use crate::model::{Lease, Lock, Stranger, age, short, whole_seconds};

/// Who holds the lock, for a person.
pub(crate) fn describe(lock: &Lock) -> String {
    match lock {
        Lock::Lease(lease) => describe_lease(lease),
        Lock::Stranger(stranger) => describe_stranger(stranger),
    }
}

/// `process 812 of user eve (flock -s lock sleep 1d)`.
fn describe_stranger(stranger: &Stranger) -> String {
    let user = stranger.user.as_deref().unwrap_or("another user");
    match stranger.pid {
        Some(pid) if stranger.command.is_empty() => format!("process {pid} of user {user}"),
        Some(pid) => format!("process {pid} of user {user} ({})", stranger.command),
        None => "a process that the deploy user cannot see".to_string(),
    }
}

/// `ann@laptop, deploying 3ab9d42 for 3 min, at its step "virtualenv", alive`.
fn describe_lease(lock: &Lease) -> String {
    let holder = &lock.holder;
    let what = match (&*holder.verb, &holder.commit) {
        ("deploy", Some(commit)) => format!("deploying {}", short(commit)),
        (verb, _) => format!("in a {verb}"),
    };
    let age = age(whole_seconds(lock.age));
    let step = lock.step.as_ref().map_or_else(String::new, |step| format!(", at its step {step:?}"));
    // A living client gives a sign every 5 seconds.
    let life =
        if lock.silent < 12.0 { "alive".to_string() } else { format!("silent for {:.0} s", lock.silent) };
    format!("{}, {what} for {age}{step}, {life}", holder.by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Holder;

    #[test]
    fn a_holder_is_described() {
        let mut lease = Lease {
            holder: Holder {
                by: "ann@laptop".to_string(),
                verb: "deploy".to_string(),
                commit: Some("3ab9d42ff".to_string()),
            },
            age: 180.0,
            step: Some("virtualenv".to_string()),
            silent: 1.0,
        };
        assert_eq!(
            describe(&Lock::Lease(lease.clone())),
            "ann@laptop, deploying 3ab9d42 for 3 min, at its step \"virtualenv\", alive"
        );
        lease.silent = 20.0;
        assert!(describe(&Lock::Lease(lease)).ends_with("silent for 20 s"));
    }

    #[test]
    fn a_stranger_is_named() {
        let stranger = |ours: bool, pid: Option<u32>| Stranger {
            pid,
            user: pid.map(|_| "eve".to_string()),
            command: "flock -s lock".to_string(),
            ours,
        };
        let said = |of: &Stranger| (describe(&Lock::Stranger(of.clone())), of.end("unlock --force", "web1"));
        let (who, end) = said(&stranger(false, Some(812)));
        assert_eq!(who, "process 812 of user eve (flock -s lock)");
        assert_eq!(end, "only root can end it; on web1: kill 812");
        assert_eq!(said(&stranger(true, Some(812))).1, "end it: unlock --force");
        assert_eq!(said(&stranger(false, None)).0, "a process that the deploy user cannot see");
    }
}
