//! `setup`: the slots, and the site that makes nginx serve them.

use std::time::Instant;

use clap::Args;

use super::Context;
use super::doctor::read;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb};
use crate::config::Environment;
use crate::doctor::{Reading, site_elsewhere};
use crate::host::{After, Began, Message, Request, SiteAnswer, SiteFiles, SitePut, ask, nonce};
use crate::model::ExitCode;
use crate::nginx::{
    SITE_MARK, SiteFacts, certificate, explain, next_name, site, site_command, site_link, site_path,
};
use crate::plan::{self, Event, Failure};
use crate::settings::{Probes, Wish};
use crate::shell::display;
use crate::ssh::Session;
use crate::ui::{Terminal, Ui};

pub(super) const VERB: AnyVerb = AnyVerb::of::<SetupArgs>();

/// Make the slots, and the nginx site that serves them
#[derive(Args, Debug)]
#[command(after_help = "\
It shows the site, or what would change in it, and asks. nginx's whole configuration is tested with it, and everything \
is as before where nginx refuses. A site that includes live already is left alone. Where your user may not write the \
file, it is shown with the commands for root, and the exit code is 1. Next is shown to the host itself alone, unless \
[nginx] next_allow says more.

Examples:
  deployer prod setup --print
  deployer prod setup")]
pub(super) struct SetupArgs {
    /// Only print the site; without a connection, and without TLS unless --tls asks for it.
    #[arg(long)]
    print: bool,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// There is a certificate in /etc/letsencrypt/live; by default, if your user can see it.
    #[arg(long, overrides_with = "no_tls")]
    tls: bool,
    /// A site without TLS, though there is a certificate.
    #[arg(long)]
    no_tls: bool,
}

impl Verb for SetupArgs {
    const ENVIRONMENT: Environments = Environments::One;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        setup(&mut context, &self)?;
        Ok(ExitCode::Done as u8)
    }
}

