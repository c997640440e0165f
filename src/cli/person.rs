//! Who is at this end.

/// Who runs this, as `user@machine`; on a build service, who set it off.
pub(crate) fn who() -> String {
    let services = [
        ("GITHUB_ACTIONS", "GITHUB_ACTOR", "github"),
        ("GITLAB_CI", "GITLAB_USER_LOGIN", "gitlab"),
    ];
    for (mark, user, service) in services {
        let is_there = std::env::var(mark).is_ok_and(|value| value == "true");
        if let Some(user) = std::env::var(user)
            .ok()
            .filter(|user| is_there && !user.is_empty())
        {
            return format!("{user}@{service}");
        }
    }
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "somebody".to_string());
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user}@{machine}")
}
