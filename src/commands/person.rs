//! Who is at this end.

use std::path::Path;

use crate::git::Repository;

/// Who runs this, as `user@machine`; on a build service, who set it off. Where nothing says who is logged in, as in most
/// containers, git's user.name does, by the repository around `start`.
pub(super) fn who(start: &Path) -> String {
    let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let services =
        [("GITHUB_ACTIONS", "GITHUB_ACTOR", "github"), ("GITLAB_CI", "GITLAB_USER_LOGIN", "gitlab")];
    for (mark, user, service) in services {
        let is_there = std::env::var(mark).is_ok_and(|value| value == "true");
        if let Some(user) = said(user).filter(|_| is_there) {
            return format!("{user}@{service}");
        }
    }
    let user = said("USER")
        .or_else(|| said("LOGNAME"))
        .or_else(|| Repository::user_name(start))
        .unwrap_or_else(|| "somebody".to_string());
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user}@{machine}")
}