impl SetupArgs {
    /// Whether there is a certificate, where that is said and not looked for.
    fn wants_tls(&self) -> Option<bool> {
        match (self.tls, self.no_tls) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

/// Shows the site and, unless only that is asked for, makes the slots and puts the site in place.
///
/// # Errors
/// Where the user has no right to write it (the commands for root are then the advice), nobody says yes, or nginx refuses
/// the configuration with it, which is then as it was before.
fn setup(context: &mut Context, options: &SetupArgs) -> Result<(), Failure> {
    let environment = context.environment;
    if options.print {
        let facts = SiteFacts { tls: options.wants_tls() == Some(true), ipv6: true };
        context.emit(Event::File { file: site_path(environment), text: site(environment, facts) });
        return Ok(());
    }
    let mut session = context.connect()?;
    lay_out(&mut session, context)?;
    let reading = read(&mut session, environment)?;
    let path = site_path(environment);
    if let Some(file) = site_elsewhere(&reading, environment, &[Some(path.clone()), site_link(&path)]) {
        context.emit(Event::Note { message: format!("{file} includes live already: it is left as it is") });
        return done(context, "nginx has a site for it");
    }
    let found = look(&mut session, context, &reading)?;
    let facts = SiteFacts { tls: options.wants_tls().unwrap_or(found.certificate), ipv6: found.ipv6 };
    let text = site(environment, facts);
    if found.text.as_deref() == Some(&*text) && found.linked {
        certificates(context, &found, facts, options);
        return done(context, &format!("{path} is as it should be: unchanged"));
    }
    refuse_what_is_not_ours(&found, &path)?;
    present(context, &found, &path, &text);
    certificates(context, &found, facts, options);
    if context.dry_run {
        return Ok(());
    }
    let by_sudo = !found.writable && reading.may_sudo(None);
    if !found.writable && !by_sudo {
        return Err(no_right(environment, &reading, session.host(), facts, &found));
    }
    if let Some(line) =
        reading.tested.iter().find(|line| line.contains("[emerg]")).filter(|_| reading.test != Some(0))
    {
        let what = line.split("[emerg]").nth(1).unwrap_or(line).trim();
        return Err(Failure::new("nginx.test", "nginx refuses its configuration as it is")
            .why(format!("nginx says: {what}"))
            .advise("mend that file; it may belong to another site on this host"));
    }
    confirm(options, context, &path)?;
    put(&mut session, context, &path, &text, by_sudo, &reading)?;
    let next = next_name(environment).map_or_else(String::new, |name| format!(", and {name} for next"));
    done(context, &format!("nginx has a site for {}{next}", environment.url.host))
}

fn done(context: &mut Context, what: &str) -> Result<(), Failure> {
    context.emit(Event::Done {
        what: what.to_string(),
        run: Some(format!("deployer {} deploy", context.environment.name)),
    });
    Ok(())
}

/// The slots and links, under the lock.
fn lay_out(session: &mut Session, context: &mut Context) -> Result<(), Failure> {
    let environment = context.environment;
    let lease = context.lease("setup");
    let mut host = context.open(session, &Wish::new(Probes::FrontDoor), Some(lease))?;
    let plan = host.decide(environment, |state| plan::setup(state, environment, &nonce()))?;
    if context.dry_run {
        context.show(&plan);
    } else if !plan.actions.is_empty() {
        host.execute(&mut context.work(), &plan, Vec::new(), After::Done)?;
    }
    let _ = host.leave();
    Ok(())
}

fn look(session: &mut Session, context: &Context, reading: &Reading) -> Result<SiteAnswer, Failure> {
    let environment = context.environment;
    let (file, by_sudo) = (site_path(environment), reading.may_sudo(None));
    let link = site_link(&file);
    let files = SiteFiles { file: &file, link: link.as_deref(), certificate: &certificate(environment) };
    let mut found =
        answer(session, context, &Request::Site { by_sudo, look: Some(files), put: None, record: None })?;
    // As root everything is; by sudo that is what was meant.
    found.writable &= !by_sudo || reading.user == "root";
    Ok(found)
}

fn answer(session: &mut Session, context: &Context, request: &Request) -> Result<SiteAnswer, Failure> {
    ask(session, context.environment, request, &mut |message| match message {
        Message::Site(answer) => Some(answer),
        _ => None,
    })
}

/// A file that somebody else wrote is somebody else's.
fn refuse_what_is_not_ours(found: &SiteAnswer, path: &str) -> Result<(), Failure> {
    let ours = found.text.as_ref().is_some_and(|text| text.starts_with(SITE_MARK));
    if found.exists && !ours {
        Err(Failure::new(
            "setup.foreign",
            format!("{path} was not written by deployer, and is left as it is"),
        )
        .advise("include live there by hand: deployer help site")
        .advise("or let setup write another file: [nginx] site in deployer.toml"))
    } else {
        Ok(())
    }
}

/// The whole file, or what would change in it.
fn present(context: &mut Context, found: &SiteAnswer, path: &str, text: &str) {
    let shown = match &found.text {
        None => text.to_string(),
        Some(old) => similar::TextDiff::from_lines(old.as_str(), text)
            .unified_diff()
            .context_radius(2)
            .header(path, path)
            .to_string(),
    };
    context.emit(Event::File { file: path.to_string(), text: shown });
}

/// How to come by a certificate where the front door wants one.
fn certificates(context: &mut Context, found: &SiteAnswer, facts: SiteFacts, options: &SetupArgs) {
    let environment = context.environment;
    if !environment.url.https || facts.tls || options.wants_tls().is_some() {
        return;
    }
    let names: Vec<String> =
        [Some(environment.url.host.clone()), next_name(environment)].into_iter().flatten().collect();
    let domains: String =
        names.iter().map(|name| format!(" -d {}", display(std::slice::from_ref(name)))).collect();
    let what = if found.secret {
        "whether there is a certificate only root may know; if there is one: --tls. If not, as root on the host"
    } else {
        "there is no certificate yet, so this site is without TLS; to get one, as root on the host"
    };
    let message = format!(
        "{what}: certbot certonly --webroot -w /var/www/html{domains}\nthen again: deployer {} setup --tls",
        environment.name,
    );
    context.emit(Event::Note { message });
}

/// The commands that put the site in place by somebody who has the right to.
fn no_right(
    environment: &Environment,
    reading: &Reading,
    host: &str,
    facts: SiteFacts,
    found: &SiteAnswer,
) -> Failure {
    let path = site_path(environment);
    let word = |word: &str| display(&[word.to_string()]);
    let link = site_link(&path)
        .map_or_else(String::new, |link| format!("ln -sfn {} {} && ", word(&path), word(&link)));
    let put = site_command(&path, found.exists, found.linked);
    let tls = if facts.tls { " --tls" } else { "" };
    Failure::new("setup.rights", format!("{} may not write {path} on {host}", reading.user))
        .why("sudo does not let that user run everything without a password, and need not: it is done once")
        .advise(format!(
            "with a login as root: deployer {} setup --print{tls} | ssh root@{} {}",
            environment.name,
            word(&environment.target.host),
            word(&put)
        ))
        .advise(format!(
            "or save what stands above as {path} there, and as root: {link}nginx -t && nginx -s reload"
        ))
}

fn confirm(options: &SetupArgs, context: &mut Context, path: &str) -> Result<(), Failure> {
    if options.yes {
        return Ok(());
    }
    if !Terminal.is_there() {
        return Err(Failure::new("setup.ask", format!("nothing was written to {path}"))
            .why("there is no terminal to ask on")
            .advise(format!("deployer {} setup --yes", context.environment.name)));
    }
    context.emit(Event::Asking { what: "whether to write the site".to_string() });
    let answer = Terminal.ask(&format!("Write {path}, test nginx with it, and reload it? [y/N]"));
    if answer.is_some_and(|answer| matches!(&*answer.to_lowercase(), "y" | "yes")) {
        Ok(())
    } else {
        Err(Failure::new("setup.no", format!("nothing was written to {path}")))
    }
}

fn put(
    session: &mut Session,
    context: &mut Context,
    path: &str,
    text: &str,
    by_sudo: bool,
    reading: &Reading,
) -> Result<(), Failure> {
    let environment = context.environment;
    let title = format!("write {path}, test nginx, reload");
    let (number, total) = (1, 1);
    context.emit(Event::StepStarted { number, total, title: title.clone() });
    let began = Instant::now();
    let link = site_link(path);
    let files = SitePut {
        file: path,
        link: link.as_deref(),
        content: text,
        test: &environment.nginx.test,
        reload: &environment.nginx.reload,
    };
    let record = Some(Began { verb: "setup", by: context.by, command: None });
    let answer = answer(session, context, &Request::Site { by_sudo, look: None, put: Some(files), record })?;
    let took = began.elapsed();
    let Some(failed) = answer.failed else {
        context.emit(Event::StepFinished { number, total, title, took, note: None });
        return Ok(());
    };
    context.emit(Event::StepFailed { number, total, title, took });
    let output: Vec<String> = answer.said.lines().map(str::to_string).collect();
    let (code, what, command) = match &*failed {
        "test" => ("nginx.test", "nginx refuses the configuration with this site", &environment.nginx.test),
        "reload" => ("nginx.reload", "nginx could not be reloaded", &environment.nginx.reload),
        _ => ("setup.write", "the site could not be written", &environment.nginx.test),
    };
    let explained = explain(&environment.nginx, command, &reading.user, &output.join("\n"));
    let mut failure = Failure::new(code, format!("{what}; everything is as it was before")).output(output);
    if let Some((why, advice)) = explained {
        failure = failure.why(why);
        failure.advice = advice;
    }
    Err(failure)
}
