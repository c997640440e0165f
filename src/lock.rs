//! The lock: how its holder is spoken of.

use crate::model::{HostState, Lock, age, short, whole_seconds};

/// Who holds the lock, for a person: `ann@laptop, deploying 3ab9d42 for 3 min, at its step "virtualenv", alive`.
pub fn describe(lock: &Lock) -> String {
    let holder = &lock.holder;
    let what = match (&*holder.verb, &holder.commit) {
        ("deploy", Some(commit)) => format!("deploying {}", short(commit)),
        (verb, _) => format!("in a {verb}"),
    };
    let age = age(whole_seconds(lock.age));
    let step = lock
        .step
        .as_ref()
        .map_or_else(String::new, |step| format!(", at its step {step:?}"));
    // A living client gives a sign every 5 seconds.
    let life = if lock.silent < 12.0 {
        "alive".to_string()
    } else {
        format!("silent for {:.0} s", lock.silent)
    };
    format!("{}, {what} for {age}{step}, {life}", holder.by)
}

/// What is told of a command that was cut off: who, in which step, when, and what it had touched.
pub fn describe_interrupted(state: &HostState) -> Option<String> {
    let (past, step) = (state.interrupted.as_ref()?, state.interrupted_step.as_ref()?);
    let ago = state.interrupted_at.map_or_else(String::new, |at| {
        format!(" {} ago", age(whole_seconds(state.now - at)))
    });
    let touched = match &**step {
        "switch" => "which finishes or goes back by itself",
        "layout" | "link" | "seed" | "virtualenv" | "nginx_test" | "keep_static" | "judge" => {
            "which touches neither slot"
        }
        "release_hook" | "hook" => {
            "the release command: it may have changed what live uses too, such as a database"
        }
        _ => "which touches next only",
    };
    Some(format!(
        "a {} by {} was cut off{ago} at its step {step:?}, {touched}",
        past.verb, past.by
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Holder;

    #[test]
    fn a_holder_is_described() {
        let mut lock = Lock {
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
            describe(&lock),
            "ann@laptop, deploying 3ab9d42 for 3 min, at its step \"virtualenv\", alive"
        );
        lock.silent = 20.0;
        assert!(describe(&lock).ends_with("silent for 20 s"));
    }
}
